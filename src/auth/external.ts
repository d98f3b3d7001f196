import { PostClient } from "../http/post.ts";
import type { Clock } from "../lib/clock.ts";
import { AuthError, errorText } from "../lib/errors.ts";
import type { AccessProtocol, Action } from "./access.ts";
import { AuthServerLimiter } from "./auth-server-limiter.ts";

/** Most bytes of a response that are read. */
const RESPONSE_MAX = 64 * 1024;
/** Most characters of a response in an error message. */
const SHOWN_MAX = 200;

/** The body of a request to the authentication server, in the order of its fields. */
export interface AuthRequest {
  /** The client's address without port. */
  readonly ip: string;
  readonly user: string;
  readonly password: string;
  readonly path: string;
  readonly protocol: AccessProtocol;
  /** Of the connection or session; null where a protocol has none. */
  readonly id: string | null;
  readonly action: Action;
  /** Of the URL, without `?`. */
  readonly query: string;
}

export interface ExternalOptions {
  /** HTTP or HTTPS. */
  readonly url: string;
  /** Timeout of a request, ms. */
  readonly timeout: number;
  readonly clock: Clock;
  /** Called when a request to the server fails. */
  readonly onError: (error: unknown) => void;
}

/** Authenticates clients with an external HTTP server. */
export class ExternalAuth {
  readonly #options: ExternalOptions;
  readonly #url: URL;
  readonly #client = new PostClient();
  readonly #limiter: AuthServerLimiter;
  /** Requests in flight, by body: identical ones share one response. */
  readonly #pending = new Map<string, Promise<void>>();

  constructor(options: ExternalOptions) {
    this.#options = options;
    this.#url = new URL(options.url);
    this.#limiter = new AuthServerLimiter(options.clock);
  }

  /** @throws {AuthError} if the server rejects the client or does not answer in time */
  ask(request: AuthRequest): Promise<void> {
    const { ip, user, password, path, protocol, id, action, query } = request;
    const body = JSON.stringify({ ip, user, password, path, protocol, id, action, query });
    const known = this.#pending.get(body);
    if (known !== undefined) return known;
    const response = this.#ask(request, body).finally(() => this.#pending.delete(body));
    this.#pending.set(body, response);
    return response;
  }

  async #ask(request: AuthRequest, body: string): Promise<void> {
    const { clock, timeout } = this.#options;
    const start = clock.now();
    const isAttempt = request.user !== "" || request.password !== "" || request.query !== "";
    const turn = await this.#limiter.turn(request.ip, isAttempt, timeout);
    let problem: string | undefined = "no answer";
    try {
      problem = await this.#problem(request, body, timeout - (clock.now() - start));
    } finally {
      turn.done(problem === undefined);
    }
    if (problem !== undefined) throw new AuthError(`external authentication failed: ${problem}`);
  }

  /** Why the client is rejected; undefined if it is accepted. */
  async #problem(request: AuthRequest, body: string, timeout: number): Promise<string | undefined> {
    try {
      const contentType = "application/json";
      const reply = await this.#client.post({
        url: this.#url,
        body,
        contentType,
        limit: RESPONSE_MAX,
        timeout,
      });
      const { status, text } = reply;
      if (status >= 200 && status < 300) return undefined;
      const why = withoutSecrets(text, request).trim().slice(0, SHOWN_MAX);
      return `server replied with code ${status}${why === "" ? "" : `: ${why}`}`;
    } catch (error) {
      this.#options.onError(error);
      return errorText(error);
    }
  }

  /** Closes its connections once the requests in flight have completed. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#pending.values());
    this.#client.close();
  }
}

/** Masks the credentials of the request, which the response may repeat. */
function withoutSecrets(text: string, { user, password, query }: AuthRequest): string {
  const values = query.split("&").map((pair) => pair.slice(pair.indexOf("=") + 1));
  const basic = Buffer.from(`${user}:${password}`).toString("base64");
  const secrets = [password, basic, ...values].filter((secret) => secret !== "");
  return secrets
    .flatMap((secret) => [
      secret,
      JSON.stringify(secret).slice(1, -1),
      encodeURIComponent(secret.toWellFormed()),
    ])
    .reduce((shown, secret) => shown.replaceAll(secret, "***"), text);
}
