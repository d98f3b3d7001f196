import type { Clock } from "./clock.ts";

/** Interval of reports, ms. */
const REPORT_MS = 1_000;

/** Counts events that may occur with every packet and reports them once a second, so that no peer can flood the log. */
export class Tally {
  readonly #clock: Clock;
  readonly #report: (what: string, count: number) => void;
  readonly #counts = new Map<string, number>();
  #cancel: (() => void) | undefined;

  /** @param report called at most once a second per kind of event, with the count since the last report */
  constructor(clock: Clock, report: (what: string, count: number) => void) {
    this.#clock = clock;
    this.#report = report;
  }

  /** @param what kind of event, from a small fixed set, never text from a peer */
  count(what: string, times = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + times);
    this.#cancel ??= this.#clock.after(REPORT_MS, () => this.flush());
  }

  /** Reports what is still unreported; must be called when its owner closes. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const counts = [...this.#counts];
    this.#counts.clear();
    for (const [what, count] of counts) this.#report(what, count);
  }
}
