/** Time over which the earliest arrival counts, ms, and a difference that is not followed. */
const WINDOW_MS = 5_000;
const TOLERANCE_MS = 20;
/** Ticks of the time line a ms. */
const TICKS = 90;

/**
 * Relates the time line of a transport stream to the wall clock by its earliest arrivals, and follows a sender whose
 * clock is faster or slower than ours. Arrivals are compared on the monotonic clock: the wall clock may be set.
 */
export class WallLine {
  #wallOfZero = 0;
  /** The earliest that tick 0 can have been, monotonic ms, by what has arrived since `#since`. */
  #earliest = Number.POSITIVE_INFINITY;
  #since = 0;

  /**
   * @param latest the latest time that has come, 90 kHz
   * @param now monotonic ms
   * @param wall the same moment, ms since 1970
   */
  begin(latest: number, now: number, wall: number): void {
    this.#wallOfZero = wall - latest / TICKS;
    this.#since = now;
  }

  /** Wall clock at tick 0, ms since 1970. */
  get wallOfZero(): number {
    return this.#wallOfZero;
  }

  /** Looks at what has arrived; true when `wallOfZero` is another one. */
  follow(latest: number, now: number, wall: number): boolean {
    this.#earliest = Math.min(this.#earliest, now - latest / TICKS);
    if (now - this.#since < WINDOW_MS) return false;
    const found = this.#earliest + wall - now;
    this.#since = now;
    this.#earliest = Number.POSITIVE_INFINITY;
    if (Math.abs(found - this.#wallOfZero) <= TOLERANCE_MS) return false;
    this.#wallOfZero = found;
    return true;
  }
}
