import { randomBytes } from "node:crypto";
import type { Action, Credentials } from "../../auth/access.ts";
import { asksForCredentials, checkInternally } from "../../auth/internal.ts";
import { AuthError, RefusedError } from "../../lib/errors.ts";
import type { Answer, RequestOwner } from "./answer.ts";
import type { RtspContext } from "./context.ts";
import { type AuthMethod, checkDigest, parseAuthorization, writeChallenges } from "./proto/auth.ts";
import { RtspHeaders } from "./proto/headers.ts";
import type { RtspRequest } from "./proto/request.ts";
import { controlBase, parseRtspUrl } from "./proto/url.ts";

/** Tries that are answered by a challenge; after that the connection ends. */
const TRIES = 3;
/** How long the last answer waits, ms. */
const PAUSE_MS = 2_000;

/** What a request wants to do. */
export interface Passage {
  readonly action: Action;
  readonly path: string;
  /** Of the URL, without `?`. */
  readonly query: string;
}

/** Lets the requests of one connection pass, or not. */
export class Gate {
  readonly #context: RtspContext;
  readonly #owner: RequestOwner;
  #failures = 0;
  #nonce: string | undefined;
  /** Whether the request in hand brought credentials that are compared here. */
  #guessed = false;
  /** How long the answer to the request in hand has to wait, whatever it is, ms. */
  turn = 0;

  constructor(context: RtspContext, owner: RequestOwner) {
    this.#context = context;
    this.#owner = owner;
  }

  /** Another request is in hand. */
  next(): void {
    this.#guessed = false;
    this.turn = 0;
  }

  /**
   * Lets a request pass, now or once the authentication server has answered; its answer has to wait for its `turn`.
   *
   * @throws {AuthError} if it may not
   * @throws {RefusedError} if the path is invalid, or not configured and nothing is protected
   */
  pass(request: RtspRequest, passage: Passage): void | Promise<void> {
    const credentials = this.#credentials(request, passage);
    if (this.#context.authorizer.isExternal) return this.#passExternally(passage, credentials);
    this.#passInternally(passage, credentials);
  }

  /** A path that is not configured is asked about like any other: only who may pass learns that it is not. */
  async #passExternally({ action, path, query }: Passage, credentials: Credentials): Promise<void> {
    const { paths, authorizer } = this.#context;
    paths.confOf(path); // an invalid name is nothing to ask about
    const { id, remoteAddress: ip } = this.#owner;
    await authorizer.ask({ ip, path, protocol: "rtsp", id, action, query }, credentials);
    if (!this.#owner.isOpen) throw new RefusedError("the connection is gone");
    this.#owner.letIn();
    if (paths.confOf(path) === undefined) throw notConfigured(path);
  }

  #passInternally(passage: Passage, credentials: Credentials): void {
    const { paths, loginLimiter, clock } = this.#context;
    const { action } = passage;
    this.#guessed = credentials.kind !== "none";
    const conf = paths.confOf(passage.path);
    const ip = this.#owner.remoteAddress;
    const asks = conf === undefined ? paths.isGuarded : asksForCredentials(action, conf);
    // a verdict that is not slowed down any more would be one too many
    if (asks && this.#guessed && loginLimiter.isFull(ip, clock.now()))
      throw new AuthError("too many guesses");
    if (conf === undefined) {
      // who may not know which paths there are is answered as if this one were protected
      if (paths.isGuarded) throw new AuthError("no such user");
      throw notConfigured(passage.path);
    }
    checkInternally({ action, conf, ip, credentials });
    this.#owner.letIn();
    if (asks) this.turn = loginLimiter.delay(ip, clock.now());
  }

  /** A digest cannot be handed on. */
  get #methods(): readonly AuthMethod[] {
    const { authMethods, authorizer } = this.#context;
    return authorizer.isExternal ? ["basic"] : authMethods;
  }

  #credentials(request: RtspRequest, { path, query }: Passage): Credentials {
    const authorization = parseAuthorization(request.headers.getAll("Authorization"));
    if (authorization === undefined) return { kind: "none" };
    const { scheme } = authorization;
    if (this.#methods.length > 0 && !this.#methods.includes(scheme)) {
      return { kind: "proof", check: () => "no supported authentication methods found" };
    }
    if (authorization.scheme === "basic") return { kind: "plain", ...authorization };
    const nonce = this.#nonce ?? "";
    const { method } = request;
    const base = controlBase({ ...parseRtspUrl(request.url), path, query });
    const urls = [request.url, base, base.replace(/\/$/, "")];
    const check = (user: string, pass: string) =>
      checkDigest(authorization.params, { nonce, method, urls, user, pass });
    return { kind: "proof", check };
  }

  /** The answer to a request that did not pass. */
  refuse(error: AuthError): Answer {
    const { loginLimiter, clock } = this.#context;
    this.#failures += 1;
    const wait = this.#guessed ? loginLimiter.wrong(this.#owner.remoteAddress, clock.now()) : 0;
    const headers = new RtspHeaders();
    const response = { status: 401, headers, body: new Uint8Array(0) };
    if (this.#failures > TRIES || wait === undefined) {
      const fault = new AuthError(`authentication failed: ${error.message}`);
      return { response, fault, delayMs: Math.max(PAUSE_MS, wait ?? 0) };
    }
    this.#nonce ??= randomBytes(16).toString("hex");
    for (const challenge of writeChallenges(this.#methods, this.#nonce))
      headers.add("WWW-Authenticate", challenge);
    return { response, delayMs: wait };
  }
}

function notConfigured(path: string): RefusedError {
  return new RefusedError(`path '${path}' is not configured`);
}
