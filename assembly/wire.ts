/** Reads and writes of fields, big-endian unless the name says otherwise; results are i32, as narrow types would wrap in arithmetic. */
export function get8(at: i32): i32 {
  return load<u8>(at);
}

export function get16(at: i32): i32 {
  return bswap<u16>(load<u16>(at));
}

export function get24(at: i32): u32 {
  return ((get8(at) as u32) << 16) | (get16(at + 1) as u32);
}

export function get32(at: i32): u32 {
  return bswap<u32>(load<u32>(at));
}

/** Little-endian. */
export function get32le(at: i32): u32 {
  return load<u32>(at);
}

export function put8(at: i32, value: i32): void {
  store<u8>(at, value);
}

export function put16(at: i32, value: i32): void {
  store<u16>(at, bswap<u16>(value as u16));
}

export function put24(at: i32, value: u32): void {
  put8(at, (value >> 16) as i32);
  put16(at + 1, value as i32);
}

export function put32(at: i32, value: u32): void {
  store<u32>(at, bswap<u32>(value));
}

/** Little-endian. */
export function put32le(at: i32, value: u32): void {
  store<u32>(at, value);
}
