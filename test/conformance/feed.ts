import { type Sample, type SampleUnit, START_S } from "./samples.ts";

/** How often what is due is sent, ms. */
const TICK_MS = 10;
/**
 * Media sent at once at most, s: who does not get the processor for long goes on later instead of flooding others. Less
 * would let media fall behind their sender reports on a busy machine.
 */
const AT_ONCE_S = 2;

/** Plays samples in real time, all tracks interleaved. */
export class Feed implements Disposable {
  readonly #samples: readonly Sample[];
  /** Units that have been sent of each track, and the one that comes next. */
  readonly #sent: number[];
  readonly #next: SampleUnit[];
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
    this.#sent = samples.map(() => 0);
    this.#next = samples.map(({ unit }) => unit(0));
    this.#send = send;
    this.#flush = flush;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Units of a sample that have been sent. */
  sent(sample: Sample): number {
    return this.#sent[this.#samples.indexOf(sample)] as number;
  }

  #tick(): void {
    const now = performance.now();
    this.#played += Math.min((now - this.#last) / 1_000, AT_ONCE_S);
    this.#last = now;
    this.#samples.forEach((sample, track) => {
      while (this.#next[track]!.dts / sample.format.clockRate <= START_S + this.#played) {
        this.#send(track, this.#next[track]!);
        this.#sent[track]! += 1;
        this.#next[track] = sample.unit(this.#sent[track]!);
      }
    });
    this.#flush();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
