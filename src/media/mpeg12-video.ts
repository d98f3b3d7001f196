import { ProtocolError } from "../lib/errors.ts";
import type { PictureFacts } from "./picture.ts";

const SEQUENCE_HEADER = 0x000001b3;

/**
 * Reads a sequence header (ISO/IEC 13818-2 §6.2.2.1).
 *
 * @param bytes its start code and what follows
 * @throws {ProtocolError} if it is none
 */
export function parseMpeg12Sequence(bytes: Uint8Array): PictureFacts {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 8 || view.getUint32(0) !== SEQUENCE_HEADER)
    throw new ProtocolError("no MPEG-1/2 sequence header");
  const sizes = view.getUint32(4) >>> 8;
  return { width: sizes >> 12, height: sizes & 0xfff };
}
