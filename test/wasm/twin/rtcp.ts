/** Part of a compound RTCP packet that is a sender report (RFC 3550 §6.4.1). */
export interface SenderReportTwin {
  readonly at: number;
  readonly ssrc: number;
  readonly seconds: number;
  readonly fraction: number;
  readonly time: number;
}

/** Where the first packet of `type` with at least `least` bytes begins; undefined when none comes before a fault. */
export function findRtcp(bytes: Uint8Array, type: number, least: number): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + 4 <= bytes.length; ) {
    const size = 4 * (1 + view.getUint16(at + 2));
    if (view.getUint8(at) >> 6 !== 2 || at + size > bytes.length) return undefined;
    if (view.getUint8(at + 1) === type && size >= least) return at;
    at += size;
  }
  return undefined;
}

/** The first sender report of a compound packet. */
export function readSenderReport(bytes: Uint8Array): SenderReportTwin | undefined {
  const at = findRtcp(bytes, 200, 28);
  if (at === undefined) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 28);
  return {
    at,
    ssrc: view.getUint32(4),
    seconds: view.getUint32(8),
    fraction: view.getUint32(12),
    time: view.getUint32(16),
  };
}

/** An RTCP packet of 32-bit words behind its header. */
export function writeRtcp(count: number, type: number, words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * words.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 0x80 | count);
  view.setUint8(1, type);
  view.setUint16(2, words.length);
  for (const [i, word] of words.entries()) view.setUint32(4 + 4 * i, word);
  return bytes;
}
