/** The payload of a NAL unit without emulation prevention bytes (ITU-T H.264 §7.4.1). */
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

const START_CODE = new Uint8Array([0, 0, 0, 1]);

/** NAL units, each behind a start code (ITU-T H.264 §B.1). */
export function withStartCodes(units: readonly Uint8Array[]): Uint8Array {
  return joined(units.flatMap((unit) => [START_CODE, unit]));
}

/** NAL units, each behind four bytes of its length, as units have them. */
export function withLengths(units: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return joined(
    units.flatMap((unit) => {
      const length = new Uint8Array(4);
      new DataView(length.buffer).setUint32(0, unit.length);
      return [length, unit];
    }),
  );
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(parts));
}
