import type { MediaMemory } from "../../wasm/core.ts";
import type { OwnBytes } from "./cursor.ts";
import type { RecordWriter } from "./record-writer.ts";

/** Decides when a reader needs a copy of the preamble, because it did not get the last one from the log. */
export class Preamble implements OwnBytes {
  readonly framing = 0;
  readonly #memory: MediaMemory;
  readonly #records: RecordWriter;
  #isDue: boolean;

  /** @param seq where the reader starts in the log */
  constructor(memory: MediaMemory, records: RecordWriter, seq: number) {
    const last = records.log.preambleSeq;
    this.#memory = memory;
    this.#records = records;
    this.#isDue = last !== undefined && ((last - seq) | 0) < 0;
  }

  get isSettled(): boolean {
    return !this.#isDue;
  }

  isDue(): boolean {
    return this.#isDue;
  }

  write(dst: number): number {
    const { preambleAddress, preambleSize } = this.#records;
    this.#memory.u8.copyWithin(dst, preambleAddress, preambleAddress + preambleSize);
    this.#isDue = false;
    return preambleSize;
  }

  started(): void {}

  jumped(from: number, to: number): void {
    const last = this.#records.log.preambleSeq;
    if (last !== undefined && ((last - from) | 0) >= 0 && ((last - to) | 0) < 0) this.#isDue = true;
  }
}
