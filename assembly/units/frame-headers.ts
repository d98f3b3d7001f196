import { get8 } from "../wire";

/** Entry `index` of a table of up to 16 bytes, given as four numbers of four bytes each, the first one lowest. */
function lookUp(index: i32, a: u32, b: u32, c: u32, d: u32): i32 {
  let word = a;
  if (index >> 2 === 1) word = b;
  else if (index >> 2 === 2) word = c;
  else if (index >> 2 === 3) word = d;
  return (word >> (8 * (index & 3))) & 255;
}

/** Layer of a frame of MPEG-1/2 Audio, 1 to 3. */
function mpaLayer(at: i32): i32 {
  return 4 - ((get8(at + 1) >> 1) & 3);
}

/** Whether it is MPEG-1; the others have half the rates, or a quarter. */
function isMpeg1(at: i32): bool {
  return (get8(at + 1) & 0x18) === 0x18;
}

/** Sampling rate of a frame with a valid header, Hz (ISO/IEC 11172-3 §2.4.2.3, 13818-3 §2.4.2.3). */
export function mpaSampleRate(at: i32): i32 {
  const index = (get8(at + 2) >> 2) & 3;
  let rate = 32000;
  if (index === 0) rate = 44100;
  else if (index === 1) rate = 48000;
  if (isMpeg1(at)) return rate;
  return (get8(at + 1) & 0x18) === 0 ? rate / 4 : rate / 2;
}

/** Samples of a frame with a valid header. */
export function mpaSamples(at: i32): i32 {
  const layer = mpaLayer(at);
  if (layer === 1) return 384;
  return layer === 3 && !isMpeg1(at) ? 576 : 1152;
}

/** Bit rate in units of 8 kbit/s; 0 where the header leaves it open. */
function mpaBitRate(at: i32): i32 {
  const index = get8(at + 2) >> 4;
  const layer = mpaLayer(at);
  if (isMpeg1(at)) {
    if (layer === 1) return 4 * index;
    if (layer === 2) return lookUp(index, 0x07060400, 0x0e0c0a08, 0x1c181410, 0x00302820);
    return lookUp(index, 0x06050400, 0x0c0a0807, 0x1814100e, 0x0028201c);
  }
  if (layer === 1) return lookUp(index, 0x07060400, 0x0e0c0a08, 0x16141210, 0x00201c18);
  return lookUp(index, 0x03020100, 0x07060504, 0x0e0c0a08, 0x00141210);
}

/**
 * Size of a frame of MPEG-1/2 Audio with its header (ISO/IEC 11172-3 §2.4.1.3); 0 when there is none. A frame of free
 * format is taken to fill `size`.
 */
export function mpaFrameSize(at: i32, size: i32): i32 {
  if (size < 4 || get8(at) !== 0xff || (get8(at + 1) & 0xe0) !== 0xe0) return 0;
  const version = (get8(at + 1) >> 3) & 3;
  const index = get8(at + 2) >> 4;
  if (version === 1 || mpaLayer(at) === 4 || index === 15 || ((get8(at + 2) >> 2) & 3) === 3) return 0;
  if (index === 0) return size;
  const padding = (get8(at + 2) >> 1) & 1;
  const bits = 8000 * mpaBitRate(at);
  const rate = mpaSampleRate(at);
  if (mpaLayer(at) === 1) return 4 * ((12 * bits) / rate + padding);
  return ((mpaSamples(at) / 8) * bits) / rate + padding;
}

/** Sampling rate of a frame of AC-3 with a valid header, Hz. */
export function ac3SampleRate(at: i32): i32 {
  const code = get8(at + 4) >> 6;
  if (code === 0) return 48000;
  return code === 1 ? 44100 : 32000;
}

/** Size of an AC-3 frame (ETSI TS 102 366 table 4.13); 0 if the header is invalid. */
export function ac3FrameSize(at: i32, size: i32): i32 {
  if (size < 5 || get8(at) !== 0x0b || get8(at + 1) !== 0x77) return 0;
  const rate = get8(at + 4) >> 6;
  const code = get8(at + 4) & 63;
  if (rate === 3 || code >= 38) return 0;
  const index = code >> 1;
  // kbit/s over 8
  const bits =
    index < 16
      ? 8 * lookUp(index, 0x07060504, 0x0e0c0a08, 0x1c181410, 0x38302820)
      : 8 * lookUp(index - 16, 0x00504840, 0, 0, 0);
  if (rate === 0) return 4 * bits;
  if (rate === 2) return 6 * bits;
  return 2 * ((bits * 320) / 147 + (code & 1));
}

/** Channels of AC-3 by its byte of acmod and what follows: those of full bandwidth, and the one of low frequencies. */
export function ac3Channels(byte: i32): i32 {
  const mode = byte >> 5;
  let place = 4;
  if ((mode & 1) !== 0 && mode !== 1) place -= 2;
  if ((mode & 4) !== 0) place -= 2;
  if (mode === 2) place -= 2;
  const full = mode === 0 ? 2 : mode < 3 ? mode : mode < 5 ? 3 : mode < 7 ? 4 : 5;
  return full + ((byte >> place) & 1);
}
