import { SourceError } from "../../lib/errors.ts";

/** PIDs and the stream number of the transport stream that is made. */
const MAP_PID = 0x100;
const AUDIO_PID = 0x101;
const PACKET_BYTES = 188;
const PACKET_HEADER = 4;
/** Bytes of audio in a PES packet: its length has 16 bits. */
const PES_MAX = 60_000;
/** Stream identifiers of PES packets: audio; private data. */
const STREAM_AUDIO = 0xc0;
const STREAM_PRIVATE = 0xbd;
const AC3_TYPE = 0x81;

/** Bytes of the header of a tag, and of its footer; the largest tags in front of a segment. */
const TAG_HEADER = 10;
const TAGS_MAX = 1024 * 1024;
/** Bytes of the first frame that are waited for: its header must lie in the packet that says its time. */
const FRAME_HEAD = 16;
const TIMESTAMP_OWNER = "com.apple.streaming.transportStreamTimestamp\0";

/** What a segment of packed audio (RFC 8216 §3.4) begins with. */
export interface PackedStart {
  /** Bytes of the tags. */
  readonly size: number;
  /** Presentation time of the first frame, 90 kHz; undefined if it is not said. */
  readonly time: number | undefined;
  /** Stream type of its codec in a transport stream; undefined for nothing but tags. */
  readonly streamType: number | undefined;
}

/** Whether bytes are the beginning of packed audio; eight are enough. */
export function looksLikePackedAudio(head: Uint8Array): boolean {
  return isTag(head) || streamTypeOf(head) !== undefined;
}

function isTag([i, d, three]: Uint8Array): boolean {
  return i === 0x49 && d === 0x44 && three === 0x33;
}

/**
 * Reads the tags and the head of the first frame.
 *
 * @param isAll whether there are no more bytes
 * @returns undefined while there are too few bytes
 * @throws {SourceError} if it is no packed audio, or its codec is not supported
 */
export function readPackedStart(bytes: Uint8Array, isAll = false): PackedStart | undefined {
  let size = 0;
  let time: number | undefined;
  for (let left = bytes; isTag(left); left = bytes.subarray(size)) {
    const length = tagSize(left);
    if (length === undefined || length > left.length) {
      if (size + (length ?? 0) > TAGS_MAX) throw new SourceError("packed audio: the ID3 tag is too large");
      return isAll ? { size: bytes.length, time, streamType: undefined } : undefined;
    }
    time ??= timestampOf(left.subarray(0, length));
    size += length;
  }
  const frame = bytes.subarray(size);
  if (frame.length < FRAME_HEAD && !isAll) return undefined;
  if (frame.length === 0) return { size, time, streamType: undefined };
  const streamType = streamTypeOf(frame);
  if (streamType === undefined) throw new SourceError("packed audio: codec not supported");
  return { size, time, streamType };
}

/** Bytes of an ID3v2 tag; undefined while its header is incomplete. */
function tagSize(tag: Uint8Array): number | undefined {
  if (tag.length < TAG_HEADER) return undefined;
  const size = tag.subarray(6, TAG_HEADER).reduce((sum, byte) => 128 * sum + (byte & 127), 0);
  const hasFooter = ((tag[5] as number) & 0x10) !== 0;
  return TAG_HEADER + size + (hasFooter ? TAG_HEADER : 0);
}

/** The lower 33 bits of the timestamp in its private frame. */
function timestampOf(tag: Uint8Array): number | undefined {
  const bytes = Buffer.from(tag.buffer, tag.byteOffset, tag.length);
  const at = bytes.indexOf(TIMESTAMP_OWNER, 0, "latin1");
  const start = at + TIMESTAMP_OWNER.length;
  if (at < 0 || start + 8 > bytes.length) return undefined;
  return (bytes.readUInt32BE(start) & 1) * 2 ** 32 + bytes.readUInt32BE(start + 4);
}

/** AAC in ADTS, MPEG-1/2 Audio, AC-3; of the last one, E-AC-3 has the same sync word. */
function streamTypeOf([first = 0, second = 0, , , , sixth = 0]: Uint8Array): number | undefined {
  if (first === 0x0b && second === 0x77) return sixth >> 3 <= 10 ? AC3_TYPE : undefined;
  if (first !== 0xff || (second & 0xe0) !== 0xe0) return undefined;
  if ((second & 0xf6) === 0xf0) return 0x0f;
  return (second & 0x06) === 0 ? undefined : 0x03;
}

