/** Reads and writes of big-endian fields; results are i32, as narrow types would wrap in arithmetic. */
export function get8(at: i32): i32 {
  return load<u8>(at);
}

export function get16(at: i32): i32 {
  return bswap<u16>(load<u16>(at));
}

export function get32(at: i32): u32 {
  return bswap<u32>(load<u32>(at));
}

export function put8(at: i32, value: i32): void {
  store<u8>(at, value);
}

export function put16(at: i32, value: i32): void {
  store<u16>(at, bswap<u16>(value as u16));
}

export function put32(at: i32, value: u32): void {
  store<u32>(at, bswap<u32>(value));
}
