import { concat } from "./packet.ts";

/** Where start codes stand, and which. */
function startCodes(bytes: Uint8Array): { readonly at: number; readonly code: number }[] {
  const codes: { at: number; code: number }[] = [];
  for (let at = 0; at + 3 < bytes.length; at++) {
    if (bytes[at] !== 0 || bytes[at + 1] !== 0 || bytes[at + 2] !== 1) continue;
    codes.push({ at, code: bytes[at + 3]! });
    at += 3;
  }
  return codes;
}

const isSlice = (code: number) => code >= 0x01 && code <= 0xaf;
const isHeader = (code: number) => [0x00, 0xb3, 0xb8].includes(code);

/** RFC 2250 §3.1 and §3.4. */
export function packetizeMpeg12(picture: Uint8Array, room: number): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  let facts = 0;
  for (let rest = picture; rest.length > 0; ) {
    const window = rest.subarray(0, room - 4);
    const codes = startCodes(window);
    const startsWhole = codes[0]?.at === 0;
    const slices = codes.filter(({ code }) => isSlice(code));
    // what may not stand behind the beginning of the packet
    const stop = codes.find(({ at, code }) => {
      if (!startsWhole) return isSlice(code) || isHeader(code);
      return isHeader(code) && slices[0] !== undefined && slices[0].at < at;
    })?.at;
    const inside = codes.filter(({ at }) => stop === undefined || at < stop);
    const own = inside.filter(({ code }) => isSlice(code));
    let cut = stop ?? (window.length === rest.length ? rest.length : own.length > 1 ? own.at(-1)!.at : 0);
    const ends = cut !== 0;
    if (!ends) cut = window.length;
    let header = 0;
    for (const { at, code } of startsWhole ? inside : []) {
      if (code === 0xb3) header |= 0x2000;
      if (code === 0 && at + 9 < window.length) facts = pictureFacts(window.subarray(at + 4, at + 10));
    }
    if (startsWhole && own.length > 0) header |= 0x1000;
    if (ends) header |= 0x0800;
    const word = new Uint8Array(4);
    new DataView(word.buffer).setUint32(0, header | facts);
    payloads.push(concat([word, rest.subarray(0, cut)]));
    rest = rest.subarray(cut);
  }
  return payloads;
}

function pictureFacts(bytes: Uint8Array): number {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const read = (from: number, count: number) => Number.parseInt(bits.slice(from, from + count), 2);
  const type = read(10, 3);
  const forward = type === 2 || type === 3 ? read(29, 4) : 0;
  const backward = type === 3 ? read(33, 4) : 0;
  return (read(0, 10) << 16) | (type << 8) | (backward << 4) | forward;
}
