import { assert } from "../../../lib/assert.ts";

/** Joins pieces of bytes up to a known size. Memory grows with the bytes received, not with the size announced. */
export class Gatherer {
  readonly #target: number;
  #buffer: Uint8Array;
  #size = 0;

  /** @param target most bytes it will hold */
  constructor(target: number) {
    this.#target = target;
    this.#buffer = new Uint8Array(Math.min(target, FIRST_BYTES));
  }

  /** How many more bytes fit. */
  get missing(): number {
    return this.#target - this.#size;
  }

  /** The bytes so far, a view that the next `add` invalidates. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#size);
  }

  /** Copies `chunk` from `start` to `end`, which must fit. */
  add(chunk: Uint8Array, start: number, end: number): void {
    const size = this.#size + end - start;
    assert(size <= this.#target, `${size} bytes gathered where ${this.#target} fit`);
    if (size > this.#buffer.length) {
      const grown = new Uint8Array(Math.min(this.#target, Math.max(size, 2 * this.#buffer.length)));
      grown.set(this.bytes);
      this.#buffer = grown;
    }
    this.#buffer.set(chunk.subarray(start, end), this.#size);
    this.#size = size;
  }
}

const FIRST_BYTES = 512;
