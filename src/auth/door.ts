import type { PathConfig } from "../config/load.ts";
import type { Awaitable } from "../lib/awaitable.ts";
import { type Clock, pause } from "../lib/clock.ts";
import { AuthError, RefusedError } from "../lib/errors.ts";
import type { Action, Credentials } from "./access.ts";
import type { Authorizer } from "./authorizer.ts";
import { ENTRANCES, type Entrance, type EntranceRow } from "./entrances.ts";
import { asksForCredentials, checkInternally, isOpenTo } from "./internal.ts";
import type { LoginLimiter } from "./login-limiter.ts";
import { gone, Newcomer, type Visitor } from "./newcomer.ts";

/** What the door needs to know about paths. */
export interface PathRules {
  /** Whether any path requires credentials: then unauthenticated clients must not learn which paths exist. */
  readonly hasProtectedPaths: boolean;
  /**
   * Parameters of a path; undefined when it is not configured.
   *
   * @throws {RefusedError} if the name is invalid
   */
  confOf(path: string): PathConfig | undefined;
}

export interface DoorOptions {
  readonly clock: Clock;
  /** Limits password guessing. */
  readonly limiter: LoginLimiter;
  /** Asks the authentication server, if one is configured. */
  readonly authorizer: Authorizer;
  readonly rules: PathRules;
}

/** A client wants to publish or read. */
export interface AdmissionRequest {
  readonly entrance: Entrance;
  readonly action: Action;
  readonly path: string;
  /** Of the URL, without `?`. */
  readonly query: string;
  readonly credentials: Credentials;
  /** ID of the connection or session in the API; null if the protocol has none. */
  readonly id: string | null;
  readonly visitor: Visitor;
  /** Logs wrong credentials, if the entrance's row says so; called before the delay. */
  readonly log?: (line: string) => void;
}

/** The outcome. The delay is over: the client can be answered at once. */
export type Admission = { readonly kind: "admitted" } | Refusal;

export interface Refusal {
  readonly kind: "refused";
  /** For the log only. Contains no credentials. */
  readonly reason: string;
  /** Whether the client is asked for credentials. */
  readonly challenges: boolean;
  /** Whether the connection, or the requested session, is closed. */
  readonly ends: boolean;
}

const ADMITTED: Admission = { kind: "admitted" };

/**
 * Admits clients of all protocols: decides whether a client may publish or read, and when it may be answered.
 * The differences between protocols are rows of `ENTRANCES`.
 */
export class Door {
  readonly #clock: Clock;
  readonly #limiter: LoginLimiter;
  readonly #authorizer: Authorizer;
  readonly #rules: PathRules;

  constructor({ clock, limiter, authorizer, rules }: DoorOptions) {
    this.#clock = clock;
    this.#limiter = limiter;
    this.#authorizer = authorizer;
    this.#rules = rules;
  }

  /** Whether Digest can be used. An authentication server needs the plain password. */
  get takesProofs(): boolean {
    return !this.#authorizer.isExternal;
  }

  /** Whether an action needs no admission. @param conf of the path */
  isOpen(action: Action, conf: PathConfig): boolean {
    return !this.#authorizer.isExternal && isOpenTo(action, conf);
  }

  /** Registers a new connection. */
  arrive(ip: string): Newcomer {
    return new Newcomer(ip, this.#rules.hasProtectedPaths, this.#limiter, this.#clock.now());
  }

  /**
   * Admits or rejects a client, and resolves when the client may be answered. Correct and wrong credentials are delayed
   * alike, so that response times reveal nothing. If any path requires credentials, a path that is not configured is
   * rejected in the same way as one that is.
   *
   * @throws {RefusedError} if the path is invalid, if it is not configured and that may be told, or if the client has
   *   disconnected
   */
  admit(request: AdmissionRequest): Awaitable<Admission> {
    return this.#authorizer.isExternal ? this.#admitExternally(request) : this.#admitInternally(request);
  }

  /** Decides before anything is awaited: each attempt is counted before the next one is checked. */
  #admitInternally(request: AdmissionRequest): Awaitable<Admission> {
    const { credentials, visitor } = request;
    let turn: number;
    try {
      turn = this.#check(request);
    } catch (error) {
      if (!(error instanceof AuthError)) throw error;
      const wrong = isGuess(credentials) ? this.#limiter.wrong(visitor.ip, this.#clock.now()) : 0;
      return this.#refuse(request, error.message, wrong);
    }
    visitor.admitted?.();
    return turn > 0 ? this.#after(turn, visitor, ADMITTED) : ADMITTED;
  }

  /** @returns delay of the answer, ms @throws {AuthError} if the client is rejected */
  #check({ action, path, credentials, visitor: { ip } }: AdmissionRequest): number {
    const now = this.#clock.now();
    const conf = this.#rules.confOf(path);
    if (conf === undefined && !this.#rules.hasProtectedPaths) throw notConfigured(path);
    const asks = conf === undefined || asksForCredentials(action, conf);
    // with this many replies pending, correct credentials are rejected like wrong ones
    if (asks && isGuess(credentials) && this.#limiter.isFull(ip, now))
      throw new AuthError("too many attempts");
    if (conf === undefined) throw new AuthError("no such user");
    checkInternally({ action, conf, ip, credentials });
    return asks ? this.#limiter.delay(ip, now) : 0;
  }

  /** Attempts are limited by `AuthServerLimiter` instead of `LoginLimiter`. */
  async #admitExternally(request: AdmissionRequest): Promise<Admission> {
    try {
      await this.#ask(request);
    } catch (error) {
      if (!(error instanceof AuthError)) throw error;
      return this.#refuse(request, error.message, 0);
    }
    request.visitor.admitted?.();
    return ADMITTED;
  }

  /** @throws {AuthError} if the authentication server rejects the client */
  async #ask({ entrance, action, path, query, id, credentials, visitor }: AdmissionRequest): Promise<void> {
    this.#rules.confOf(path); // the server is not asked about invalid names
    visitor.hold?.();
    const { protocol } = ENTRANCES[entrance];
    const { ip } = visitor;
    await this.#authorizer.ask({ ip, path, protocol, id, action, query }, credentials);
    if (visitor.signal.aborted) throw gone();
    if (this.#rules.confOf(path) === undefined) throw notConfigured(path);
  }

  /** @param turn when the client may be answered, ms from now; undefined if too many replies are pending */
  #refuse(request: AdmissionRequest, problem: string, turn: number | undefined): Awaitable<Refusal> {
    const { entrance, credentials, visitor, log } = request;
    const row: EntranceRow = ENTRANCES[entrance];
    const before = visitor.refused?.() ?? 0;
    const usual = isGuess(credentials) ? row.wrong : row.missing;
    const { challenges, pauseMs, ends, isLogged } =
      turn === undefined || before >= row.tries ? row.last : usual;
    if (isLogged) log?.(`failed to authenticate: ${problem}`);
    const refusal: Refusal = {
      kind: "refused",
      reason: `authentication failed: ${problem}`,
      challenges,
      ends,
    };
    const wait = Math.max(pauseMs, turn ?? 0);
    return wait > 0 ? this.#after(wait, visitor, refusal) : refusal;
  }

  async #after<T>(ms: number, visitor: Visitor, result: T): Promise<T> {
    visitor.hold?.();
    await pause(this.#clock, ms, visitor.signal).catch(() => {
      throw gone();
    });
    return result;
  }
}

/** Whether the request has credentials, right or wrong. */
function isGuess({ kind }: Credentials): boolean {
  return kind !== "none";
}

function notConfigured(path: string): RefusedError {
  return new RefusedError(`path '${path}' is not configured`);
}
