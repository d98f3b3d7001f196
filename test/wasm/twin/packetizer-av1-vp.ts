import { concat } from "./packet.ts";

function leb128(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...leb128(Math.floor(value / 128))];
}

/** The OBUs of a temporal unit as packets carry them: without size; without delimiters, tile lists and padding. */
export function obusOf(unit: Uint8Array): Uint8Array[] {
  const obus: Uint8Array[] = [];
  for (let at = 0; at < unit.length; ) {
    const first = unit[at]!;
    const header = first & 4 ? [first & 0xfd, unit[at + 1] ?? 0] : [first & 0xfd];
    at += header.length;
    let size = unit.length - at;
    if (first & 2) {
      // a size that is cut
      if (unit.length - at < 8 && unit.subarray(at).every((byte) => byte >= 128)) break;
      size = 0;
      for (let i = 0; i < 8 && at < unit.length; i++) {
        const byte = unit[at]!;
        at += 1;
        size += (byte % 128) * 128 ** i;
        if (byte < 128) break;
      }
    }
    if (at <= unit.length && ![2, 8, 15].includes((first >> 3) & 15)) {
      obus.push(concat([new Uint8Array(header), unit.subarray(at, at + size)]));
    }
    at += size;
  }
  return obus;
}

/** AV1 RTP §4.4: at most three elements a packet, each but the last behind its length. */
export function packetizeAv1(unit: Uint8Array, room: number, isKey: boolean): Uint8Array[] {
  const obus = obusOf(unit);
  const payloads: Uint8Array[] = [];
  let continues = false;
  while (obus.length > 0) {
    const parts: Uint8Array[] = [];
    let left = room - 1;
    let count = 0;
    let goesOn = false;
    while (count < 3 && obus.length > 0) {
      const obu = obus[0]!;
      const length = leb128(obu.length);
      count += 1;
      if (count < 3 && obus.length > 1 && left - length.length - obu.length >= 16) {
        parts.push(new Uint8Array(length), obu);
        left -= length.length + obu.length;
        obus.shift();
        continue;
      }
      parts.push(obu.subarray(0, left));
      goesOn = obu.length > left;
      if (goesOn) obus[0] = obu.subarray(left);
      else obus.shift();
      break;
    }
    const isFirst = payloads.length === 0;
    const header = (continues ? 128 : 0) + (goesOn ? 64 : 0) + 16 * count + (isFirst && isKey ? 8 : 0);
    payloads.push(concat([new Uint8Array([header]), ...parts]));
    continues = goesOn;
  }
  return payloads;
}

/** RFC 7741 §4.2. */
export function packetizeVp8(frame: Uint8Array, room: number, picture: number): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  for (let at = 0; at < frame.length; at += room - 4) {
    const header = [at === 0 ? 0x90 : 0x80, 0x80, 0x80 | (picture >> 8), picture & 255];
    payloads.push(concat([new Uint8Array(header), frame.subarray(at, at + room - 4)]));
  }
  return payloads;
}

/** RFC 9628 §4.2. */
export function packetizeVp9(
  frame: Uint8Array,
  room: number,
  { picture, isKey }: { readonly picture: number; readonly isKey: boolean },
): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  const size = isKey ? vp9Size(frame) : undefined;
  for (let at = 0; at < frame.length; ) {
    const structure = at === 0 && size !== undefined ? [0x10, ...size] : [];
    const part = frame.subarray(at, at + room - 3 - structure.length);
    let flags = 0x80;
    if (!isKey) flags += 0x40;
    if (at === 0) flags += 8;
    if (structure.length > 0) flags += 2;
    at += part.length;
    if (at === frame.length) flags += 4;
    payloads.push(
      concat([new Uint8Array([flags, 0x80 | (picture >> 8), picture & 255, ...structure]), part]),
    );
  }
  return payloads;
}

/** Width and height of a key frame in two bytes each. */
function vp9Size(frame: Uint8Array): number[] | undefined {
  const bits = [...frame.subarray(0, 16)].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const profile = Number(bits[2]) + 2 * Number(bits[3]);
  // profile 3 has a reserved bit before the two that must be 0
  const head = profile === 3 ? 5 : 4;
  if (!bits.startsWith("10") || bits.slice(head, head + 2) !== "00") return undefined;
  if (bits.slice(head + 4, head + 28) !== "010010011000001101000010") return undefined;
  let rest = bits.slice(head + 28);
  if (profile >= 2) rest = rest.slice(1);
  const isRgb = rest.startsWith("111");
  rest = rest.slice(3);
  const isSubsampled = profile % 2 === 1;
  if (isRgb) rest = rest.slice(isSubsampled ? 1 : 0);
  else rest = rest.slice(isSubsampled ? 4 : 1);
  if (rest.length < 32) return undefined;
  const [width = 0, height = 0] = [rest.slice(0, 16), rest.slice(16, 32)].map(
    (each) => Number.parseInt(each, 2) + 1,
  );
  if (width > 65_535 || height > 65_535) return undefined;
  return [width >> 8, width & 255, height >> 8, height & 255];
}
