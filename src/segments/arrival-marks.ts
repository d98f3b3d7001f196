/** Time between two marks, ms. */
const STEP_MS = 1_000;

interface Mark {
  /** Monotonic ms. */
  readonly now: number;
  /** Number of the next entry then. */
  readonly seq: number;
}

/** Samples the position of a log over time: tells which entries are old, by arrival alone. */
export class ArrivalMarks {
  readonly #keepMs: number;
  readonly #marks: Mark[] = [];

  /** @param keepMs age up to which an entry is recent */
  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  /**
   * To be called whenever entries may have arrived.
   *
   * @param seq number of the next entry of the log
   * @returns an entry in front of which none is recent, exact to a second; undefined while all may be
   */
  note(seq: number, now: number): number | undefined {
    const newest = this.#marks.at(-1);
    if (newest === undefined || now - newest.now >= STEP_MS) this.#marks.push({ now, seq });
    while (this.#marks.length > 1 && now - (this.#marks[1] as Mark).now > this.#keepMs) this.#marks.shift();
    const oldest = this.#marks[0] as Mark;
    return now - oldest.now > this.#keepMs ? oldest.seq : undefined;
  }
}
