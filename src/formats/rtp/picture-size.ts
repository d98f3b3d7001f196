import type { TrackState } from "../../../wasm/track.ts";
import { ProtocolError } from "../../lib/errors.ts";
import { parseSequenceHeader } from "../../media/av1.ts";
import type { CodecId } from "../../media/codecs.ts";
import type { PictureFacts } from "../../media/picture.ts";
import type { Format } from "../../media/track.ts";
import { parseVp9KeyFrame } from "../../media/vp9.ts";
import { pictureOf } from "./units.ts";

/** Size of a picture, in pixels. */
export type PictureSize = Pick<PictureFacts, "width" | "height">;

type ReadSize = (payload: Uint8Array) => PictureSize | undefined;

/** Codecs whose random access points say their size in the first bytes of the RTP payload. */
const SIZES: Readonly<Partial<Record<CodecId, ReadSize>>> = {
  av1: av1Size,
  vp9: vp9Size,
  vp8: vp8Size,
  mjpeg: mjpegSize,
  mpeg12Video: mpeg12Size,
};

/** Size of the pictures of a track; undefined while it is not known, or where its codec does not say. */
export function pictureSizeOf(format: Format, track: TrackState): PictureSize | undefined {
  if (format.codec === "h264" || format.codec === "h265") return pictureOf(format, track.parameterSets);
  return payloadPictureSize(format.codec, track.randomAccessHead);
}

/**
 * What the RTP payload that begins a random access point says of the size of its picture.
 *
 * @param payload its first bytes at least
 * @returns undefined when it says nothing, or is cut or broken
 */
export function payloadPictureSize(codec: CodecId, payload: Uint8Array): PictureSize | undefined {
  try {
    const size = SIZES[codec]?.(payload);
    return size !== undefined && size.width > 0 && size.height > 0 ? size : undefined;
  } catch (error) {
    if (error instanceof ProtocolError || error instanceof RangeError) return undefined;
    throw error;
  }
}

/** AV1 RTP §4.4: the first OBU element, when it is a sequence header. */
function av1Size(payload: Uint8Array): PictureSize {
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
  const start = (header & 0x04) === 0 ? 1 : 2; // the element is the OBU without its size, which the reader wants
  const obu = [
    header | 0x02,
    ...element.subarray(1, start),
    element.length - start,
    ...element.subarray(start),
  ];
  return parseSequenceHeader(Uint8Array.from(obu));
}

/** RFC 9628 §4.2: the header of the frame is behind the payload descriptor. */
function vp9Size(payload: Uint8Array): PictureSize {
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

/** RFC 7741 §4.2 and §4.3, then the header of a key frame (RFC 6386 §9.1). */
function vp8Size(payload: Uint8Array): PictureSize | undefined {
  let at = 1;
  if (((payload[0] ?? 0) & 0x80) !== 0) {
    const extension = payload[1] ?? 0;
    at = 2;
    if ((extension & 0x80) !== 0) at += ((payload[2] ?? 0) & 0x80) !== 0 ? 2 : 1;
    if ((extension & 0x40) !== 0) at += 1;
    if ((extension & 0x30) !== 0) at += 1;
  }
  const frame = new DataView(payload.buffer, payload.byteOffset + at, payload.length - at);
  if ((frame.getUint8(0) & 1) !== 0 || frame.getUint16(3) !== 0x9d01 || frame.getUint8(5) !== 0x2a)
    return undefined;
  return { width: frame.getUint16(6, true) & 0x3fff, height: frame.getUint16(8, true) & 0x3fff };
}

/** RFC 2435 §3.1: in blocks of 8 pixels; 0 means more than fits. */
function mjpegSize(payload: Uint8Array): PictureSize {
  return { width: 8 * (payload[6] ?? 0), height: 8 * (payload[7] ?? 0) };
}

/** RFC 2250 §3.4, then a sequence header (ISO 13818-2 §6.2.2.1) where there is one. */
function mpeg12Size(payload: Uint8Array): PictureSize | undefined {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const at = (view.getUint8(0) & 0x04) === 0 ? 4 : 8;
  if (view.getUint32(at) !== 0x000001b3) return undefined;
  const sizes = view.getUint32(at + 4) >>> 8;
  return { width: sizes >> 12, height: sizes & 0xfff };
}
