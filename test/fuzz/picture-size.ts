import { payloadPictureSize } from "../../src/formats/rtp/picture-size.ts";
import type { CodecId } from "../../src/media/codec-parameters.ts";
import { CODECS } from "../../src/media/codecs.ts";
import { PICTURE_PAYLOADS } from "../formats/rtp/picture-payloads.ts";

/** First bytes of RTP payloads, of which the size of the picture is read. */
export const name = "picture-size";

const IDS = Object.keys(CODECS) as CodecId[];

/** A byte of codec, then the payload. */
export const seeds: Uint8Array[] = PICTURE_PAYLOADS.map(([codec, , bytes]) =>
  Uint8Array.of(IDS.indexOf(codec), ...bytes),
);

/** There is a size that a picture can have, or none. */
export function run(input: Uint8Array): void {
  const [codec = 0] = input;
  const size = payloadPictureSize(IDS[codec % IDS.length] as CodecId, input.subarray(1));
  if (size === undefined) return;
  const { width, height } = size;
  const isPossible = (length: number) => Number.isInteger(length) && length > 0 && length <= 65_536;
  if (!isPossible(width) || !isPossible(height)) throw new Error(`${width} by ${height} pixels`);
}
