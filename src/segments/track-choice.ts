import { MP4_CODEC_IDS, type Mp4Track } from "../formats/fmp4/codecs.ts";
import { pictureOf } from "../formats/rtp/units.ts";
import { findSequenceHeader, parseSequenceHeader } from "../media/av1.ts";
import { CODECS, type CodecId } from "../media/codecs.ts";
import type { H265Facts } from "../media/h265.ts";
import { parseAudioConfig } from "../media/mpeg4-audio.ts";
import { audioConfigOf, parameterSetsOf } from "../media/parameters.ts";
import type { Format } from "../media/track.ts";
import { parseVp9KeyFrame } from "../media/vp9.ts";
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
const ORDER: readonly CodecId[] = ["av1", "vp9", "h265", "h264", "opus", "mpeg4Audio", "mpeg4AudioLatm"];

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
  // the same frames once they are out of their packets
  const name = codec === "mpeg4AudioLatm" ? "mpeg4Audio" : codec;
  return (MP4_CODEC_IDS as readonly string[]).includes(name);
}

/**
 * A track with its parameters as they are now; undefined while they are not known.
 *
 * @param head first bytes of its present random access point; of sound the AudioSpecificConfig that came in band
 * @throws {ProtocolError} if they make no sense
 */
export function describeTrack(
  stream: Stream,
  { index, format }: ChosenTrack,
  head: Uint8Array,
): Mp4Track | undefined {
  const inBand = stream.log.tracks[index]?.parameterSets ?? {
    vps: undefined,
    sps: undefined,
    pps: undefined,
  };
  switch (format.codec) {
    case "av1": {
      const found = findSequenceHeader(head);
      if (found === undefined) return undefined;
      return { codec: "av1", picture: parseSequenceHeader(found), sequenceHeader: found.slice() };
    }
    case "vp9":
      return { codec: "vp9", picture: parseVp9KeyFrame(head) };
    case "h264": {
      const { sps, pps } = parameterSetsOf(format, inBand);
      const picture = pictureOf(format, inBand);
      if (sps === undefined || pps === undefined || picture === undefined) return undefined;
      return { codec: "h264", picture, sps, pps };
    }
    case "h265": {
      const { vps, sps, pps } = parameterSetsOf(format, inBand);
      const picture = pictureOf(format, inBand) as H265Facts | undefined;
      if (vps === undefined || sps === undefined || pps === undefined || picture === undefined)
        return undefined;
      return { codec: "h265", picture, vps, sps, pps };
    }
    case "mpeg4Audio":
    case "mpeg4AudioLatm": {
      const config = head.length > 0 ? head : audioConfigOf(format);
      if (config === undefined) return undefined;
      return { codec: "mpeg4Audio", facts: parseAudioConfig(config), config, clockRate: format.clockRate };
    }
    case "opus":
      return { codec: "opus", channels: format.fmtp.get("sprop-stereo") === "0" ? 1 : 2 };
    default:
      return undefined;
  }
}
