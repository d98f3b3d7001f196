import { ERR_BUDGET } from "../assembly/abi.ts";
import type { MediaMemory } from "./core.ts";
import type { RecordLog } from "./records.ts";

/** Header of a message. */
export interface MessageHeader {
  /** ID of the chunk stream, 2 to 63. */
  readonly chunkStream: number;
  readonly type: number;
  /** ID of the message stream, 32 bits. */
  readonly streamId: number;
  /** ms, 32 bits. */
  readonly timestamp: number;
}

/** Most bytes of a message that is written from TypeScript, and room for its chunks. */
const BODY_BYTES = 48 * 1024;
const CHUNKS_BYTES = 64 * 1024;
/** Least bytes of records in a block. */
const BLOCK_BYTES = 48 * 1024;

/** Writes messages as chunks (RTMP specification §5.3); connections share it, as it keeps nothing. */
export class ChunkWriter {
  readonly #memory: MediaMemory;
  readonly #body: number;

  private constructor(memory: MediaMemory, body: number) {
    this.#memory = memory;
    this.#body = body;
  }

  /** Undefined when the budget is used up. */
  static open(memory: MediaMemory): ChunkWriter | undefined {
    const body = memory.take(BODY_BYTES + CHUNKS_BYTES);
    return body === undefined ? undefined : new ChunkWriter(memory, body);
  }

  /**
   * The chunks of a message: a view of media memory, valid until the next call.
   *
   * @param body at most 48 KB
   * @param chunkSize at least 128
   */
  write(header: MessageHeader, body: Uint8Array, chunkSize: number): Uint8Array {
    if (body.length > BODY_BYTES || chunkSize < 128) {
      throw new RangeError(`message of ${body.length} bytes in chunks of ${chunkSize}`);
    }
    const { u8 } = this.#memory;
    u8.set(body, this.#body);
    const out = this.#body + BODY_BYTES;
    return u8.subarray(out, out + this.writeAt(out, header, this.#body, body.length, chunkSize));
  }

  /**
   * Writes the chunks of a message of media memory at an address with room for them.
   *
   * @returns bytes written
   */
  writeAt(dst: number, header: MessageHeader, src: number, size: number, chunkSize: number): number {
    const { chunkStream, type, streamId, timestamp } = header;
    const { core } = this.#memory;
    return core.rtmpMessage(dst, src, size, chunkStream, type, streamId, timestamp, chunkSize);
  }

  close(): void {
    this.#memory.give(this.#body);
  }
}

/**
 * Appends a message to a log of records, as the rest of the frame in progress: each chunk is a record.
 *
 * @param spans where its bytes are in media memory: a list of spans, and their sum
 * @param chunkSize at most RECORD_MAX less 16
 * @returns false when the budget is used up
 */
export function writeMessage(
  memory: MediaMemory,
  log: RecordLog,
  header: MessageHeader,
  { spans, count, size }: { readonly spans: number; readonly count: number; readonly size: number },
  chunkSize: number,
): boolean {
  const { chunkStream, type, streamId, timestamp } = header;
  memory.prepare(Math.ceil(size / BLOCK_BYTES));
  const code = memory.core.rtmpRecords(
    log.address,
    spans,
    count,
    chunkStream,
    type,
    streamId,
    timestamp,
    chunkSize,
  );
  if (code === 0) return true;
  if (code === ERR_BUDGET) return false;
  throw new RangeError("a chunk is empty or too large");
}
