import { ProtocolError } from "../../lib/errors.ts";

/** A box of a file (ISO/IEC 14496-12 §4.2). */
export interface Box {
  /** Four characters; anything but printable ASCII is shown as `?`. */
  readonly type: string;
  /** What it holds; a view. */
  readonly body: Uint8Array;
}

/** Boxes side by side in one place. */
const BOXES_MAX = 4_096;

/**
 * The boxes that lie in `bytes` side by side.
 *
 * @throws {ProtocolError} if one does not fit, or there are too many
 */
export function readBoxes(bytes: Uint8Array): Box[] {
  const boxes: Box[] = [];
  for (let at = 0; at < bytes.length; ) {
    const left = bytes.length - at;
    if (left < 8) throw new ProtocolError("invalid MP4: truncated box");
    let header = 8;
    let size = numberAt(bytes, at);
    if (size === 1) {
      if (left < 16) throw new ProtocolError("invalid MP4: truncated box");
      header = 16;
      size = numberAt(bytes, at + 8) * 0x1_0000_0000 + numberAt(bytes, at + 12);
    } else if (size === 0) size = left;
    const type = nameAt(bytes, at + 4);
    if (size < header || size > left) throw new ProtocolError(`invalid MP4: box ${type} of ${size} bytes`);
    if (boxes.length === BOXES_MAX) throw new ProtocolError("invalid MP4: too many boxes");
    boxes.push({ type, body: bytes.subarray(at + header, at + size) });
    at += size;
  }
  return boxes;
}

/** The children of a container box; none if it is absent. */
export function childrenOf(boxes: readonly Box[], type: string): Box[] {
  const box = boxes.find((each) => each.type === type);
  return box === undefined ? [] : readBoxes(box.body);
}

/**
 * What a box holds.
 *
 * @param least bytes that it must have
 * @throws {ProtocolError} if it is not there, or shorter
 */
export function bodyOf(boxes: readonly Box[], type: string, least: number): Uint8Array {
  const body = boxes.find((each) => each.type === type)?.body;
  if (body === undefined) throw new ProtocolError(`invalid MP4: missing box ${type}`);
  if (body.length < least) throw new ProtocolError(`invalid MP4: box ${type} has ${body.length} bytes`);
  return body;
}

/** A number of 32 bits; 0 behind the end. */
export function numberAt(bytes: Uint8Array, at: number): number {
  return (shortAt(bytes, at) * 0x1_0000 + shortAt(bytes, at + 2)) >>> 0;
}

/** A number of 16 bits; 0 behind the end. */
export function shortAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

/** A number of 64 bits with a sign. */
export function longAt(bytes: Uint8Array, at: number): number {
  return (numberAt(bytes, at) | 0) * 0x1_0000_0000 + numberAt(bytes, at + 4);
}

function nameAt(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4)).replace(/[^\x20-\x7e]/g, "?");
}