/** Makes a transport stream of packed audio. */
export class PackedAudioWriter {
  readonly #counters = new Map<number, number>();
  #streamType = 0;
  #version = -1;

  /** The tables, for a codec with this stream type. */
  tables(streamType: number): Uint8Array {
    if (streamType !== this.#streamType) this.#version = (this.#version + 1) & 31;
    this.#streamType = streamType;
    const map = [0xe0 | (AUDIO_PID >> 8), AUDIO_PID & 255, 0xf0, 0];
    const stream = [streamType, 0xe0 | (AUDIO_PID >> 8), AUDIO_PID & 255, 0xf0, 0];
    return Buffer.concat([
      this.#section(0, [0, 1, 0xe0 | (MAP_PID >> 8), MAP_PID & 255], 0, 0),
      this.#section(MAP_PID, [...map, ...stream], 2, this.#version),
    ]);
  }

  /** A section with its CRC in a packet (ISO/IEC 13818-1 §2.4.4). */
  #section(pid: number, content: readonly number[], table: number, version: number): Uint8Array {
    const head = [table, 0xb0, content.length + 9, 0, 1, 0xc1 | (version << 1), 0, 0];
    const section = [...head, ...content];
    const crc = crc32(section);
    const tail = [24, 16, 8, 0].map((shift) => (crc >>> shift) & 255);
    return this.#packets(pid, new Uint8Array([0, ...section, ...tail]));
  }

  /**
   * Packets with the next bytes of audio.
   *
   * @param time presentation time of the first frame that begins in them, 90 kHz
   */
  audio(bytes: Uint8Array, time?: number): Uint8Array {
    const packets: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += PES_MAX) {
      const piece = bytes.subarray(at, at + PES_MAX);
      const stamp = at === 0 && time !== undefined ? timestamp(time) : [];
      const size = piece.length + stamp.length + 3;
      const id = this.#streamType === AC3_TYPE ? STREAM_PRIVATE : STREAM_AUDIO;
      const flags = stamp.length > 0 ? 0x80 : 0;
      const head = [0, 0, 1, id, size >> 8, size & 255, 0x80, flags, stamp.length, ...stamp];
      packets.push(this.#packets(AUDIO_PID, Buffer.concat([new Uint8Array(head), piece])));
    }
    return Buffer.concat(packets);
  }

  /** Packets of one PID; the last one is filled by an adaptation field. */
  #packets(pid: number, payload: Uint8Array): Uint8Array {
    const room = PACKET_BYTES - PACKET_HEADER;
    const count = Math.ceil(payload.length / room);
    const out = new Uint8Array(count * PACKET_BYTES).fill(0xff);
    for (let i = 0; i < count; i++) {
      const piece = payload.subarray(i * room, (i + 1) * room);
      const counter = this.#counters.get(pid) ?? 0;
      this.#counters.set(pid, (counter + 1) & 15);
      const start = i === 0 ? 0x40 : 0;
      const filler = room - piece.length;
      const at = i * PACKET_BYTES;
      out.set([0x47, start | (pid >> 8), pid & 255, (filler > 0 ? 0x30 : 0x10) | counter], at);
      if (filler > 0) out[at + PACKET_HEADER] = filler - 1;
      if (filler > 1) out[at + PACKET_HEADER + 1] = 0;
      out.set(piece, at + PACKET_BYTES - piece.length);
    }
    return out;
  }
}

/** ISO/IEC 13818-1 §2.4.3.7. */
function timestamp(time: number): number[] {
  const high = Math.floor(time / 2 ** 30) & 7;
  return [
    0x21 | (high << 1),
    (time >>> 22) & 255,
    ((time >>> 14) & 254) | 1,
    (time >>> 7) & 255,
    ((time << 1) & 254) | 1,
  ];
}

/** CRC-32/MPEG-2 (ISO/IEC 13818-1 annex A). */
function crc32(bytes: readonly number[]): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c1_1db7 : crc << 1;
  }
  return crc >>> 0;
}
