/** The payload of a NAL unit without the bytes that keep start codes out of it (ITU-T H.264 §7.4.1). */
export function withoutEmulation(bytes: Uint8Array): Uint8Array {
  const plain = new Uint8Array(bytes.length);
  let size = 0;
  let zeros = 0;
  for (const byte of bytes) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    plain[size++] = byte;
  }
  return plain.subarray(0, size);
}
