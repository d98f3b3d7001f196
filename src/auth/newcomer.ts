import { RefusedError } from "../lib/errors.ts";
import type { LoginLimiter } from "./login-limiter.ts";

/** A client at the door: a connection, or a single HTTP request. */
export interface Visitor {
  /** Address without the port. */
  readonly ip: string;
  /** Aborted when the client disconnects. Read only if the client has to wait. */
  readonly signal: AbortSignal;
  /** Called before the client is made to wait. */
  hold?(): void;
  /** Called on each rejection; returns how many there were before. Omitted for single HTTP requests. */
  refused?(): number;
  /** Called when the client is admitted. */
  admitted?(): void;
}

/** Longest life of a connection that never authenticates, in units of `readTimeout`. */
const UNAUTHENTICATED_TIMEOUTS = 4;

/** A new connection. If any path requires credentials, it counts as unauthenticated until it is admitted. */
export class Newcomer implements Visitor {
  readonly ip: string;
  /** False if its address has too many unauthenticated connections: this one must be closed. */
  readonly isAccepted: boolean;
  readonly #limiter: LoginLimiter;
  readonly #arrivedAt: number;
  #isUnauthenticated: boolean;
  #refusals = 0;
  #isGone = false;
  /** Created on first use. */
  #departure: AbortController | undefined;

  /** @param now monotonic ms */
  constructor(ip: string, hasProtectedPaths: boolean, limiter: LoginLimiter, now: number) {
    this.ip = ip;
    this.#limiter = limiter;
    this.#arrivedAt = now;
    this.#isUnauthenticated = hasProtectedPaths && limiter.enter(ip);
    this.isAccepted = !hasProtectedPaths || this.#isUnauthenticated;
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

  admitted(): void {
    if (!this.#isUnauthenticated) return;
    this.#isUnauthenticated = false;
    this.#limiter.leave(this.ip);
  }

  /** Whether the connection has been unauthenticated for too long. */
  isOverdue(now: number, readTimeout: number): boolean {
    return this.#isUnauthenticated && now - this.#arrivedAt > UNAUTHENTICATED_TIMEOUTS * readTimeout;
  }

  /** The connection is closed: pending waits are cancelled. */
  leave(): void {
    this.admitted();
    this.#isGone = true;
    this.#departure?.abort(gone());
  }
}

/** The client has disconnected: there is no reply to send. */
export function gone(): RefusedError {
  return new RefusedError("the client has disconnected");
}
