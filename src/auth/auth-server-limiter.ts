import type { Cancel, Clock } from "../lib/clock.ts";
import { AuthError } from "../lib/errors.ts";
import { addressKey } from "./login-limiter.ts";

/** Attempts per second and address that fail or are pending. */
const ATTEMPTS_PER_SECOND = 20;
const SECOND_MS = 1_000;
/** Most requests in flight and most queued ones, per address. */
const IN_FLIGHT_MAX = 256;
const QUEUED_MAX = 256;
/** Most requests in flight, all addresses together. */
const ALL_IN_FLIGHT_MAX = 4_096;

/** The requests of one address. */
interface AddressState {
  /** In flight. */
  inFlight: number;
  /** Attempts of the last second that failed or are pending. */
  attempts: number;
  readonly queued: Set<() => void>;
}

/** Permission to send one request. */
export interface Turn {
  /** Must be called when the request has completed. */
  done(isRight: boolean): void;
}

/**
 * Limits the requests to an authentication server per address (IPv6: per /64 network): at most 20 attempts per second may
 * fail. Successful ones are not limited.
 */
export class AuthServerLimiter {
  readonly #clock: Clock;
  readonly #addresses = new Map<string, AddressState>();
  #inFlight = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Waits until a request may be sent.
   *
   * @param isAttempt whether the request has credentials or a query; one without never waits
   * @param timeout longest wait, ms
   * @throws {AuthError} if too many requests are pending, or the wait times out
   */
  turn(address: string, isAttempt: boolean, timeout: number): Promise<Turn> {
    const key = addressKey(address);
    if (this.#inFlight >= ALL_IN_FLIGHT_MAX) return refused("too many concurrent requests");
    const state = this.#stateOf(key);
    if (state.inFlight >= IN_FLIGHT_MAX) return refused("too many concurrent requests from this address");
    if (!isAttempt || (state.queued.size === 0 && hasRoom(state))) {
      return Promise.resolve(this.#enter(key, state, isAttempt));
    }
    if (state.queued.size >= QUEUED_MAX) return refused("too many attempts");
    return new Promise<Turn>((resolve, reject) => {
      const cancel = this.#clock.after(timeout, () => {
        state.queued.delete(resume);
        reject(new AuthError("too many attempts"));
      });
      const resume = () => {
        cancel();
        resolve(this.#enter(key, state, true));
      };
      state.queued.add(resume);
    });
  }

  /** Number of addresses that are tracked. */
  get size(): number {
    return this.#addresses.size;
  }

  #stateOf(key: string): AddressState {
    const known = this.#addresses.get(key);
    if (known !== undefined) return known;
    const state: AddressState = { inFlight: 0, attempts: 0, queued: new Set() };
    this.#addresses.set(key, state);
    return state;
  }

  #enter(key: string, state: AddressState, isAttempt: boolean): Turn {
    this.#inFlight += 1;
    state.inFlight += 1;
    let cancel: Cancel | undefined;
    const release = () => {
      cancel = undefined;
      state.attempts -= 1;
      this.#next(key, state);
    };
    if (isAttempt) cancel = this.#clock.after(SECOND_MS, release);
    if (isAttempt) state.attempts += 1;
    return {
      done: (isRight) => {
        this.#inFlight -= 1;
        state.inFlight -= 1;
        if (isRight && cancel !== undefined) {
          cancel();
          release();
        } else this.#next(key, state);
      },
    };
  }

  /** Starts the next queued request, or forgets an idle address. */
  #next(key: string, state: AddressState): void {
    const [resume] = state.queued;
    if (resume === undefined) {
      if (state.inFlight === 0 && state.attempts === 0) this.#addresses.delete(key);
    } else if (hasRoom(state)) {
      state.queued.delete(resume);
      resume();
    }
  }
}

function hasRoom({ inFlight, attempts }: AddressState): boolean {
  return attempts < ATTEMPTS_PER_SECOND && inFlight < IN_FLIGHT_MAX;
}

function refused(reason: string): Promise<never> {
  return Promise.reject(new AuthError(reason));
}
