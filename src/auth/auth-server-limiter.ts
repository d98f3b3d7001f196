import type { Cancel, Clock } from "../lib/clock.ts";
import { AuthError } from "../lib/errors.ts";
import { addressKey } from "./login-limiter.ts";

/** Tries of one address that fail, or have no answer yet, in a second. */
const TRIES_PER_SECOND = 20;
const SECOND_MS = 1_000;
/** Questions of one address in flight, and those that wait for their turn. */
const ASKING_MAX = 256;
const WAITING_MAX = 256;
/** Questions of all addresses in flight. */
const ALL_MAX = 4_096;

/** Questions of one address. */
interface Asker {
  /** In flight. */
  asking: number;
  /** Tries of the last second that have failed, or that nobody has answered yet. */
  fresh: number;
  readonly waiting: Set<() => void>;
}

/** The right to ask one question. */
export interface Turn {
  /** The answer is there. */
  done(isRight: boolean): void;
}

/**
 * Rations questions to an authentication server, address by address (with IPv6, network of 64 bits by network): at most
 * 20 tries in a second may fail, and those that succeed are not limited. The others notice nothing.
 */
export class AuthServerLimiter {
  readonly #clock: Clock;
  readonly #askers = new Map<string, Asker>();
  #asking = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Waits for the right to ask.
   *
   * @param isTry whether the question brings anything that could be guessed; one without never waits
   * @param timeout longest wait, ms
   * @throws {AuthError} if there is none to be had
   */
  turn(address: string, isTry: boolean, timeout: number): Promise<Turn> {
    const key = addressKey(address);
    if (this.#asking >= ALL_MAX) return refused("too many concurrent requests");
    const asker = this.#asker(key);
    if (asker.asking >= ASKING_MAX) return refused("too many concurrent requests from this address");
    if (!isTry || (asker.waiting.size === 0 && hasRoom(asker))) {
      return Promise.resolve(this.#enter(key, asker, isTry));
    }
    if (asker.waiting.size >= WAITING_MAX) return refused("too many attempts");
    return new Promise<Turn>((resolve, reject) => {
      const cancel = this.#clock.after(timeout, () => {
        asker.waiting.delete(go);
        reject(new AuthError("too many attempts"));
      });
      const go = () => {
        cancel();
        resolve(this.#enter(key, asker, true));
      };
      asker.waiting.add(go);
    });
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#askers.size;
  }

  #asker(key: string): Asker {
    const known = this.#askers.get(key);
    if (known !== undefined) return known;
    const asker: Asker = { asking: 0, fresh: 0, waiting: new Set() };
    this.#askers.set(key, asker);
    return asker;
  }

  #enter(key: string, asker: Asker, isTry: boolean): Turn {
    this.#asking += 1;
    asker.asking += 1;
    let cancel: Cancel | undefined;
    const release = () => {
      cancel = undefined;
      asker.fresh -= 1;
      this.#next(key, asker);
    };
    if (isTry) cancel = this.#clock.after(SECOND_MS, release);
    if (isTry) asker.fresh += 1;
    return {
      done: (isRight) => {
        this.#asking -= 1;
        asker.asking -= 1;
        if (isRight && cancel !== undefined) {
          cancel();
          release();
        } else this.#next(key, asker);
      },
    };
  }

  /** Lets the next one go that waits, and forgets an address that has none. */
  #next(key: string, asker: Asker): void {
    const [go] = asker.waiting;
    if (go === undefined) {
      if (asker.asking === 0 && asker.fresh === 0) this.#askers.delete(key);
    } else if (hasRoom(asker)) {
      asker.waiting.delete(go);
      go();
    }
  }
}

function hasRoom({ asking, fresh }: Asker): boolean {
  return fresh < TRIES_PER_SECOND && asking < ASKING_MAX;
}

function refused(reason: string): Promise<never> {
  return Promise.reject(new AuthError(reason));
}
