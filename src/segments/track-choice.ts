import { MP4_CODEC_IDS, type Mp4Track } from "../formats/fmp4/codecs.ts";
import { readFormat } from "../formats/rtp/unit-formats.ts";
import { parseSequenceHeader } from "../media/av1.ts";
import type { CodecId, InBand } from "../media/codec-parameters.ts";
import { CODECS } from "../media/codecs.ts";
import { parseH264Sps } from "../media/h264.ts";
import { parseH265Sps } from "../media/h265.ts";
import { parseAudioConfig } from "../media/mpeg4-audio.ts";
import { known, renewed } from "../media/parameters.ts";
import type { Format } from "../media/track.ts";
import type { Stream } from "../stream/stream.ts";

/** A track of a stream that goes into the playlist. */
export interface ChosenTrack {
  /** Index in the stream. */
  readonly index: number;
  readonly format: Format;
  readonly isVideo: boolean;
}

/** The tracks that a reader takes, and what is said of the others. */
export interface Choice {
  readonly chosen: readonly ChosenTrack[];
  readonly left: readonly string[];
}

/** Of several tracks of a kind the one with the first of these codecs is taken. */
const ORDER: readonly CodecId[] = ["av1", "vp9", "h265", "h264", "opus", "mpeg4Audio"];

/**
 * Takes one video and one audio track whose codecs the files can carry.
 *
 * @param silent indexes of tracks that send nothing: players would wait for them
 * @param carrier what takes the tracks, as the reason for leaving one out names it
 */
export function chooseTracks({ description }: Stream, silent: ReadonlySet<number>, carrier: string): Choice {
  const able = description.tracks
    .map(({ formats }, index) => ({ index, format: formats[0] as Format }))
    .filter(({ format, index }) => isMp4Codec(format.codec) && !silent.has(index))
    .sort((a, b) => ORDER.indexOf(a.format.codec) - ORDER.indexOf(b.format.codec));
  const take = (wanted: "video" | "audio"): ChosenTrack[] =>
    able
      .filter(({ format }) => CODECS[format.codec].kind === wanted)
      .slice(0, 1)
      .map((track) => ({ ...track, isVideo: wanted === "video" }));
  const chosen = [...take("video"), ...take("audio")];
  const left = description.tracks.flatMap(({ formats }, index) => {
    const { codec } = formats[0] as Format;
    if (chosen.some((track) => track.index === index)) return [];
    const reason = silent.has(index)
      ? "it sends nothing"
      : isMp4Codec(codec)
        ? `there is another ${CODECS[codec].kind} track`
        : `${carrier} cannot carry it`;
    return [`track ${index + 1} (${CODECS[codec].label}): ${reason}`];
  });
  return { chosen, left };
}

function isMp4Codec(codec: CodecId): boolean {
  return (MP4_CODEC_IDS as readonly string[]).includes(codec);
}

/** A track with its parameters as they are now; undefined while something is missing or makes no sense. */
export function describeTrack({ format }: ChosenTrack, inBand: InBand): Mp4Track | undefined {
  const described = readFormat(format);
  const parameters = described && known(renewed(described, inBand));
  switch (parameters?.codec) {
    case "av1":
      return { ...parameters, picture: parseSequenceHeader(parameters.sequenceHeader) };
    case "vp9":
      return parameters;
    case "h264":
      return { ...parameters, picture: parseH264Sps(parameters.sps) };
    case "h265":
      return { ...parameters, picture: parseH265Sps(parameters.sps) };
    case "mpeg4Audio":
      return { ...parameters, facts: parseAudioConfig(parameters.config), clockRate: format.clockRate };
    case "opus":
      return parameters;
    default:
      return undefined;
  }
}
