/** A tag of an FLV file (FLV 10.1 §E.4.1): the body of an audio, video or data message of RTMP. */
export interface FlvTag {
  /** 8 audio, 9 video, 18 data. */
  readonly type: number;
  /** ms. */
  readonly timestamp: number;
  readonly body: Uint8Array;
}

const HEADER = 9;
const TAG_HEADER = 11;
const SIZE = 4;

/** The tags of a file. */
export function readFlv(file: Uint8Array): FlvTag[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const tags: FlvTag[] = [];
  for (let at = HEADER + SIZE; at + TAG_HEADER <= file.length; ) {
    const size = view.getUint32(at) & 0xff_ff_ff;
    const timestamp = view.getUint8(at + 7) * 2 ** 24 + (view.getUint32(at + 3) & 0xff_ff_ff);
    const start = at + TAG_HEADER;
    tags.push({ type: view.getUint8(at), timestamp, body: file.subarray(start, start + size) });
    at = start + size + SIZE;
  }
  return tags;
}

/** A file of tags. */
export function writeFlv(tags: readonly FlvTag[]): Uint8Array {
  const parts: Uint8Array[] = [Buffer.from("464c5601050000000900000000", "hex")];
  for (const { type, timestamp, body } of tags) {
    const head = Buffer.alloc(TAG_HEADER);
    head.writeUInt8(type, 0);
    head.writeUIntBE(body.length, 1, 3);
    head.writeUIntBE(timestamp & 0xff_ff_ff, 4, 3);
    head.writeUInt8(timestamp >>> 24, 7);
    const size = Buffer.alloc(SIZE);
    size.writeUInt32BE(TAG_HEADER + body.length);
    parts.push(head, body, size);
  }
  return new Uint8Array(Buffer.concat(parts));
}
