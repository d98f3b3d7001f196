import { ProtocolError } from "../lib/errors.ts";
import type { PictureFacts } from "./picture.ts";

const START_CODE = 0x9d012a;

/**
 * Reads the header of a key frame (RFC 6386 §9.1).
 *
 * @param frame its first bytes at least
 * @throws {ProtocolError} if it is no key frame
 */
export function parseVp8KeyFrame(frame: Uint8Array): PictureFacts {
  const [tag = 1] = frame;
  if (frame.length < 10 || (tag & 1) !== 0) throw new ProtocolError("not a VP8 key frame");
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  if ((view.getUint32(2) & 0xff_ff_ff) !== START_CODE) throw new ProtocolError("invalid VP8 frame");
  return { width: view.getUint16(6, true) & 0x3fff, height: view.getUint16(8, true) & 0x3fff };
}
