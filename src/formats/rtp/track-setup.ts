import {
  KIND_AV1,
  KIND_H264,
  KIND_H265,
  KIND_MJPEG,
  KIND_MPEG4_VIDEO,
  KIND_MPEG12_VIDEO,
  KIND_PACKET,
  KIND_VP8,
  KIND_VP9,
  PARAM_PPS,
  PARAM_SPS,
  PARAM_VPS,
} from "../../../assembly/abi.ts";
import type { TrackSetup } from "../../../wasm/log.ts";
import type { ParameterSets } from "../../../wasm/track.ts";
import type { CodecId } from "../../media/codecs.ts";
import type { Format, StreamDescription, Track } from "../../media/track.ts";

/** How the core finds frames and random access points of each codec. */
const KINDS: Readonly<Record<CodecId, number>> = {
  av1: KIND_AV1,
  vp9: KIND_VP9,
  vp8: KIND_VP8,
  h265: KIND_H265,
  h264: KIND_H264,
  mpeg4Video: KIND_MPEG4_VIDEO,
  mpeg12Video: KIND_MPEG12_VIDEO,
  mjpeg: KIND_MJPEG,
  mpegts: KIND_PACKET,
  opus: KIND_PACKET,
  vorbis: KIND_PACKET,
  mpeg4Audio: KIND_PACKET,
  mpeg4AudioLatm: KIND_PACKET,
  mpeg12Audio: KIND_PACKET,
  ac3: KIND_PACKET,
  speex: KIND_PACKET,
  g726: KIND_PACKET,
  g722: KIND_PACKET,
  g711: KIND_PACKET,
  lpcm: KIND_PACKET,
  generic: KIND_PACKET,
};

/** What the core must know of each track of a description. */
export function trackSetups(description: StreamDescription): TrackSetup[] {
  return description.tracks.map((track) => ({
    kinds: new Map(track.formats.map((format) => [format.payloadType, KINDS[format.codec]])),
    clockRate: (track.formats[0] as Format).clockRate,
    paramsKnown: track.formats.reduce((bits, format) => bits | paramsKnown(format), 0),
  }));
}

function paramsKnown({ codec, fmtp }: Format): number {
  if (codec === "h264")
    return (fmtp.get("sprop-parameter-sets") ?? "").includes(",") ? PARAM_SPS | PARAM_PPS : 0;
  if (codec !== "h265") return 0;
  let bits = 0;
  if (fmtp.has("sprop-vps")) bits |= PARAM_VPS;
  if (fmtp.has("sprop-sps")) bits |= PARAM_SPS;
  if (fmtp.has("sprop-pps")) bits |= PARAM_PPS;
  return bits;
}

/**
 * The track with the parameter sets that came in band, so that a reader that joins later knows the ones in use (RFC
 * 6184 §8.1, RFC 7798 §7.1).
 */
export function withParameterSets(track: Track, sets: ParameterSets): Track {
  return { ...track, formats: track.formats.map((format) => withSets(format, sets)) };
}

function withSets(format: Format, { vps, sps, pps }: ParameterSets): Format {
  if (sps === undefined || pps === undefined) return format;
  const fmtp = new Map(format.fmtp);
  if (format.codec === "h264" && sps.length >= 4) {
    fmtp.set("sprop-parameter-sets", `${base64(sps)},${base64(pps)}`);
    fmtp.set("profile-level-id", Buffer.from(sps.subarray(1, 4)).toString("hex").toUpperCase());
  } else if (format.codec === "h265" && vps !== undefined) {
    fmtp.set("sprop-vps", base64(vps));
    fmtp.set("sprop-sps", base64(sps));
    fmtp.set("sprop-pps", base64(pps));
  }
  return { ...format, fmtp };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
