/** Writes boxes of the ISO base media file format (ISO/IEC 14496-12 §4.2), the contents first. */

type Content = Uint8Array | readonly number[];

/** A box with its contents. */
export function box(type: string, ...contents: readonly Content[]): Uint8Array {
  const size = 8 + contents.reduce((sum, { length }) => sum + length, 0);
  const bytes = new Uint8Array(size);
  bytes.set(u32(size));
  for (let i = 0; i < 4; i++) bytes[4 + i] = type.charCodeAt(i);
  let at = 8;
  for (const content of contents) {
    bytes.set(content, at);
    at += content.length;
  }
  return bytes;
}

/** A box with version and flags. */
export function fullBox(
  type: string,
  version: number,
  flags: number,
  ...contents: readonly Content[]
): Uint8Array {
  return box(type, [version, ...u24(flags)], ...contents);
}

export function u16(value: number): number[] {
  return [(value >> 8) & 255, value & 255];
}

function u24(value: number): number[] {
  return [(value >> 16) & 255, ...u16(value)];
}

export function u32(value: number): number[] {
  return [(value >>> 24) & 255, ...u24(value)];
}

export function zeros(count: number): number[] {
  return new Array<number>(count).fill(0);
}

export function text(value: string): number[] {
  return Array.from(value, (character) => character.charCodeAt(0));
}
