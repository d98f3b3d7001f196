import { RefusedError } from "../lib/errors.ts";
import type { LoginLimiter } from "./login-limiter.ts";

/** A client at the door: a connection, or a single HTTP request. */
export interface Visitor {
  /** Address without the port. */
  readonly ip: string;
  /** Aborted when the client disconnects. Read only if the client has to wait. */
  readonly signal: AbortSignal;
  /** Called before the client has to wait. */
  hold?(): void;
  /** Called on each rejection; returns how many there were before. Left out where each request stands alone. */
  refused?(): number;
  /** Called when the client is admitted. */
  letIn?(): void;
}

/** Longest life of a connection that never authenticates, in units of `readTimeout`. */
const STRANGER_TIMEOUTS = 4;

/** A connection at the door. If any path is guarded, it counts as a stranger until it is admitted. */
export class Newcomer implements Visitor {
  readonly ip: string;
  /** False if its address has too many strangers: the connection is to be closed. */
  readonly isWelcome: boolean;
  readonly #limiter: LoginLimiter;
  readonly #arrivedAt: number;
  #isStranger: boolean;
  #refusals = 0;
  #isGone = false;
  /** Created on first use. */
  #departure: AbortController | undefined;

  /** @param now monotonic ms */
  constructor(ip: string, isGuarded: boolean, limiter: LoginLimiter, now: number) {
    this.ip = ip;
    this.#limiter = limiter;
    this.#arrivedAt = now;
    this.#isStranger = isGuarded && limiter.enter(ip);
    this.isWelcome = !isGuarded || this.#isStranger;
  }

  get signal(): AbortSignal {
    this.#departure ??= new AbortController();
    if (this.#isGone) this.#departure.abort(gone());
    return this.#departure.signal;
  }

  refused(): number {
    this.#refusals += 1;
    return this.#refusals - 1;
  }

  letIn(): void {
    if (!this.#isStranger) return;
    this.#isStranger = false;
    this.#limiter.leave(this.ip);
  }

  /** Whether the connection has been a stranger for too long. */
  isOverdue(now: number, readTimeout: number): boolean {
    return this.#isStranger && now - this.#arrivedAt > STRANGER_TIMEOUTS * readTimeout;
  }

  /** The connection is closed: pending waits are cancelled. */
  leave(): void {
    this.letIn();
    this.#isGone = true;
    this.#departure?.abort(gone());
  }
}

/** The client has disconnected: there is nobody to answer. */
export function gone(): RefusedError {
  return new RefusedError("the client has disconnected");
}
