import {
  BATCH_MESSAGE_STRIDE,
  BATCH_MESSAGES,
  BATCH_RETRY,
  BATCH_RUN_STRIDE,
  BATCH_RUNS,
  BATCH_SERVED,
  BATCH_VECTORS,
  DESTINATION_STRIDE,
} from "../assembly/abi.ts";
import type { MediaMemory } from "./core.ts";
import type { LogCursor } from "./cursor.ts";
import { type DestinationList, PAGE_DESTINATIONS } from "./destinations.ts";

/** A block in which the packets of a flush are gathered and addressed to their destinations. */
export class DatagramBatch {
  readonly address: number;
  readonly #memory: MediaMemory;
  #runs = 0;
  #closed = false;

  private constructor(memory: MediaMemory, address: number) {
    this.#memory = memory;
    this.address = address;
  }

  /** Undefined when the budget is used up. */
  static open(memory: MediaMemory): DatagramBatch | undefined {
    const address = memory.take(memory.core.blockCapacity());
    return address === undefined ? undefined : new DatagramBatch(memory, address);
  }

  /**
   * Gathers the packets a cursor has not seen, as far as there is room, and advances it.
   *
   * @param base where the media memory begins in the process; 0 to have its own addresses in the vectors
   * @returns how many runs of packets; 0 when the cursor has seen everything
   */
  gather(cursor: LogCursor, base: number): number {
    this.#runs = this.#memory.core.batchGather(this.address, cursor.address, base);
    return this.#runs;
  }

  /** Runs gathered last. */
  get runs(): number {
    return this.#runs;
  }

  /** Track of a run. */
  trackOf(run: number): number {
    return this.#run(run, this.#memory.core.RUN_TRACK);
  }

  /** Index of the first vector of a run, and the end of its vectors. */
  vectorsOf(run: number): readonly [first: number, end: number] {
    const { RUN_FIRST, RUN_PACKETS } = this.#memory.core;
    const first = this.#run(run, RUN_FIRST);
    return [first, first + this.#run(run, RUN_PACKETS)];
  }

  #run(run: number, field: WebAssembly.Global): number {
    return this.#memory.i32[
      (this.address + BATCH_RUNS + run * BATCH_RUN_STRIDE + field.value) >> 2
    ] as number;
  }

  /** The packet of a vector, gathered with base 0; a view. */
  packet(vector: number): Uint8Array {
    const { core, u32, u8 } = this.#memory;
    const at = this.address + BATCH_VECTORS + vector * core.VECTOR_STRIDE.value;
    const start = u32[(at + core.VECTOR_BASE.value) >> 2] as number;
    return u8.subarray(start, start + (u32[(at + core.VECTOR_SIZE.value) >> 2] as number));
  }

  /**
   * Makes the messages that send each run to all destinations of its track, and sends them, all at once if there
   * is room.
   *
   * @param base as given to `gather`
   * @param send sends the first `count` messages
   */
  deliver(lists: readonly DestinationList[], base: number, send: (count: number) => void): void {
    let at = 0;
    for (let run = 0; run < this.#runs; run++) {
      const list = lists[this.trackOf(run)];
      if (list === undefined) continue;
      for (let first = 0; first < list.length; first += PAGE_DESTINATIONS) {
        const page = list.pages[first / PAGE_DESTINATIONS] as number;
        const count = Math.min(PAGE_DESTINATIONS, list.length - first);
        for (let from = 0; from < count; ) {
          at = this.#address(run, at, page + from * DESTINATION_STRIDE, count - from, base);
          from += this.#memory.i32[(this.address + BATCH_SERVED) >> 2] as number;
          if (from === count) break;
          send(at);
          at = 0;
        }
      }
    }
    if (at > 0) send(at);
  }

  #address(run: number, at: number, destinations: number, count: number, base: number): number {
    return this.#memory.core.batchAddress(this.address, run, at, destinations, count, base);
  }

  /** Address of message number `i`. */
  messageAt(i: number): number {
    return this.address + BATCH_MESSAGES + i * BATCH_MESSAGE_STRIDE;
  }

  /** Address of the destination of a message. */
  destinationOf(message: number, base: number): number {
    const { core, u32 } = this.#memory;
    const at = this.messageAt(message);
    const low = u32[(at + core.MESSAGE_NAME.value) >> 2] as number;
    const high = u32[(at + core.MESSAGE_NAME_HIGH.value) >> 2] as number;
    return low + high * 0x1_0000_0000 - base;
  }

  /** Whether a message has several packets (`msg_iovlen`). */
  isSegmented(message: number): boolean {
    const { core, u32 } = this.#memory;
    return (u32[(this.messageAt(message) + core.MESSAGE_VECTORS.value) >> 2] as number) > 1;
  }

  /**
   * Rebuilds the messages of a run for the destination of one message, after all others.
   *
   * @returns numbers of the first one and of the one behind the last
   */
  again(message: number, base: number): readonly [first: number, end: number] {
    const run = this.#memory.i32[
      (this.messageAt(message) + this.#memory.core.MESSAGE_RUN.value) >> 2
    ] as number;
    return [BATCH_RETRY, this.#address(run, BATCH_RETRY, this.destinationOf(message, base), 1, base)];
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#memory.give(this.address);
  }
}
