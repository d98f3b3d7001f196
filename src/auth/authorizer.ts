import type { Clock } from "../lib/clock.ts";
import { AuthError, errorText } from "../lib/errors.ts";
import { reportUnexpected } from "../lib/faults.ts";
import type { Logger } from "../lib/log.ts";
import type { Credentials } from "./access.ts";
import type { AuthRequest, ExternalAuth } from "./external.ts";

/** Minimum time between two log lines about failed requests, ms. */
const QUIET_MS = 10_000;

/** The parameters of external authentication. */
export interface AuthorizerSettings {
  /** Empty if paths are protected by their own parameters. */
  readonly externalAuthenticationURL: string;
  /** Timeout of a request, ms. */
  readonly readTimeout: number;
}

/** The request to the authentication server, without the credentials. */
export type Subject = Omit<AuthRequest, "user" | "password">;

/** Asks the authentication server, if one is configured. */
export class Authorizer {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #external: ExternalAuth | undefined;
  #quietUntil = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Whether an authentication server is configured. */
  get isExternal(): boolean {
    return this.#external !== undefined;
  }

  /** Applies new parameters. Clients that are admitted stay. */
  async configure({
    externalAuthenticationURL: url,
    readTimeout: timeout,
  }: AuthorizerSettings): Promise<void> {
    const before = this.#external;
    if (url === "") this.#external = undefined;
    else {
      // loaded on first use: the runtime's HTTP client is slow to load
      const { ExternalAuth } = await import("./external.ts");
      const onError = (error: unknown) => this.#tell(error);
      this.#external = new ExternalAuth({ url, timeout, clock: this.#clock, onError });
    }
    void before?.close(); // nobody waits for it
  }

  /**
   * Asks the server about a client. A client without credentials is sent with an empty user name and password: when it
   * is rejected, it sends credentials.
   *
   * @throws {AuthError} if the server rejects the client or does not answer in time
   */
  async ask(subject: Subject, credentials: Credentials): Promise<void> {
    if (credentials.kind === "proof") throw new AuthError("no supported authentication methods found");
    const { user, pass: password } = credentials.kind === "plain" ? credentials : { user: "", pass: "" };
    if (this.#external === undefined) throw new AuthError("no authentication server is configured");
    await this.#external.ask({ ...subject, user, password });
  }

  #tell(error: unknown): void {
    reportUnexpected(this.#logger, error, "request to the authentication server");
    const now = this.#clock.now();
    if (now < this.#quietUntil) return;
    this.#quietUntil = now + QUIET_MS;
    this.#logger.warn(`request to the authentication server failed: ${errorText(error)}`);
  }
}
