import type { CodecId } from "../../../src/media/codecs.ts";

/** Writes bits, the highest first. */
function bitsOf(...fields: readonly (readonly [value: number, width: number])[]): number[] {
  const text = fields.map(([value, width]) => value.toString(2).padStart(width, "0")).join("");
  return (text.match(/.{1,8}/g) ?? []).map((byte) => Number.parseInt(byte.padEnd(8, "0"), 2));
}

/** Sequence header of a still picture (AV1 §5.5.1, with the reduced header) of 640 by 360 pixels. */
const AV1_HEADER = bitsOf([0, 3], [1, 1], [1, 1], [8, 5], [9, 4], [8, 4], [639, 10], [359, 9], [0, 16]);
/** Header of a key frame (VP9 bitstream specification §6.2) of 640 by 360 pixels. */
const VP9_FRAME = bitsOf([0x82, 8], [0x498342, 24], [1, 3], [0, 1], [639, 16], [359, 16]);
/** Header of a key frame (RFC 6386 §9.1) of 640 by 360 pixels. */
const VP8_FRAME = [0x10, 0, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1];

/** First bytes of RTP payloads that begin a random access point; all pictures have 640 by 360 pixels. */
export const PICTURE_PAYLOADS: readonly (readonly [CodecId, string, readonly number[]])[] = [
  ["av1", "one OBU, whose size is that of the payload", [0x18, 0x08, ...AV1_HEADER]],
  [
    "av1",
    "two OBUs, the first with its size",
    [0x28, AV1_HEADER.length + 1, 0x08, ...AV1_HEADER, 0x30, 1, 2],
  ],
  ["av1", "an OBU with a size of its own", [0x18, 0x0a, AV1_HEADER.length, ...AV1_HEADER]],
  ["av1", "an OBU with an extension", [0x18, 0x0c, 0, ...AV1_HEADER]],
  ["vp9", "a short descriptor", [0x08, ...VP9_FRAME]],
  ["vp9", "a picture id of 15 bits and a layer", [0xa8, 0x81, 0x23, 0x00, 0x07, ...VP9_FRAME]],
  [
    "vp9",
    "a scalability structure",
    [0x0a, 0x18, 0x02, 0x80, 0x01, 0x68, 2, 0x04, 1, 0x08, 1, 2, ...VP9_FRAME],
  ],
  ["vp8", "a short descriptor", [0x10, ...VP8_FRAME]],
  ["vp8", "every field of the descriptor", [0x90, 0xf0, 0x81, 0x23, 4, 0x55, ...VP8_FRAME]],
  ["mjpeg", "type, quantization, size", [0, 0, 0, 0, 1, 80, 80, 45, 1, 2, 3]],
  ["mpeg12Video", "a sequence header", [0, 0, 0x20, 0, 0, 0, 1, 0xb3, 0x28, 0x01, 0x68, 0x13, 0xff]],
  [
    "mpeg12Video",
    "a sequence header behind the extension of MPEG-2",
    [0x04, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 1, 0xb3, 0x28, 0x01, 0x68, 0x13, 0xff],
  ],
];
