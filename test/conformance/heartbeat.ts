const BEAT_MS = 50;
/** Media of a live stream that come later than this after those before are placed by their arrival, ms, with a margin. */
const AWAY_MS = 2_000;

/** Notices when this process does not get the processor for seconds. */
export class Heartbeat implements Disposable {
  #last = performance.now();
  #awayAt = Number.NEGATIVE_INFINITY;
  readonly #timer = setInterval(() => this.#beat(), BEAT_MS);

  #beat(): void {
    const now = performance.now();
    if (now - this.#last > AWAY_MS) this.#awayAt = now;
    this.#last = now;
  }

  /** Whether it has beaten all the time since then, monotonic ms. */
  isSteadySince(time: number): boolean {
    this.#beat();
    return this.#awayAt < time;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
