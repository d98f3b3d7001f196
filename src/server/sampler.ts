import type { Cancel, Clock } from "../lib/clock.ts";
import { Histogram } from "../lib/histogram.ts";
import type { Registry } from "../lib/registry.ts";

/** Interval of sampling the counters, ms. */
const SAMPLE_MS = 1_000;
/** Interval of measuring the event loop lag, ms; a divisor of the other one. */
const LAG_CHECK_MS = 100;
const LAG_BOUNDS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

/** Samples the counters of all listed items once a second, for their rates, and measures the event loop lag. */
export class Sampler {
  /** Delay of timers beyond their due time, seconds. */
  readonly loopLags = new Histogram(LAG_BOUNDS_S);
  readonly #clock: Clock;
  readonly #registries: ReadonlyMap<string, Registry>;
  #cancel: Cancel;
  #due: number;
  #sampled: number;

  constructor(clock: Clock, registries: ReadonlyMap<string, Registry>) {
    this.#clock = clock;
    this.#registries = registries;
    this.#sampled = clock.now();
    this.#due = this.#sampled + LAG_CHECK_MS;
    this.#cancel = clock.after(LAG_CHECK_MS, this.#look);
  }

  readonly #look = (): void => {
    const now = this.#clock.now();
    this.loopLags.observe(Math.max(now - this.#due, 0) / 1000);
    if (now - this.#sampled >= SAMPLE_MS - LAG_CHECK_MS / 2) {
      this.#sampled = now;
      for (const registry of this.#registries.values()) registry.sample(now);
    }
    this.#due = this.#clock.now() + LAG_CHECK_MS;
    this.#cancel = this.#clock.after(LAG_CHECK_MS, this.#look);
  };

  close(): void {
    this.#cancel();
  }
}
