import type { Sample, SampleUnit } from "./samples.ts";

/** How often what is due is sent, ms. */
const TICK_MS = 10;
/** Media sent at once at most, s: who does not get the processor for long goes on later instead of flooding others. */
const AT_ONCE_S = 0.1;

/** Plays samples in real time, all tracks interleaved. */
export class Feed implements Disposable {
  readonly #samples: readonly Sample[];
  readonly #next: number[];
  readonly #send: (track: number, unit: SampleUnit) => void;
  readonly #flush: () => void;
  #last = performance.now();
  /** Media sent so far, s. */
  #played = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  /** @param flush called when everything that was due has been sent */
  constructor(
    samples: readonly Sample[],
    send: (track: number, unit: SampleUnit) => void,
    flush: () => void = () => {},
  ) {
    this.#samples = samples;
    this.#next = samples.map(() => 0);
    this.#send = send;
    this.#flush = flush;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Units of a sample that have been sent. */
  sent(sample: Sample): number {
    return this.#next[this.#samples.indexOf(sample)] as number;
  }

  #tick(): void {
    const now = performance.now();
    this.#played += Math.min((now - this.#last) / 1_000, AT_ONCE_S);
    this.#last = now;
    this.#samples.forEach(({ format, ticks, unit }, track) => {
      const due = Math.floor((this.#played * format.clockRate) / ticks);
      for (let i = this.#next[track] as number; i < due; i++) this.#send(track, unit(i));
      this.#next[track] = Math.max(this.#next[track] as number, due);
    });
    this.#flush();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
