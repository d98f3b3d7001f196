import type { Clock } from "./clock.ts";

/** How often what was counted is reported, ms. */
const REPORT_MS = 1_000;

/** Counts what can repeat with every packet and reports it once a second, so that no peer can fill the log. */
export class Tally {
  readonly #clock: Clock;
  readonly #report: (what: string, count: number) => void;
  readonly #counts = new Map<string, number>();
  #cancel: (() => void) | undefined;

  /** @param report called at most once a second for each thing that was counted since */
  constructor(clock: Clock, report: (what: string, count: number) => void) {
    this.#clock = clock;
    this.#report = report;
  }

  /** @param what from a small fixed set, never text of a peer: each one is an entry */
  count(what: string, times = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + times);
    this.#cancel ??= this.#clock.after(REPORT_MS, () => this.flush());
  }

  /** Reports now what is still unreported; to be called when its owner ends. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const counts = [...this.#counts];
    this.#counts.clear();
    for (const [what, count] of counts) this.#report(what, count);
  }
}
