import { parseSequenceHeader } from "../../media/av1.ts";
import { parseMpeg12Sequence } from "../../media/mpeg12-video.ts";
import type { PictureFacts } from "../../media/picture.ts";
import { parseVp8KeyFrame } from "../../media/vp8.ts";
import { parseVp9KeyFrame } from "../../media/vp9.ts";

/*
 * The picture size in the first RTP payload of a random access point. All take at least its first bytes, and
 * throw ProtocolError if there is none, or the payload is truncated or invalid.
 */

/** Size of a picture, in pixels. */
export type PictureSize = Pick<PictureFacts, "width" | "height">;

/** AV1 RTP §4.4: the first OBU element, when it is a sequence header. */
export function av1Size(payload: Uint8Array): PictureSize {
  const [aggregation = 0] = payload;
  let at = 1;
  let size = payload.length - 1;
  if ((aggregation & 0x30) !== 0x10) {
    size = 0;
    for (let shift = 0, more = true; more && shift < 28; shift += 7, at++) {
      const byte = payload[at] ?? 0;
      size |= (byte & 0x7f) << shift;
      more = (byte & 0x80) !== 0;
    }
  }
  const element = payload.subarray(at, at + size);
  const [header = 0] = element;
  if ((header & 0x02) !== 0) return parseSequenceHeader(element);
  const start = (header & 0x04) === 0 ? 1 : 2; // the element is an OBU without its size field, which the parser expects
  const obu = [
    header | 0x02,
    ...element.subarray(1, start),
    element.length - start,
    ...element.subarray(start),
  ];
  return parseSequenceHeader(Uint8Array.from(obu));
}

/** RFC 9628 §4.2: the frame header follows the payload descriptor. */
export function vp9Size(payload: Uint8Array): PictureSize {
  const [flags = 0] = payload;
  let at = 1;
  if ((flags & 0x80) !== 0) at += ((payload[1] ?? 0) & 0x80) !== 0 ? 2 : 1;
  if ((flags & 0x20) !== 0) at += (flags & 0x10) !== 0 ? 1 : 2;
  if ((flags & 0x02) !== 0) at = endOfStructure(payload, at);
  return parseVp9KeyFrame(payload.subarray(at));
}

/** RFC 9628 §4.2.1: where the scalability structure ends. */
function endOfStructure(payload: Uint8Array, start: number): number {
  const flags = payload[start] ?? 0;
  let at = start + 1;
  if ((flags & 0x10) !== 0) at += 4 * ((flags >> 5) + 1);
  if ((flags & 0x08) === 0) return at;
  const pictures = payload[at++] ?? 0;
  for (let i = 0; i < pictures; i++) at += 1 + (((payload[at] ?? 0) >> 2) & 3);
  return at;
}

/** RFC 7741 §4.2: the frame follows the payload descriptor. */
export function vp8Size(payload: Uint8Array): PictureSize {
  let at = 1;
  if (((payload[0] ?? 0) & 0x80) !== 0) {
    const extension = payload[1] ?? 0;
    at = 2;
    if ((extension & 0x80) !== 0) at += ((payload[2] ?? 0) & 0x80) !== 0 ? 2 : 1;
    if ((extension & 0x40) !== 0) at += 1;
    if ((extension & 0x30) !== 0) at += 1;
  }
  return parseVp8KeyFrame(payload.subarray(at));
}

/** RFC 2435 §3.1: in blocks of 8 pixels; 0 means larger than 2040. */
export function mjpegSize(payload: Uint8Array): PictureSize {
  return { width: 8 * (payload[6] ?? 0), height: 8 * (payload[7] ?? 0) };
}

/** RFC 2250 §3.4: a sequence header follows the payload header, if there is one. */
export function mpeg12Size(payload: Uint8Array): PictureSize {
  const isMpeg2 = ((payload[0] ?? 0) & 0x04) !== 0;
  return parseMpeg12Sequence(payload.subarray(isMpeg2 ? 8 : 4));
}
