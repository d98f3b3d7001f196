import type { Cancel, Clock } from "../lib/clock.ts";

export interface OnDemandOptions {
  readonly clock: Clock;
  /** How long requests wait for a stream, ms. */
  readonly startTimeout: number;
  /** How long the stream is kept without readers, ms. */
  readonly closeAfter: number;
  /** Starts the source or command. */
  readonly start: () => void;
  /** Whether the source or command is still running; true if omitted. */
  readonly isAlive?: () => boolean;
  /** Stops the source or command; its stream ends. */
  readonly stop: (reason: string) => void;
  /** The stream was not ready in time: waiting requests are rejected. */
  readonly expired: () => void;
  /** The source or command has failed before the stream was ready: waiting requests are rejected. */
  readonly refused?: (reason: string) => void;
}

/** Requests that follow the failure of a command within this time are refused without starting it again, ms. */
const PAUSE_MS = 1_000;

/** `closing`: the stream is ready and has no readers. */
type State = "initial" | "waiting" | "closing" | "ready";

/** Starts a stream on the first request, and stops it some time after the last reader has left. */
export class OnDemand {
  readonly #options: OnDemandOptions;
  #state: State = "initial";
  #timer: Cancel | undefined;
  /** The last failure, and until when it is the answer to requests, monotonic ms. */
  #refusal: { readonly reason: string; readonly until: number } | undefined;

  constructor(options: OnDemandOptions) {
    this.#options = options;
  }

  /** Whether the stream is neither running nor starting. */
  get idle(): boolean {
    return this.#state === "initial";
  }

  /** A request for the stream, which is not ready. */
  request(): void {
    if (this.#state === "waiting") return;
    if (this.#refusal !== undefined && this.#options.clock.now() < this.#refusal.until) {
      this.#options.refused?.(this.#refusal.reason);
      return;
    }
    const { startTimeout, start, isAlive } = this.#options;
    const isRunning = this.#state !== "initial" && isAlive?.() !== false;
    this.#enter("waiting", startTimeout, () => {
      this.#stop("timed out");
      this.#options.expired();
    });
    if (!isRunning) start();
  }

  /** The stream is ready. It is closed later unless a reader is attached. */
  ready(): void {
    if (this.#state === "waiting") this.#closeLater();
  }

  /** A reader is attached. */
  used(): void {
    if (this.#state === "closing") this.#enter("ready");
  }

  /** The last reader has left. */
  unused(): void {
    if (this.#state === "ready") this.#closeLater();
  }

  /** The stream has ended; the source or command keeps running and may deliver it again. */
  lost(): void {
    if (this.#state === "ready") this.#closeLater();
  }

  /** The source or command has exited after the stream was ready. */
  failed(): void {
    this.#enter("initial");
  }

  /** The source or command has failed, and is not restarted. */
  broke(reason: string): void {
    if (this.#state !== "waiting") return;
    this.#refusal = { reason, until: this.#options.clock.now() + PAUSE_MS };
    this.#stop("failed");
    this.#options.refused?.(reason);
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

  /** Cancels the timer and nothing else. */
  close(): void {
    this.#enter("initial");
  }
}
