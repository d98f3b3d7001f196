/** Window for the earliest arrival, and the drift that is tolerated, ms. */
const WINDOW_MS = 5_000;
const TOLERANCE_MS = 20;
/** Ticks per ms (90 kHz). */
const TICKS = 90;

/**
 * Maps the timestamps of a transport stream to the wall clock by the earliest arrivals, and follows the drift of the
 * sender's clock. Arrivals are compared on the monotonic clock: the wall clock may be set.
 */
export class ArrivalClock {
  #wallOfZero = 0;
  /** Earliest arrival of tick 0, monotonic ms, estimated from what has arrived since `#since`. */
  #earliest = Number.POSITIVE_INFINITY;
  #since = 0;

  /**
   * @param latest the latest timestamp received, 90 kHz
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

  /** Takes the latest arrival into account; true when `wallOfZero` has changed. */
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
