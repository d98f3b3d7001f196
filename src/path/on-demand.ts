import type { Cancel, Clock } from "../lib/clock.ts";

export interface OnDemandOptions {
  readonly clock: Clock;
  /** How long requests wait for a stream, ms. */
  readonly startTimeout: number;
  /** How long the stream stays without readers, ms. */
  readonly closeAfter: number;
  /** Starts what brings the stream. */
  readonly start: () => void;
  /** Whether what was started may still bring a stream; yes when left out. */
  readonly isAlive?: () => boolean;
  /** Stops it; a stream that is there ends. */
  readonly stop: (reason: string) => void;
  /** The stream has not come in time: who waits is told. */
  readonly expired: () => void;
}

/** `closing`: the stream is there and nobody reads it. */
type State = "initial" | "waiting" | "closing" | "ready";

/** Brings a stream when somebody asks for it, and ends it when nobody reads it any more. */
export class OnDemand {
  readonly #options: OnDemandOptions;
  #state: State = "initial";
  #timer: Cancel | undefined;

  constructor(options: OnDemandOptions) {
    this.#options = options;
  }

  /** Whether nothing runs. */
  get idle(): boolean {
    return this.#state === "initial";
  }

  /** Somebody asks for the stream, which is not there. */
  request(): void {
    if (this.#state === "waiting") return;
    const { startTimeout, start, isAlive } = this.#options;
    const isRunning = this.#state !== "initial" && isAlive?.() !== false;
    this.#enter("waiting", startTimeout, () => {
      this.#stop("timed out");
      this.#options.expired();
    });
    if (!isRunning) start();
  }

  /** The stream is there: somebody has to read it soon. */
  ready(): void {
    if (this.#state === "waiting") this.#closeLater();
  }

  /** A reader is attached. */
  used(): void {
    if (this.#state === "closing") this.#enter("ready");
  }

  /** The last reader is gone. */
  unused(): void {
    if (this.#state === "ready") this.#closeLater();
  }

  /** The stream has ended; what brought it may bring it again, while somebody asks for it. */
  lost(): void {
    if (this.#state === "ready") this.#closeLater();
  }

  /** What brought the stream has ended by itself, after the stream was there. */
  failed(): void {
    this.#enter("initial");
  }

  #closeLater(): void {
    this.#enter("closing", this.#options.closeAfter, () => this.#stop("not needed by anyone"));
  }

  #stop(reason: string): void {
    this.#enter("initial");
    this.#options.stop(reason);
  }

  #enter(state: State, ms?: number, then?: () => void): void {
    this.#timer?.();
    this.#timer = ms === undefined || then === undefined ? undefined : this.#options.clock.after(ms, then);
    this.#state = state;
  }

  /** Stops the timers alone. */
  close(): void {
    this.#enter("initial");
  }
}
