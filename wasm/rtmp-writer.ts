import { ERR_BUDGET } from "../assembly/abi.ts";
import type { MediaMemory } from "./core.ts";
import type { FlvMuxer } from "./flv-muxer.ts";
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
export const RTMP_BODY_MAX = 7 * 1024;
const CHUNKS_BYTES = 8 * 1024;
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
    const body = memory.take(RTMP_BODY_MAX + CHUNKS_BYTES);
    return body === undefined ? undefined : new ChunkWriter(memory, body);
  }

  /**
   * The chunks of a message: a view of media memory, valid until the next call.
   *
   * @param body at most 7 KB
   * @param chunkSize at least 128
   */
  write(header: MessageHeader, body: Uint8Array, chunkSize: number): Uint8Array {
    if (body.length > RTMP_BODY_MAX || chunkSize < 128) {
      throw new RangeError(`message of ${body.length} bytes in chunks of ${chunkSize}`);
    }
    const { u8 } = this.#memory;
    u8.set(body, this.#body);
    const dst = this.#body + RTMP_BODY_MAX;
    const message = { src: this.#body, size: body.length, chunkSize };
    return u8.subarray(dst, dst + writeChunks(this.#memory, dst, header, message));
  }

  close(): void {
    this.#memory.give(this.#body);
  }
}

/**
 * Writes the chunks of a message of media memory at an address with room for them.
 *
 * @returns bytes written
 */
export function writeChunks(
  { core }: MediaMemory,
  dst: number,
  header: MessageHeader,
  { src, size, chunkSize }: { readonly src: number; readonly size: number; readonly chunkSize: number },
): number {
  const { chunkStream, type, streamId, timestamp } = header;
  return core.rtmpMessage(dst, src, size, chunkStream, type, streamId, timestamp, chunkSize);
}

/**
 * Appends the message that a muxer has found to a log of records, as the rest of the frame in progress: each chunk is a
 * record.
 *
 * @param chunkSize at most RECORD_MAX less 16
 * @returns false when the budget is used up
 */
export function writeRecords(
  memory: MediaMemory,
  log: RecordLog,
  header: MessageHeader,
  message: Pick<FlvMuxer, "address" | "size">,
  chunkSize: number,
): boolean {
  const { chunkStream, type, streamId, timestamp } = header;
  const { address, size } = message;
  memory.prepare(Math.ceil(size / BLOCK_BYTES));
  const { core } = memory;
  const code = core.rtmpRecords(
    log.address,
    address,
    size,
    chunkStream,
    type,
    streamId,
    timestamp,
    chunkSize,
  );
  if (code === 0) return true;
  if (code === ERR_BUDGET) return false;
  throw new RangeError("a chunk is too large");
}
