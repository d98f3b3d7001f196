import { MP4_WRITTEN } from "../formats/fmp4/codecs.ts";
import { readFormat } from "../formats/rtp/unit-formats.ts";
import { unitSetup } from "../formats/rtp/units.ts";
import type { InBand, KnownParameters } from "../media/codec-parameters.ts";
import { CODECS } from "../media/codecs.ts";
import { asKnown, withInBand } from "../media/parameters.ts";
import type { Format } from "../media/track.ts";
import type { Stream } from "../stream/stream.ts";

/** A track of a stream that goes into the playlist. */
export interface ChosenTrack {
  /** Index in the stream. */
  readonly index: number;
  readonly format: Format;
  readonly isVideo: boolean;
}

/** The tracks that go into the playlist, and why the others are skipped. */
export interface TrackChoice {
  readonly chosen: readonly ChosenTrack[];
  readonly skipped: readonly string[];
}

/**
 * Chooses one video and one audio track whose codecs the files can carry; of several of a kind the one whose codec is
 * first in the table of files.
 *
 * @param silent indexes of tracks that send nothing: players would wait for them
 * @param carrier name of what carries the tracks, for the reasons
 */
export function chooseTracks(
  { description }: Stream,
  silent: ReadonlySet<number>,
  carrier: string,
): TrackChoice {
  const able = description.tracks
    .map(({ formats }, index) => ({ index, format: formats[0] as Format }))
    .filter(({ format, index }) => canCarry(format) && canMakeUnits(format) && !silent.has(index))
    .sort((a, b) => MP4_WRITTEN.indexOf(a.format.codec) - MP4_WRITTEN.indexOf(b.format.codec));
  const take = (wanted: "video" | "audio"): ChosenTrack[] =>
    able
      .filter(({ format }) => CODECS[format.codec].kind === wanted)
      .slice(0, 1)
      .map((track) => ({ ...track, isVideo: wanted === "video" }));
  const chosen = [...take("video"), ...take("audio")];
  const skipped = description.tracks.flatMap(({ formats }, index) => {
    if (chosen.some((track) => track.index === index)) return [];
    const format = formats[0] as Format;
    const reason = silent.has(index) ? "no data received" : reasonOf(format, carrier);
    return [`track ${index + 1} (${CODECS[format.codec].label}): ${reason}`];
  });
  return { chosen, skipped };
}

/** Why an active track was not chosen. */
function reasonOf(format: Format, carrier: string): string {
  if (!canCarry(format)) return `not supported by ${carrier}`;
  if (!canMakeUnits(format)) return "unknown codec parameters";
  return `another ${CODECS[format.codec].kind} track is used`;
}

function canCarry({ codec }: Format): boolean {
  return MP4_WRITTEN.includes(codec);
}

/** Whether the description has what is needed to make units of its packets. */
function canMakeUnits(format: Format): boolean {
  return unitSetup(format) !== undefined;
}

/** The current parameters of a track; undefined while they are incomplete or invalid. */
export function describeTrack({ format }: ChosenTrack, inBand: InBand): KnownParameters | undefined {
  const parameters = readFormat(format);
  return parameters && asKnown(withInBand(parameters, inBand));
}
