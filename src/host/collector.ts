import { edenGC } from "bun:jsc";
import type { Clock } from "../lib/clock.ts";
import { systemClock } from "./clock.ts";

/** Requests per collection of young objects, and the minimum time between two of these, ms. */
const REQUESTS_MAX = 100;
const LEAST_PAUSE_MS = 20;
/** Closed connections per full collection, and its delay, during which more of them may close, ms. */
const GONE_MAX = 500;
const GONE_PAUSE_MS = 2_000;

/** The runtime's garbage collector. */
export interface GarbageCollector {
  /** Collects objects made since the last collection; takes about a millisecond. */
  young(): void;
  /** Collects everything, mostly on another thread. */
  all(): void;
}

/**
 * Runs the garbage collector when many connections open or close at once. On its own it waits for thirty megabytes of
 * garbage or more, as it counts the media memory as part of its heap, and the handshakes of a thousand connections would
 * enlarge the heap for good. Receiving and sending media makes no garbage.
 */
export class Collector {
  readonly #clock: Clock;
  readonly #runtime: GarbageCollector;
  #requests = 0;
  #gone = 0;
  #collected = Number.NEGATIVE_INFINITY;
  #isYoungDue = false;

  constructor(clock: Clock, runtime: GarbageCollector) {
    this.#clock = clock;
    this.#runtime = runtime;
  }

  /** A connection was opened or a request answered: that leaves some ten kilobytes of garbage. */
  worked(): void {
    this.#requests += 1;
    if (this.#requests < REQUESTS_MAX || this.#isYoungDue) return;
    this.#isYoungDue = true;
    const wait = this.#collected + LEAST_PAUSE_MS - this.#clock.now();
    if (wait <= 0) this.#clock.soon(this.#collectYoung);
    else this.#clock.after(wait, this.#collectYoung);
  }

  readonly #collectYoung = (): void => {
    this.#isYoungDue = false;
    this.#requests = 0;
    this.#runtime.young();
    this.#collected = this.#clock.now();
  };

  /** A connection was closed. */
  closed(): void {
    this.#gone += 1;
    if (this.#gone === GONE_MAX) this.#clock.after(GONE_PAUSE_MS, this.#collectAll);
  }

  readonly #collectAll = (): void => {
    this.#gone = 0;
    this.#runtime.all();
  };
}

/** The collector of this process. */
export const collector = new Collector(systemClock, { young: edenGC, all: () => Bun.gc(false) });
