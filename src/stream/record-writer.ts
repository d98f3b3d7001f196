import type { MediaMemory } from "../../wasm/core.ts";
import { RecordLog, type RecordLogOptions } from "../../wasm/records.ts";
import { orUsedUp, usedUp } from "./budget.ts";

/**
 * Takes the records of a form from its muxer. All methods throw BudgetError when the media memory is used up, which ends
 * the form.
 */
export class RecordWriter {
  readonly log: RecordLog;
  readonly #memory: MediaMemory;
  /** Copy of the last preamble, for readers that did not get it from the log. */
  #address = 0;
  #capacity = 0;
  #size = 0;

  private constructor(memory: MediaMemory, log: RecordLog) {
    this.#memory = memory;
    this.log = log;
  }

  static open(memory: MediaMemory, options: RecordLogOptions): RecordWriter {
    return new RecordWriter(memory, orUsedUp(RecordLog.open(memory, options)));
  }

  /**
   * Begins a frame; its records follow.
   *
   * @param time in the clock of the form
   * @param now when it came, monotonic ms
   */
  begin(track: number, isRandomAccess: boolean, time: number, now: number): void {
    this.log.begin(track, isRandomAccess, time, now);
  }

  /** Appends a record of media memory to the frame; `isLast`: the frame ends with it. */
  put(src: number, size: number, isLast: boolean): void {
    if (!this.log.put(src, size, isLast)) throw usedUp();
  }

  /**
   * Appends what readers need before the records that follow: codec headers, program tables. Readers that join later
   * get a copy first.
   *
   * @param src address in media memory
   * @param size at most RECORD_MAX
   */
  preamble(src: number, size: number, now: number): void {
    this.begin(this.log.preambleTrack, false, 0, now);
    this.put(src, size, true);
    if (size > this.#capacity) {
      this.#release();
      this.#address = orUsedUp(this.#memory.take(size));
      this.#capacity = size;
    }
    this.#memory.u8.copyWithin(this.#address, src, src + size);
    this.#size = size;
  }

  /** Where the copy of the last preamble is, and its bytes. */
  get preambleAddress(): number {
    return this.#address;
  }

  get preambleSize(): number {
    return this.#size;
  }

  #release(): void {
    if (this.#address !== 0) this.#memory.give(this.#address);
    this.#address = 0;
    this.#capacity = 0;
  }

  /** Releases everything. */
  close(): void {
    this.#release();
    this.log.close();
  }
}
