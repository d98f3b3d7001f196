import type { PathConfig } from "../config/load.ts";
import { type Clock, pause } from "../lib/clock.ts";
import { AuthError, RefusedError } from "../lib/errors.ts";
import type { Action, Credentials } from "./access.ts";
import type { Authorizer } from "./authorizer.ts";
import { ENTRANCES, type Entrance, type EntranceRow } from "./entrances.ts";
import { asksForCredentials, checkInternally, isOpenTo } from "./internal.ts";
import type { LoginLimiter } from "./login-limiter.ts";
import { gone, Newcomer, type Visitor } from "./newcomer.ts";

/** What is known of paths where somebody wants in. */
export interface PathRules {
  /** Whether any path asks for credentials: nobody may learn then which paths there are. */
  readonly isGuarded: boolean;
  /**
   * Parameters of a path; undefined when it is not configured.
   *
   * @throws {RefusedError} if the name is invalid
   */
  confOf(path: string): PathConfig | undefined;
}

export interface DoorOptions {
  readonly clock: Clock;
  /** Slows down those who guess. */
  readonly limiter: LoginLimiter;
  /** Asks the authentication server, where there is one. */
  readonly authorizer: Authorizer;
  readonly rules: PathRules;
}

/** Somebody wants to do something. */
export interface AdmissionRequest {
  readonly entrance: Entrance;
  readonly action: Action;
  readonly path: string;
  /** Of the URL, without `?`. */
  readonly query: string;
  readonly credentials: Credentials;
  /** Of the connection or session, as the API names it; null where a protocol has none. */
  readonly id: string | null;
  readonly visitor: Visitor;
  /** Takes the log line about wrong credentials where a row has one; at once, not when the client is answered. */
  readonly log?: (line: string) => void;
}

/** What came of it. The door has waited already: the client can be answered at once. */
export type Admission = { readonly kind: "admitted" } | Refusal;

export interface Refusal {
  readonly kind: "refused";
  /** For the log; has no credentials in it, and is not for the client. */
  readonly reason: string;
  /** Whether the client is asked for credentials. */
  readonly challenges: boolean;
  /** Whether the connection, or the session, ends. */
  readonly ends: boolean;
}

const ADMITTED: Admission = { kind: "admitted" };

/**
 * Where the clients of all protocols come in: says who may publish and read, and after which delay. What the protocols
 * do differently are the rows of `ENTRANCES`.
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

  /** Whether proofs can be checked: an authentication server is told names and passwords alone. */
  get takesProofs(): boolean {
    return !this.#authorizer.isExternal;
  }

  /** Whether everybody may do something: there is nothing to ask. @param conf of the path */
  isOpen(action: Action, conf: PathConfig): boolean {
    return !this.#authorizer.isExternal && isOpenTo(action, conf);
  }

  /** A connection arrives. */
  arrive(ip: string): Newcomer {
    return new Newcomer(ip, this.#rules.isGuarded, this.#limiter, this.#clock.now());
  }

  /**
   * Lets somebody in, or not. Resolves when the client may have its answer: right credentials wait for their turn like
   * wrong ones, so that a fast answer gives nothing away. Where anything is guarded, a path that is not configured is
   * refused like one that is; only who may pass learns more.
   *
   * @throws {RefusedError} if the path is invalid, or not configured and that is no secret; or if the client is gone
   */
  async admit(request: AdmissionRequest): Promise<Admission> {
    const isExternal = this.#authorizer.isExternal;
    let turn = 0;
    try {
      // without waiting for anything, so that each guess counts before the next one is looked at
      if (isExternal) await this.#ask(request);
      else turn = this.#check(request);
    } catch (error) {
      if (!(error instanceof AuthError)) throw error;
      return this.#refuse(request, error.message, isExternal);
    }
    request.visitor.letIn?.();
    if (turn > 0) await this.#wait(request.visitor, turn);
    return ADMITTED;
  }

  /** @throws {AuthError} if the authentication server does not let it in */
  async #ask({ entrance, action, path, query, id, credentials, visitor }: AdmissionRequest): Promise<void> {
    this.#rules.confOf(path); // an invalid name is nothing to ask about
    visitor.hold?.();
    const { protocol } = ENTRANCES[entrance];
    const { ip } = visitor;
    await this.#authorizer.ask({ ip, path, protocol, id, action, query }, credentials);
    if (visitor.signal.aborted) throw gone();
    if (this.#rules.confOf(path) === undefined) throw notConfigured(path);
  }

  /** @returns how long the answer has to wait, ms @throws {AuthError} if it may not come in */
  #check({ action, path, credentials, visitor: { ip } }: AdmissionRequest): number {
    const now = this.#clock.now();
    const conf = this.#rules.confOf(path);
    if (conf === undefined && !this.#rules.isGuarded) throw notConfigured(path);
    const asks = conf === undefined || asksForCredentials(action, conf);
    // a verdict that is not slowed down any more would be one too many
    if (asks && isGuess(credentials) && this.#limiter.isFull(ip, now))
      throw new AuthError("too many guesses");
    if (conf === undefined) throw new AuthError("no such user");
    checkInternally({ action, conf, ip, credentials });
    return asks ? this.#limiter.delay(ip, now) : 0;
  }

  async #refuse(request: AdmissionRequest, problem: string, isExternal: boolean): Promise<Refusal> {
    const { entrance, credentials, visitor, log } = request;
    const row: EntranceRow = ENTRANCES[entrance];
    const before = visitor.refused?.() ?? 0;
    // an authentication server is asked less often instead
    const slowed = isGuess(credentials) && !isExternal;
    const turn = slowed ? this.#limiter.wrong(visitor.ip, this.#clock.now()) : 0;
    const usual = isGuess(credentials) ? row.wrong : row.missing;
    const { challenges, pauseMs, ends, isLogged } =
      turn === undefined || before >= row.tries ? row.last : usual;
    if (isLogged) log?.(`failed to authenticate: ${problem}`);
    const wait = Math.max(pauseMs, turn ?? 0);
    if (wait > 0) await this.#wait(visitor, wait);
    return { kind: "refused", reason: `authentication failed: ${problem}`, challenges, ends };
  }

  async #wait(visitor: Visitor, ms: number): Promise<void> {
    visitor.hold?.();
    const { signal } = visitor;
    await pause(this.#clock, ms, signal).catch(() => {
      throw gone();
    });
  }
}

/** Whether there is something that could be right by chance. */
function isGuess({ kind }: Credentials): boolean {
  return kind !== "none";
}

function notConfigured(path: string): RefusedError {
  return new RefusedError(`path '${path}' is not configured`);
}
