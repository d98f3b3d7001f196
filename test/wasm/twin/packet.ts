/** An RTP packet taken apart (RFC 3550 §5.1). */
export interface RtpPacket {
  readonly payloadType: number;
  readonly marker: boolean;
  readonly padded: boolean;
  readonly seq: number;
  readonly time: number;
  readonly ssrc: number;
  /** Length of the header with its extension. */
  readonly header: number;
  readonly bytes: Uint8Array;
}

/** Undefined when the header does not fit. */
export function readRtp(bytes: Uint8Array): RtpPacket | undefined {
  if (bytes.length < 12) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const first = view.getUint8(0);
  if (first < 0x80 || first > 0xbf) return undefined;
  let header = 12 + 4 * (first % 16);
  if (first % 32 >= 16) {
    if (bytes.length < header + 4) return undefined;
    header += 4 + 4 * view.getUint16(header + 2);
  }
  if (bytes.length < header) return undefined;
  return {
    payloadType: view.getUint8(1) % 128,
    marker: view.getUint8(1) >= 128,
    padded: first % 64 >= 32,
    seq: view.getUint16(2),
    time: view.getUint32(4),
    ssrc: view.getUint32(8),
    header,
    bytes,
  };
}

/** What `writeRtp` is given. */
export interface RtpFields {
  readonly payloadType: number;
  readonly marker: boolean;
  readonly seq: number;
  readonly time: number;
  readonly ssrc: number;
  /** Contributing sources, words of extension (undefined: none), bytes of padding. */
  readonly sources?: number;
  readonly extension?: number;
  readonly padding?: number;
}

/** An RTP packet around a payload. */
export function writeRtp(fields: RtpFields, payload: Uint8Array): Uint8Array {
  const { sources = 0, extension, padding = 0 } = fields;
  const header = 12 + 4 * sources + (extension === undefined ? 0 : 4 + 4 * extension);
  const bytes = new Uint8Array(header + payload.length + padding);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 0x80 | (padding > 0 ? 0x20 : 0) | (extension === undefined ? 0 : 0x10) | sources);
  view.setUint8(1, (fields.marker ? 0x80 : 0) | fields.payloadType);
  view.setUint16(2, fields.seq);
  view.setUint32(4, fields.time);
  view.setUint32(8, fields.ssrc);
  if (extension !== undefined) view.setUint16(12 + 4 * sources + 2, extension);
  bytes.set(payload, header);
  if (padding > 0) bytes[bytes.length - 1] = padding;
  return bytes;
}

/** An interleaved frame (RFC 2326 §10.12). */
export function writeFrame(channel: number, packet: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + packet.length);
  bytes.set([0x24, channel, packet.length >> 8, packet.length & 255]);
  bytes.set(packet, 4);
  return bytes;
}

/** All of them, one after the other. */
export function concat(chunks: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(chunks));
}
