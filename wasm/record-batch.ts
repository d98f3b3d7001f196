import { FLAG_END_OF_FRAME, FLAG_RANDOM, FLAG_START_OF_FRAME } from "../assembly/abi.ts";
import type { MediaMemory } from "./core.ts";
import type { LogCursor } from "./cursor.ts";
import type { RecordLog } from "./records.ts";

/** A list of records, one per row: address of the bytes, track, flags, time and number. */
export class RecordBatch {
  /** Address of the rows. */
  readonly address: number;
  /** Capacity in rows. */
  readonly limit: number;
  readonly #memory: MediaMemory;
  length = 0;

  private constructor(memory: MediaMemory, address: number, limit: number) {
    this.#memory = memory;
    this.address = address;
    this.limit = limit;
  }

  /** Undefined when the budget is used up. */
  static open(memory: MediaMemory, limit: number): RecordBatch | undefined {
    const address = memory.take(limit * memory.core.RECORD_ROW.value);
    return address === undefined ? undefined : new RecordBatch(memory, address, limit);
  }

  /** In memory owned by the caller. */
  static at(memory: MediaMemory, address: number, limit: number): RecordBatch {
    return new RecordBatch(memory, address, limit);
  }

  /**
   * Lists the next records of a reader, as far as there is room.
   *
   * @param only tracks (bits); records of the others are lost
   */
  gather(cursor: LogCursor, limit: number, only = -1): number {
    this.length = cursor.gather(this.address, Math.min(limit, this.limit), only);
    return this.length;
  }

  /** Has one row: bytes that are not in the log, standing for the record `seq`. */
  single(address: number, size: number, track: number, seq: number): void {
    const memory = this.#memory;
    const { core } = memory;
    const flags = FLAG_START_OF_FRAME | FLAG_END_OF_FRAME;
    memory.setInt(this.address, core.RECORD_ROW_AT, address);
    memory.setInt(this.address, core.RECORD_ROW_PACKED, size | (track << 20) | (flags << 25));
    memory.setInt(this.address, core.RECORD_ROW_TIME, 0);
    memory.setInt(this.address, core.RECORD_ROW_SEQ, seq);
    this.length = 1;
  }

  /** Looks up one record by its number, as the only row; false if the log no longer has it. */
  find(log: RecordLog, seq: number): boolean {
    this.length = this.#memory.core.recordFind(log.address, seq, this.address);
    return this.length !== 0;
  }

  /** Address of the bytes of a record. */
  at(row: number): number {
    return this.#word(row, this.#memory.core.RECORD_ROW_AT);
  }

  /** Changes the address of the bytes of a record. */
  move(row: number, address: number): void {
    const { core } = this.#memory;
    this.#memory.setInt(this.address + row * core.RECORD_ROW.value, core.RECORD_ROW_AT, address);
  }

  size(row: number): number {
    return this.#packed(row) & 0xfffff;
  }

  track(row: number): number {
    return (this.#packed(row) >> 20) & 31;
  }

  /** Whether it begins a frame. */
  isStart(row: number): boolean {
    return this.#has(row, FLAG_START_OF_FRAME);
  }

  /** Whether it ends a frame. */
  isEnd(row: number): boolean {
    return this.#has(row, FLAG_END_OF_FRAME);
  }

  /** Whether it begins a random access point. */
  isRandomAccess(row: number): boolean {
    return this.#has(row, FLAG_RANDOM);
  }

  #has(row: number, flag: number): boolean {
    return ((this.#packed(row) >>> 25) & flag) !== 0;
  }

  /** In the clock of the form. */
  time(row: number): number {
    return this.#word(row, this.#memory.core.RECORD_ROW_TIME) >>> 0;
  }

  /** Number of the record in its log. */
  seq(row: number): number {
    return this.#word(row, this.#memory.core.RECORD_ROW_SEQ);
  }

  #packed(row: number): number {
    return this.#word(row, this.#memory.core.RECORD_ROW_PACKED);
  }

  #word(row: number, field: WebAssembly.Global): number {
    const { core, i32 } = this.#memory;
    return i32[(this.address + row * core.RECORD_ROW.value + field.value) >> 2] as number;
  }

  close(): void {
    this.#memory.give(this.address);
  }
}

/** Bytes of a block, and of those for rows. */
const HELD_BYTES = 128 * 1024 - 64;
const HELD_ROWS_BYTES = 8 * 1024;

/** Copies of records that a reader still gets, independent of the log. */
export class HeldRecords {
  readonly batch: RecordBatch;
  /** Next row. */
  next = 0;
  readonly #memory: MediaMemory;
  readonly #block: number;

  private constructor(memory: MediaMemory, block: number) {
    this.#memory = memory;
    this.#block = block;
    this.batch = RecordBatch.at(memory, block, Math.floor(HELD_ROWS_BYTES / memory.core.RECORD_ROW.value));
  }

  /**
   * Copies the rest of the frames in progress of a cursor, as far as there is room.
   *
   * @param tracks (bits) whose frame is to be finished
   * @returns undefined when the budget is used up
   */
  static take(memory: MediaMemory, cursor: LogCursor, tracks: number): HeldRecords | undefined {
    const block = memory.take(HELD_BYTES);
    if (block === undefined) return undefined;
    const held = new HeldRecords(memory, block);
    held.batch.gather(cursor, held.batch.limit, tracks);
    held.#copy();
    return held;
  }

  #copy(): void {
    const { batch } = this;
    let at = this.#block + HELD_ROWS_BYTES;
    for (let row = 0; row < batch.length; row++) {
      const [from, size] = [batch.at(row), batch.size(row)];
      if (at + size > this.#block + HELD_BYTES) {
        batch.length = row;
        return;
      }
      this.#memory.u8.copyWithin(at, from, from + size);
      batch.move(row, at);
      at += size;
    }
  }

  close(): void {
    this.#memory.give(this.#block);
  }
}
