const DOLLAR = 0x24;
/** Shortest RTCP packet, bytes; RTP packets are longer. */
const PACKET_MIN = 8;
/** First bytes of a message that are looked at. */
const TEXT_BYTES = 5;

/** Whether bytes from `at` on begin a message, as far as can be seen: a method or a version, in capitals. */
export function isText(chunk: Uint8Array, at: number): boolean {
  const end = Math.min(at + TEXT_BYTES, chunk.length);
  for (let i = at; i < end; i++) {
    const byte = chunk[i] as number;
    const isCapital = byte >= 0x41 && byte <= 0x5a;
    // `_` of GET_PARAMETER, `/` of RTSP/1.0, the space behind PLAY
    if (!isCapital && (i < at + 3 || (byte !== 0x5f && byte !== 0x2f && byte !== 0x20))) return false;
  }
  return true;
}

/**
 * Finds where an interleaved frame (RFC 2326 §10.12) or a message begins again in bytes that are neither.
 *
 * @param isChannel whether frames are expected on a channel
 * @returns a position from `from` on; the length of the chunk if there is none
 */
export function findStart(chunk: Uint8Array, from: number, isChannel: (channel: number) => boolean): number {
  for (let at = from; at < chunk.length; at++) {
    if (isFrame(chunk, at, isChannel)) return at;
    if (at + TEXT_BYTES <= chunk.length && isText(chunk, at)) return at;
  }
  return chunk.length;
}

/** Whether a frame with an RTP or RTCP packet may begin, as far as can be seen. */
function isFrame(chunk: Uint8Array, at: number, isChannel: (channel: number) => boolean): boolean {
  if (chunk[at] !== DOLLAR) return false;
  const [, channel, high, low, first] = chunk.subarray(at, at + 5);
  if (channel !== undefined && !isChannel(channel)) return false;
  if (high !== undefined && low !== undefined && (high << 8) + low < PACKET_MIN) return false;
  return first === undefined || first >> 6 === 2;
}
