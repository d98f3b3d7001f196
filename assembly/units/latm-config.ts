import { get8, put8 } from "../wire";
import { UNIT_CONFIG, UNIT_CONFIG_DATA, UNIT_CONFIG_MAX, UnitTrack } from "./layout";

/** The bit reader of one call: start, position, number of bits. */
let base: i32 = 0;
let position: i32 = 0;
let end: i32 = 0;
let spoilt: bool = false;

/** Begins to read `count` bits at `address`. */
export function latmOpen(address: i32, count: i32): void {
  base = address;
  position = 0;
  end = count;
  spoilt = false;
}

/** Number of the next bit. */
export function latmPosition(): i32 {
  return position;
}

/** Whether the bits ended too early, or had an unsupported value. */
export function latmSpoilt(): bool {
  return spoilt;
}

/** An unsigned number of at most 32 bits; 0 when they are not there. */
export function latmBits(count: i32): i32 {
  if (end - position < count) {
    spoilt = true;
    return 0;
  }
  let value = 0;
  for (let i = 0; i < count; i++) {
    value = (value << 1) | ((get8(base + (position >> 3)) >> (7 - (position & 7))) & 1);
    position += 1;
  }
  return value;
}

export function latmSkip(count: i32): void {
  if (count < 0 || end - position < count) spoilt = true;
  else position += count;
}

/**
 * StreamMuxConfig (ISO/IEC 14496-3 §1.7.3.1) with one program of one layer: the number of subframes, their size when it
 * is fixed, and the AudioSpecificConfig, which is kept in the track.
 */
export function readMuxConfig(track: UnitTrack): void {
  const version = latmBits(1);
  if (version !== 0 && latmBits(1) !== 0) spoilt = true;
  if (version !== 0) value();
  const sameFraming = latmBits(1);
  const frames = 1 + latmBits(6);
  // other programs and layers
  if (latmBits(4) !== 0 || latmBits(3) !== 0 || sameFraming === 0) spoilt = true;
  const size = version === 0 ? -1 : value();
  const start = position;
  if (version === 0) skipAudioConfig();
  else latmSkip(size);
  const stop = position;
  const lengthType = latmBits(3);
  let bytes = 0;
  if (lengthType === 0) latmSkip(8);
  else if (lengthType === 1) bytes = 20 + latmBits(9);
  else spoilt = true;
  if (latmBits(1) !== 0) {
    if (version !== 0) value();
    else while (latmBits(1) !== 0 && !spoilt) latmSkip(8);
    if (version === 0) latmSkip(8);
  }
  if (latmBits(1) !== 0) latmSkip(8);
  if (spoilt) return;
  track.sizeBits = frames;
  track.indexBits = bytes;
  keepConfig(track, start, stop);
}

/** Keeps the bits from `start` to `stop` as whole bytes. */
function keepConfig(track: UnitTrack, start: i32, stop: i32): void {
  const size = (stop - start + 7) >> 3;
  const at = changetype<i32>(track);
  if (size > UNIT_CONFIG_MAX) return;
  const after = position;
  const last = end;
  position = start;
  end = stop;
  for (let i = 0; i < size; i++) {
    const count = min(8, stop - position);
    put8(at + UNIT_CONFIG_DATA + i, latmBits(count) << (8 - count));
  }
  store<i32>(at + UNIT_CONFIG, size);
  position = after;
  end = last;
}

/** LatmGetValue. */
function value(): i32 {
  const bytes = 1 + latmBits(2);
  return latmBits(8 * bytes);
}

/** AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1) of codecs with a GASpecificConfig and a channel configuration. */
function skipAudioConfig(): void {
  let type = objectType();
  skipRate();
  const channels = latmBits(4);
  if (type === 5 || type === 29) {
    skipRate();
    type = objectType();
    if (type === 22) latmSkip(4);
  }
  const isGeneral = type === 1 || type === 2 || type === 3 || type === 4;
  if (!isGeneral || channels === 0) spoilt = true;
  latmSkip(1);
  if (latmBits(1) !== 0) latmSkip(14);
  if (latmBits(1) !== 0) latmSkip(1);
  if (!skipIf(0x2b7) || objectType() !== 5 || latmBits(1) === 0) return;
  skipRate();
  if (skipIf(0x548)) latmSkip(1);
}

/** Skips the next 11 bits if they have the given value: a syncExtensionType. */
function skipIf(wanted: i32): bool {
  if (end - position < 11) return false;
  if (latmBits(11) === wanted) return true;
  position -= 11;
  return false;
}

function objectType(): i32 {
  const type = latmBits(5);
  return type === 31 ? 32 + latmBits(6) : type;
}

function skipRate(): void {
  if (latmBits(4) === 15) latmSkip(24);
}

/** PayloadLengthInfo of the only layer: bytes of 255, and one that is less. */
export function latmSlotLength(): i32 {
  let length = 0;
  let byte = 255;
  while (byte === 255 && !latmSpoilt()) {
    byte = latmBits(8);
    length += byte;
  }
  return length;
}
