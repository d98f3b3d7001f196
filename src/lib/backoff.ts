/**
 * Delays between attempts: exponential backoff up to a limit, randomized so that many that fail at the same time do not
 * retry at the same time.
 */
export class Backoff {
  readonly #first: number;
  readonly #most: number;
  readonly #random: () => number;
  #next: number;

  /**
   * @param firstMs maximum of the first delay
   * @param mostMs maximum of any delay
   * @param random from 0 to 1
   */
  constructor(firstMs: number, mostMs: number, random: () => number = Math.random) {
    this.#first = firstMs;
    this.#most = mostMs;
    this.#random = random;
    this.#next = firstMs;
  }

  /** The next delay, ms: between half of the current maximum and all of it. */
  next(): number {
    const limit = this.#next;
    this.#next = Math.min(limit * 2, this.#most);
    return limit * (0.5 + this.#random() / 2);
  }

  /** Starts again with the first delay. */
  reset(): void {
    this.#next = this.#first;
  }
}
