import type { CodecId } from "../../../src/media/codec-parameters.ts";
import { AV1_HEADER, MPEG12_SEQUENCE, VP8_FRAME, VP9_FRAME } from "../../media/parameter-samples.ts";

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
  ["mpeg12Video", "a sequence header", [0, 0, 0x20, 0, ...MPEG12_SEQUENCE]],
  [
    "mpeg12Video",
    "a sequence header behind the extension of MPEG-2",
    [0x04, 0, 0x20, 0, 0, 0, 0, 0, ...MPEG12_SEQUENCE],
  ],
];
