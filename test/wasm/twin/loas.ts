/** AudioSpecificConfig of the frames: AAC-LC, 48 kHz, stereo. */
export const LOAS_CONFIG = 0x1190;

/**
 * A frame of AAC in LATM with its AudioSyncStream around it (ISO/IEC 14496-3 §1.7), bit by bit.
 *
 * @param hasConfig whether it has a StreamMuxConfig; the first one must
 */
export function loasFrame(frame: Uint8Array, hasConfig: boolean): Uint8Array {
  const bits: number[] = [];
  const put = (value: number, count: number) => {
    for (let i = count - 1; i >= 0; i--) bits.push((value >> i) & 1);
  };
  put(hasConfig ? 0 : 1, 1);
  if (hasConfig) {
    put(0b01, 2); // version 0, same framing of all streams
    put(0, 6 + 4 + 3); // one subframe, one program, one layer
    put(LOAS_CONFIG, 16);
    put(0, 3); // lengths are in the frames
    put(0xff, 8);
    put(0, 2);
  }
  let left = frame.length;
  for (; left >= 255; left -= 255) put(255, 8);
  put(left, 8);
  for (const byte of frame) put(byte, 8);
  while (bits.length % 8 !== 0) bits.push(0);
  const size = bits.length / 8;
  const bytes = Array.from({ length: size }, (_, i) =>
    Number.parseInt(bits.slice(8 * i, 8 * i + 8).join(""), 2),
  );
  return new Uint8Array([0x56, 0xe0 | (size >> 8), size & 255, ...bytes]);
}
