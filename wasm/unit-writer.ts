import { UNIT_END, UNIT_KEY, UNIT_START } from "../assembly/abi.ts";
import type { MediaMemory } from "./core.ts";
import type { UnitLog } from "./units.ts";

/** Bytes passed to the core at a time. */
const CHUNK_BYTES = 16_384;

/** Times and kind of a unit. */
export interface UnitTimes {
  /** Ticks of the track, without wraps. */
  readonly pts: number;
  readonly dts: number;
  readonly isKey: boolean;
}

/** Appends units held by TypeScript to unit logs. */
export class UnitWriter {
  readonly #memory: MediaMemory;
  readonly #chunk: number;
  #closed = false;

  private constructor(memory: MediaMemory, chunk: number) {
    this.#memory = memory;
    this.#chunk = chunk;
  }

  /** Undefined when the budget is used up. */
  static open(memory: MediaMemory): UnitWriter | undefined {
    const chunk = memory.take(CHUNK_BYTES);
    return chunk === undefined ? undefined : new UnitWriter(memory, chunk);
  }

  /** Appends a unit; false if there is no memory for it or it is too large. An empty unit is ignored. */
  write(log: UnitLog, unit: Uint8Array, { pts, dts, isKey }: UnitTimes): boolean {
    const { core } = this.#memory;
    let isWhole = true;
    for (let at = 0; at < unit.length; at += CHUNK_BYTES) {
      const chunk = unit.subarray(at, at + CHUNK_BYTES);
      const starts = at === 0 ? UNIT_START | (isKey ? UNIT_KEY : 0) : 0;
      const ends = at + CHUNK_BYTES >= unit.length ? UNIT_END : 0;
      this.#memory.prepare();
      this.#memory.u8.set(chunk, this.#chunk);
      const code = core.unitWrite(log.address, this.#chunk, chunk.length, starts | ends, pts, dts);
      if (code < 0) isWhole = false;
    }
    return isWhole;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#memory.give(this.#chunk);
  }
}
