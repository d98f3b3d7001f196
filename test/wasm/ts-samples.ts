const DELIMITER = [0, 0, 0, 1, 9, 0xf0];

/** An access unit of H264 as a stream has it, with its number inside, and as a unit has it. */
export function picture(number: number, { isKey = false, delimiter = true, size = 300 } = {}) {
  const sets = [
    [0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80],
    [0x68, 0xce, 0x3c, 0x80],
  ];
  const slice = [
    isKey ? 0x65 : 0x41,
    0x9a,
    number >> 8,
    (number & 255) | 1,
    ...new Array<number>(size).fill(7),
  ];
  const nals = [...(isKey ? sets : []), slice];
  const stream = [...(delimiter ? DELIMITER : []), ...nals.flatMap((nal) => [0, 0, 0, 1, ...nal])];
  const unit = nals.flatMap((nal) => [0, 0, nal.length >> 8, nal.length & 255, ...nal]);
  return { stream: new Uint8Array(stream), unit: new Uint8Array(unit) };
}

/** A frame of MPEG-1 Audio, layer 2, 48 kHz, 64 kbit/s: 192 bytes, 24 ms. */
export function frame(number: number): Uint8Array {
  const bytes = new Uint8Array(192).fill(number & 127);
  bytes.set([0xff, 0xfd, 0x44, 0xc0]);
  return bytes;
}
