/**
 * Delays between attempts: each up to twice as long as the one before, none above a limit, all of them random, so that
 * many that failed at the same time do not come back at the same time.
 */
export class Backoff {
  readonly #first: number;
  readonly #most: number;
  readonly #random: () => number;
  #next: number;

  /**
   * @param firstMs longest first delay
   * @param mostMs longest delay of all
   * @param random from 0 to 1
   */
  constructor(firstMs: number, mostMs: number, random: () => number = Math.random) {
    this.#first = firstMs;
    this.#most = mostMs;
    this.#random = random;
    this.#next = firstMs;
  }

  /** The next delay, ms: between half and the whole of what is allowed now. */
  next(): number {
    const limit = this.#next;
    this.#next = Math.min(limit * 2, this.#most);
    return limit * (0.5 + this.#random() / 2);
  }

  /** An attempt went well: the next delay is a short one. */
  reset(): void {
    this.#next = this.#first;
  }
}
