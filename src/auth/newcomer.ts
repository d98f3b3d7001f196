import { RefusedError } from "../lib/errors.ts";
import type { LoginLimiter } from "./login-limiter.ts";

/** Whoever stands at the door: a connection, or a single request over HTTP. */
export interface Visitor {
  /** Address of the client without the port. */
  readonly ip: string;
  /** Aborted once it is gone. Read only when there is something to wait for. */
  readonly signal: AbortSignal;
  /** Called before it has to wait. */
  hold?(): void;
  /** Called when it is refused: how often that has happened before. Left out where nobody comes twice. */
  refused?(): number;
  /** Called when it is let in. */
  letIn?(): void;
}

/** A connection that was never let in ends after so many times `readTimeout`, whatever it says. */
const STRANGER_TIMEOUTS = 4;

/** A connection from its arrival on. Where paths are guarded it is a stranger until it is let in. */
export class Newcomer implements Visitor {
  readonly ip: string;
  /** False if too many connections of its address are strangers: it is to be closed. */
  readonly isWelcome: boolean;
  readonly #limiter: LoginLimiter;
  readonly #arrivedAt: number;
  #isStranger: boolean;
  #refusals = 0;
  #isGone = false;
  /** Made when somebody waits. */
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

  /** Whether it has been a stranger for too long. */
  isOverdue(now: number, readTimeout: number): boolean {
    return this.#isStranger && now - this.#arrivedAt > STRANGER_TIMEOUTS * readTimeout;
  }

  /** The connection is gone: what it waits for is given up. */
  leave(): void {
    this.letIn();
    this.#isGone = true;
    this.#departure?.abort(gone());
  }
}

/** Nobody is there any more to be answered. */
export function gone(): RefusedError {
  return new RefusedError("the client is gone");
}
