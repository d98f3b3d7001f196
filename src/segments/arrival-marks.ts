/** Time between two marks, ms. */
const STEP_MS = 1_000;

interface Mark {
  /** Monotonic ms. */
  readonly now: number;
  /** Entry of the log that came next. */
  readonly seq: number;
}

/** Remembers where a log was, to tell what has come long ago: neither wall clocks nor timestamps matter. */
export class ArrivalMarks {
  readonly #keepMs: number;
  readonly #marks: Mark[] = [];

  /** @param keepMs how long something is recent */
  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  /**
   * To be called whenever something may have come.
   *
   * @param seq entry of the log that comes next
   * @returns an entry before which nothing is recent, within a second; undefined as long as all may be
   */
  note(seq: number, now: number): number | undefined {
    const newest = this.#marks.at(-1);
    if (newest === undefined || now - newest.now >= STEP_MS) this.#marks.push({ now, seq });
    while (this.#marks.length > 1 && now - (this.#marks[1] as Mark).now > this.#keepMs) this.#marks.shift();
    const oldest = this.#marks[0] as Mark;
    return now - oldest.now > this.#keepMs ? oldest.seq : undefined;
  }
}
