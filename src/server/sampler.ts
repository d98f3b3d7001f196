import type { Cancel, Clock } from "../lib/clock.ts";
import { Histogram } from "../lib/histogram.ts";
import type { Registry } from "../lib/registry.ts";

/** Time between two looks at what things count, ms. */
const SAMPLE_MS = 1_000;
/** Time between two looks at how late the loop is, ms; a divisor of the other one. */
const LOOK_MS = 100;
const LAG_BOUNDS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

/** Looks at everything that can be listed once a second, so that it knows how fast it goes, and at the event loop. */
export class Sampler {
  /** How much later than asked a timer was called, seconds. */
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
    this.#due = this.#sampled + LOOK_MS;
    this.#cancel = clock.after(LOOK_MS, this.#look);
  }

  readonly #look = (): void => {
    const now = this.#clock.now();
    this.loopLags.observe(Math.max(now - this.#due, 0) / 1000);
    if (now - this.#sampled >= SAMPLE_MS - LOOK_MS / 2) {
      this.#sampled = now;
      for (const registry of this.#registries.values()) registry.sample(now);
    }
    this.#due = this.#clock.now() + LOOK_MS;
    this.#cancel = this.#clock.after(LOOK_MS, this.#look);
  };

  close(): void {
    this.#cancel();
  }
}
