import {
  ERR_BUDGET,
  RTMP_ERROR_CHUNK_SIZE,
  RTMP_ERROR_HEADER,
  RTMP_ERROR_SIZE,
  RTMP_ERROR_STREAMS,
  RTMP_HELD_MAX,
  RTMP_SPANS_MAX,
} from "../assembly/abi.ts";
import type { MediaMemory } from "./core.ts";
import { spanViews } from "./units.ts";

const INPUT_BYTES = 64 * 1024;
/** Most bytes of messages in progress before anything is published or pulled. */
const EARLY_BYTES = 64 * 1024;
const AGGREGATE = 22;
/** What an aggregate may have: audio, video, data. */
const PARTS: readonly number[] = [8, 9, 15, 18];

/** Why chunks cannot be read. */
export type ChunkFault = "budget" | { readonly text: string };

const ERRORS: Readonly<Record<number, (detail: number) => string>> = {
  [RTMP_ERROR_STREAMS]: (limit) => `more than ${limit} chunk streams`,
  [RTMP_ERROR_SIZE]: (size) => `message of ${size} bytes is too large`,
  [RTMP_ERROR_HEADER]: (id) => `chunk stream ${id} begins without a complete header`,
  [RTMP_ERROR_CHUNK_SIZE]: (size) => `invalid chunk size: ${size}`,
};

/** Where received bytes are put to be read; connections share it, as nothing stays there between two calls. */
export class ChunkInput {
  readonly address: number;
  /** Lists of spans: of the message that was read, and of a message in it. */
  readonly spans: number;
  readonly parts: number;
  /** Bytes that are read at a time. */
  readonly size: number;
  readonly #memory: MediaMemory;

  private constructor(memory: MediaMemory, block: number, size: number) {
    const bytes = RTMP_SPANS_MAX * memory.core.UNIT_SPAN_STRIDE.value;
    this.#memory = memory;
    this.size = size;
    this.spans = block;
    this.parts = block + bytes;
    this.address = this.parts + bytes;
  }

  /** Undefined when the budget is used up. */
  static open(memory: MediaMemory, size = INPUT_BYTES): ChunkInput | undefined {
    const block = memory.take(size + 2 * RTMP_SPANS_MAX * memory.core.UNIT_SPAN_STRIDE.value);
    return block === undefined ? undefined : new ChunkInput(memory, block, size);
  }

  close(): void {
    this.#memory.give(this.spans);
  }
}

/**
 * Takes the message that is complete.
 *
 * @returns whether to go on with what follows it
 */
export type TakeMessage = (message: ChunkReader) => boolean;

/** Reads the chunks of one connection (RTMP specification §5.3), and describes the message that is complete. */
export class ChunkReader {
  /** Of the message: type, ID of its message stream, ms (32 bits, wraps), bytes. */
  type = 0;
  streamId = 0;
  timestamp = 0;
  size = 0;
  /** Where its bytes are: a list of spans in media memory, and how many. */
  spans = 0;
  spanCount = 0;
  readonly #memory: MediaMemory;
  readonly #input: ChunkInput;
  readonly #address: number;
  #closed = false;

  private constructor(memory: MediaMemory, input: ChunkInput, address: number) {
    this.#memory = memory;
    this.#input = input;
    this.#address = address;
    memory.core.rtmpOpen(address, EARLY_BYTES, 0);
  }

  /** Undefined when the budget is used up. */
  static open(memory: MediaMemory, input: ChunkInput): ChunkReader | undefined {
    const address = memory.take(memory.core.RTMP_READER_SIZE.value);
    return address === undefined ? undefined : new ChunkReader(memory, input, address);
  }

  /** From now on messages have any size, and their memory is charged to a share. */
  chargeTo({ account }: MediaMemory): void {
    this.#memory.setInt(this.#address, this.#memory.core.RTMP_ACCOUNT, account);
    this.#memory.setInt(this.#address, this.#memory.core.RTMP_LIMIT, RTMP_HELD_MAX);
  }

