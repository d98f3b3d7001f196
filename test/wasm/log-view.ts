import { BLOCK_SIZE, INDEX_STRIDE } from "../../assembly/abi.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import { LogCursor } from "../../wasm/cursor.ts";
import type { RtpLog } from "../../wasm/log.ts";
import type { Entry } from "./twin/ingest.ts";

/** Reads the packets and the index of a log straight from the memory, as far as they are published. */
export class LogView {
  readonly #memory: MediaMemory;
  readonly #log: RtpLog;
  readonly #cursor: LogCursor;
  #block = 0;
  /** Entries of the block that were read. */
  #read = 0;
  #end = 0;

  /** @param log nothing was published in it yet */
  constructor(memory: MediaMemory, log: RtpLog) {
    const cursor = LogCursor.open(memory, { log: log.address, tracks: 0, channels: [] });
    if (cursor === undefined) throw new Error("no memory for the view");
    this.#memory = memory;
    this.#log = log;
    this.#cursor = cursor;
  }

  /** Packets published since the last call. */
  take(): Entry[] {
    const entries: Entry[] = [];
    if (this.#log.head === 0) return entries;
    if (this.#block === 0) {
      this.#cursor.span();
      this.#enter(this.#cursor.position & ~(BLOCK_SIZE - 1));
    }
    for (;;) {
      const [next = 0, , count = 0] = this.#words(this.#block, 3);
      for (; this.#read < count; this.#read++) entries.push(this.#entry(this.#read));
      if (next === 0) return entries;
      this.#enter(next);
    }
  }

  /** Sequence number of the first packet it has not read. */
  get seq(): number {
    return this.#block === 0 ? 0 : (this.#words(this.#block, 2)[1] as number) + this.#read;
  }

  #enter(block: number): void {
    this.#block = block;
    this.#read = 0;
    this.#end = block + 64;
  }

  #words(address: number, count: number): Int32Array {
    return this.#memory.i32.subarray(address >> 2, (address >> 2) + count);
  }

  #entry(i: number): Entry {
    const at = this.#block + this.#memory.core.blockCapacity() - (i + 1) * INDEX_STRIDE;
    const [address = 0, word = 0, time = 0, now = 0] = this.#words(at, 4);
    const size = word & 0xfffff;
    if (address !== this.#end || address + size > at) throw new Error(`packet ${i} is out of place`);
    this.#end = address + size;
    const bytes = this.#memory.u8.slice(address, address + size);
    return { bytes, track: (word >> 20) & 31, flags: word >>> 25, time: time >>> 0, now };
  }

  close(): void {
    this.#cursor.close();
  }
}
