import { get8 } from "./wire";

/** CRC-32/MPEG-2 (ISO/IEC 13818-1 annex A); 0 for bytes that end with their CRC. */
export function crc32(at: i32, size: i32): u32 {
  let crc: u32 = 0xffffffff;
  for (let i = 0; i < size; i++) {
    crc ^= (get8(at + i) as u32) << 24;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x80000000) !== 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  }
  return crc;
}
