import type { Clock } from "../lib/clock.ts";
import { AuthError, errorText } from "../lib/errors.ts";
import { reportUnexpected } from "../lib/faults.ts";
import type { Logger } from "../lib/log.ts";
import type { Credentials } from "./access.ts";
import type { ExternalAuth, Question } from "./external.ts";

/** Between two lines about a server that cannot be asked, ms. */
const TROUBLE_MS = 10_000;

/** The parameters that say who is asked. */
export interface AuthorizerSettings {
  /** Empty: the paths' own parameters decide. */
  readonly externalAuthenticationURL: string;
  /** Longest wait for an answer, ms. */
  readonly readTimeout: number;
}

/** What an authentication server is told of a request, besides the credentials. */
export type Subject = Omit<Question, "user" | "password">;

/** Asks the authentication server, where there is one. */
export class Authorizer {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #external: ExternalAuth | undefined;
  #quietUntil = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Whether a server decides, and not the parameters of paths. */
  get isExternal(): boolean {
    return this.#external !== undefined;
  }

  /** Brings it to other parameters; clients that are in stay. */
  async configure({
    externalAuthenticationURL: url,
    readTimeout: timeout,
  }: AuthorizerSettings): Promise<void> {
    const before = this.#external;
    if (url === "") this.#external = undefined;
    else {
      // loaded at need: the runtime's HTTP client takes its time
      const { ExternalAuth } = await import("./external.ts");
      const onTrouble = (error: unknown) => this.#tell(error);
      this.#external = new ExternalAuth({ url, timeout, clock: this.#clock, onTrouble });
    }
    void before?.close(); // nobody waits for it
  }

  /**
   * Asks the server about a client. Without credentials it is asked as well, with an empty name and password: that it
   * says no makes the client send some.
   *
   * @throws {AuthError} if it says no, or nothing in time
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
    this.#quietUntil = now + TROUBLE_MS;
    this.#logger.warn(`request to the authentication server failed: ${errorText(error)}`);
  }
}
