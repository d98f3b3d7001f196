import type { Format } from "../../media/track.ts";

/** The implied `a=rtpmap` of static payload types (RFC 3551 §6, tables 4 and 5). */
export const STATIC_RTPMAPS: ReadonlyMap<number, string> = new Map([
  [0, "PCMU/8000"],
  [3, "GSM/8000"],
  [4, "G723/8000"],
  [5, "DVI4/8000"],
  [6, "DVI4/16000"],
  [7, "LPC/8000"],
  [8, "PCMA/8000"],
  [9, "G722/8000"],
  [10, "L16/44100/2"],
  [11, "L16/44100"],
  [12, "QCELP/8000"],
  [13, "CN/8000"],
  [14, "MPA/90000"],
  [15, "G728/8000"],
  [16, "DVI4/11025"],
  [17, "DVI4/22050"],
  [18, "G729/8000"],
  [25, "CelB/90000"],
  [26, "JPEG/90000"],
  [28, "nv/90000"],
  [31, "H261/90000"],
  [32, "MPV/90000"],
  [33, "MP2T/90000"],
  [34, "H263/90000"],
]);

/** Channels of samples at most. */
const CHANNELS_MAX = 64;

/** The static payload type of an rtpmap (RFC 3551). */
export function staticPayloadType(rtpmap: string): number | undefined {
  for (const [payloadType, text] of STATIC_RTPMAPS) if (text === rtpmap) return payloadType;
  return undefined;
}

/** Encoding name of a format, in lower case. */
export function encodingOf(format: Format): string {
  return partOf(format, 0)?.toLowerCase() ?? "";
}

/**
 * Channels of an audio format; undefined if out of range.
 *
 * @param usual what it means when nothing is said
 */
export function channelsOf(format: Format, usual = 1): number | undefined {
  const channels = Number(partOf(format, 2) ?? usual);
  return channels >= 1 && channels <= CHANNELS_MAX ? Math.floor(channels) : undefined;
}

/** The rtpmap with these channels, which are left out when there is one (RFC 4566 §6). */
export function writeRtpmap(encoding: string, clockRate: number, channels = 1): string {
  return `${encoding}/${clockRate}${channels === 1 ? "" : `/${channels}`}`;
}

/** Part of `<encoding>/<clock rate>[/<channels>]`. */
function partOf({ rtpmap, payloadType }: Format, part: number): string | undefined {
  return (rtpmap ?? STATIC_RTPMAPS.get(payloadType))?.split("/")[part]?.trim();
}
