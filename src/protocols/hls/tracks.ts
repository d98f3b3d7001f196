import {
  codecName,
  isVideoTrack,
  MP4_CODEC_IDS,
  type Mp4Codec,
  type Mp4Track,
} from "../../formats/fmp4/codecs.ts";
import { pictureOf } from "../../formats/rtp/units.ts";
import { CODECS, type CodecId } from "../../media/codecs.ts";
import type { H265Facts } from "../../media/h265.ts";
import { parseAudioConfig } from "../../media/mpeg4-audio.ts";
import { audioConfigOf, parameterSetsOf } from "../../media/parameters.ts";
import type { Format } from "../../media/track.ts";
import type { Stream } from "../../stream/stream.ts";
import type { StreamFacts } from "./proto/playlist.ts";

/** A track of a stream that goes into the playlist. */
export interface ChosenTrack {
  /** Index in the stream. */
  readonly index: number;
  readonly format: Format;
  readonly isVideo: boolean;
}

/** The tracks of a stream that HLS takes, and what is said of the others. */
export interface Choice {
  readonly chosen: readonly ChosenTrack[];
  readonly left: readonly string[];
}

/** Takes the first video and the first audio track whose codec the files can carry. */
export function chooseTracks(stream: Stream): Choice {
  const chosen: ChosenTrack[] = [];
  const left: string[] = [];
  stream.description.tracks.forEach(({ formats }, index) => {
    const format = formats[0] as Format;
    const { label, kind } = CODECS[format.codec];
    const isVideo = kind === "video";
    if (!isMp4Codec(format.codec)) left.push(`track ${index + 1} (${label}): HLS cannot carry it`);
    else if (chosen.some((other) => other.isVideo === isVideo)) {
      left.push(`track ${index + 1} (${label}): there is another ${kind} track`);
    } else chosen.push({ index, format, isVideo });
  });
  return { chosen: chosen.sort((a, b) => Number(b.isVideo) - Number(a.isVideo)), left };
}

function isMp4Codec(codec: CodecId): codec is Mp4Codec {
  return (MP4_CODEC_IDS as readonly string[]).includes(codec);
}

/** A track with its parameters as they are now; undefined while they are not known. */
export function describeTrack(stream: Stream, { index, format }: ChosenTrack): Mp4Track | undefined {
  const inBand = stream.log.tracks[index]?.parameterSets ?? {
    vps: undefined,
    sps: undefined,
    pps: undefined,
  };
  switch (format.codec) {
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
    case "mpeg4Audio": {
      const config = audioConfigOf(format);
      if (config === undefined) return undefined;
      return { codec: "mpeg4Audio", facts: parseAudioConfig(config), config, clockRate: format.clockRate };
    }
    case "opus":
      return { codec: "opus", channels: format.fmtp.get("sprop-stereo") === "0" ? 1 : 2 };
    default:
      return undefined;
  }
}

/** What a multivariant playlist says of these tracks. */
export function factsOf(tracks: readonly Mp4Track[]): StreamFacts {
  const video = tracks.find(isVideoTrack);
  const picture = video !== undefined && "picture" in video ? video.picture : undefined;
  return {
    codecs: tracks.map(codecName),
    ...(picture !== undefined && { width: picture.width, height: picture.height }),
    ...(picture?.frameRate !== undefined && { frameRate: picture.frameRate }),
  };
}
