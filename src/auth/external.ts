import { HttpPoster } from "../http/post.ts";
import type { Clock } from "../lib/clock.ts";
import { AuthError, errorText } from "../lib/errors.ts";
import type { AccessProtocol, Action } from "./access.ts";
import { AuthServerLimiter } from "./auth-server-limiter.ts";

/** Bytes of an answer that are read. */
const ANSWER_MAX = 64 * 1024;
/** Characters of it that get into an error text. */
const SHOWN_MAX = 200;

/** What the server is asked, in the order in which it is told. */
export interface Question {
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
  /** Longest wait for an answer, ms. */
  readonly timeout: number;
  readonly clock: Clock;
  /** Told when the server cannot be asked. */
  readonly onTrouble: (error: unknown) => void;
}

/** Asks an HTTP server whether clients may come in. */
export class ExternalAuth {
  readonly #options: ExternalOptions;
  readonly #url: URL;
  readonly #poster = new HttpPoster();
  readonly #limiter: AuthServerLimiter;
  /** Questions in flight; whoever asks the same meanwhile shares the answer. */
  readonly #asked = new Map<string, Promise<void>>();

  constructor(options: ExternalOptions) {
    this.#options = options;
    this.#url = new URL(options.url);
    this.#limiter = new AuthServerLimiter(options.clock);
  }

  /** @throws {AuthError} if the server says no, or nothing in time */
  ask(question: Question): Promise<void> {
    const { ip, user, password, path, protocol, id, action, query } = question;
    const body = JSON.stringify({ ip, user, password, path, protocol, id, action, query });
    const known = this.#asked.get(body);
    if (known !== undefined) return known;
    const answer = this.#ask(question, body).finally(() => this.#asked.delete(body));
    this.#asked.set(body, answer);
    return answer;
  }

  async #ask(question: Question, body: string): Promise<void> {
    const { clock, timeout } = this.#options;
    const start = clock.now();
    const isTry = question.user !== "" || question.password !== "" || question.query !== "";
    const turn = await this.#limiter.turn(question.ip, isTry, timeout);
    let problem: string | undefined = "no answer";
    try {
      problem = await this.#problem(question, body, timeout - (clock.now() - start));
    } finally {
      turn.done(problem === undefined);
    }
    if (problem !== undefined) throw new AuthError(`external authentication failed: ${problem}`);
  }

  /** What is said against it; undefined when it may pass. */
  async #problem(question: Question, body: string, timeout: number): Promise<string | undefined> {
    try {
      const contentType = "application/json";
      const reply = await this.#poster.post({
        url: this.#url,
        body,
        contentType,
        limit: ANSWER_MAX,
        timeout,
      });
      const { status, text } = reply;
      if (status >= 200 && status < 300) return undefined;
      const why = withoutSecrets(text, question).trim().slice(0, SHOWN_MAX);
      return `server replied with code ${status}${why === "" ? "" : `: ${why}`}`;
    } catch (error) {
      this.#options.onTrouble(error);
      return errorText(error);
    }
  }

  /** Closes its connections, once the questions in flight have their answers. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#asked.values());
    this.#poster.close();
  }
}

/** An answer may repeat what was asked. */
function withoutSecrets(text: string, { user, password, query }: Question): string {
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
