/** Magic signature of the identification header (RFC 7845 §5.1). */
const SIGNATURE = Buffer.from("OpusHead", "latin1");
/** Samples that a decoder drops at the start, 48 kHz. */
const PRE_SKIP = 312;

/** The identification header of Opus (RFC 7845 §5.1), of one stream of up to two channels. */
export function writeOpusHead(channels: number): Uint8Array {
  const head = Buffer.alloc(19);
  SIGNATURE.copy(head);
  head[8] = 1;
  head[9] = channels;
  head.writeUInt16LE(PRE_SKIP, 10);
  head.writeUInt32LE(48_000, 12);
  return head;
}

/** The number of channels in an identification header; 2 where it is something else. */
export function readOpusHead(header: Uint8Array): number {
  const isHead = header.length > 9 && SIGNATURE.equals(header.subarray(0, SIGNATURE.length));
  return isHead ? (header[9] as number) : 2;
}
