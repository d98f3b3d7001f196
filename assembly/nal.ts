import { get8 } from "./wire";

/** Address of the first start code (00 00 01; ITU-T H.264 §B.1) from `at` on; -1 without one. */
export function startCode(at: i32, end: i32): i32 {
  let i = at + 2;
  while (i < end) {
    const byte = get8(i);
    if (byte === 1 && get8(i - 1) === 0 && get8(i - 2) === 0) return i - 2;
    i += byte === 0 ? 1 : 3;
  }
  return -1;
}
