import { randomBytes } from "node:crypto";
import type { Action, Credentials } from "../../auth/access.ts";
import type { Refusal } from "../../auth/door.ts";
import { type Awaitable, when } from "../../lib/awaitable.ts";
import { AuthError } from "../../lib/errors.ts";
import type { Answer, RequestOwner } from "./answer.ts";
import type { RtspContext } from "./context.ts";
import { type AuthMethod, checkDigest, parseAuthorization, writeChallenges } from "./proto/auth.ts";
import { RtspHeaders } from "./proto/headers.ts";
import type { RtspRequest } from "./proto/request.ts";
import { controlBase, parseRtspUrl } from "./proto/url.ts";

/** What a request wants to do. */
export interface Passage {
  readonly action: Action;
  readonly path: string;
  /** Of the URL, without `?`. */
  readonly query: string;
}

/** Authenticates the requests of one connection, and turns rejections into responses. */
export class Gate {
  readonly #context: RtspContext;
  readonly #owner: RequestOwner;
  #nonce: string | undefined;

  constructor(context: RtspContext, owner: RequestOwner) {
    this.#context = context;
    this.#owner = owner;
  }

  /**
   * Admits or rejects a request.
   *
   * @returns the response of a rejection, after its delay; undefined if the request is admitted
   * @throws {RefusedError} as `Door.admit`
   */
  pass(request: RtspRequest, passage: Passage): Awaitable<Answer | undefined> {
    const { id, visitor } = this.#owner;
    const credentials = this.#credentials(request, passage);
    const { door } = this.#context;
    const admission = door.admit({ entrance: "rtsp", ...passage, credentials, id, visitor });
    return when(admission, (result) => (result.kind === "refused" ? this.#refuse(result) : undefined));
  }

  get #methods(): readonly AuthMethod[] {
    const { authMethods, door } = this.#context;
    return door.takesProofs ? authMethods : ["basic"];
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

  #refuse({ challenges, ends, reason }: Refusal): Answer {
    const headers = new RtspHeaders();
    const response = { status: 401, headers, body: new Uint8Array(0) };
    if (challenges) {
      this.#nonce ??= randomBytes(16).toString("hex");
      for (const challenge of writeChallenges(this.#methods, this.#nonce))
        headers.add("WWW-Authenticate", challenge);
    }
    return ends ? { response, fault: new AuthError(reason) } : { response };
  }
}