  /**
   * Receives bytes from `offset` on, which are borrowed; `take` is called for each message.
   *
   * @returns position of the first byte that was not read; or why the connection must be closed
   */
  receive(chunk: Uint8Array, offset: number, take: TakeMessage): number | ChunkFault {
    const { address: input, size: most } = this.#input;
    for (let at = offset; at < chunk.length; ) {
      const size = Math.min(most, chunk.length - at);
      this.#memory.u8.set(size === chunk.length ? chunk : chunk.subarray(at, at + size), input);
      const read = this.#read(input, size, take);
      if (typeof read !== "number") return read;
      at += read;
      if (read < size) return at;
    }
    return chunk.length;
  }

  /** Reads bytes of media memory. @returns as `receive` */
  #read(input: number, size: number, take: TakeMessage): number | ChunkFault {
    const { core } = this.#memory;
    for (let at = 0; at < size; ) {
      this.#memory.prepare();
      const taken = core.rtmpRead(this.#address, input + at, size - at, this.#input.spans);
      if (taken < 0) return taken === ERR_BUDGET ? "budget" : { text: this.#fault() };
      at += taken;
      if (this.#get(core.RTMP_READY) !== 0 && !this.#deliver(take)) return at;
    }
    return size;
  }

  #fault(): string {
    const { core } = this.#memory;
    return ERRORS[this.#get(core.RTMP_ERROR)]?.(this.#get(core.RTMP_DETAIL)) ?? "invalid chunk";
  }

  #deliver(take: TakeMessage): boolean {
    const { core } = this.#memory;
    this.#describe();
    this.streamId = this.#get(core.RTMP_STREAM_ID) >>> 0;
    this.spans = this.#input.spans;
    return this.type === AGGREGATE ? this.#deliverParts(take) : take(this);
  }

  #describe(): void {
    const { core } = this.#memory;
    this.type = this.#get(core.RTMP_TYPE);
    this.timestamp = this.#get(core.RTMP_TIMESTAMP) >>> 0;
    this.size = this.#get(core.RTMP_SIZE);
    this.spanCount = this.#get(core.RTMP_SPANS);
  }

  /** The messages of an aggregate (§7.1.6): the timestamp of the first one is that of the aggregate. */
  #deliverParts(take: TakeMessage): boolean {
    const { core } = this.#memory;
    const { timestamp, size, spanCount, spans } = this;
    let shift: number | undefined;
    this.spans = this.#input.parts;
    while (core.rtmpPart(this.#address, spans, spanCount, size, this.spans) >= 0) {
      this.#describe();
      shift ??= timestamp - this.timestamp;
      this.timestamp = (this.timestamp + shift) >>> 0;
      if (PARTS.includes(this.type)) take(this);
    }
    return true;
  }

  #get(offset: WebAssembly.Global): number {
    return this.#memory.i32[(this.#address + offset.value) >> 2] as number;
  }

  /** Address and size of piece number `i` of the message, from 0 to `spanCount` - 1. */
  spanAddress(i: number): number {
    return this.#span(i, this.#memory.core.UNIT_SPAN_START);
  }

  spanSize(i: number): number {
    return this.#span(i, this.#memory.core.UNIT_SPAN_SIZE);
  }

  #span(i: number, field: WebAssembly.Global): number {
    const { core, i32 } = this.#memory;
    return i32[(this.spans + i * core.UNIT_SPAN_STRIDE.value + field.value) >> 2] as number;
  }

  /** A copy of the bytes of the message. */
  copy(): Uint8Array {
    const bytes = new Uint8Array(this.size);
    let at = 0;
    for (const view of spanViews(this.#memory, this.spans, this.spanCount)) {
      bytes.set(view, at);
      at += view.length;
    }
    return bytes;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#memory.core.rtmpClose(this.#address);
    this.#memory.give(this.#address);
  }
}
