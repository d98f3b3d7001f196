import http from "node:http";
import https from "node:https";
import { reasonOf } from "../host/connect.ts";
import { errorText, SystemError } from "../lib/errors.ts";
import { basicAuthorization, plainUrl } from "./url.ts";

/** Most redirects of a request. */
const REDIRECTS_MAX = 5;
/** Redirects that keep method and body (RFC 9110 §15.4.8, §15.4.9); others would turn a POST into a GET. */
const REDIRECTS = [307, 308];
/** Most idle connections that are kept open, and for how long, ms. */
const KEPT = { keepAlive: true, maxFreeSockets: 32, timeout: 5_000 };

export interface HttpPost {
  readonly url: URL;
  readonly body: string;
  readonly contentType: string;
  /** Most bytes of the response body that are read. */
  readonly limit: number;
  /** Timeout of the whole request, ms. */
  readonly timeout: number;
}

export interface HttpReply {
  readonly status: number;
  /** The body, as far as it arrived in time and within the limit; empty if the status is 2xx. */
  readonly text: string;
}

/** The time left for a request. */
interface Deadline {
  readonly at: number;
}

/** Sends POST requests. Connections are kept open, and no request waits for another one. */
export class PostClient {
  readonly #plain = new http.Agent(KEPT);
  readonly #secure = new https.Agent(KEPT);

  /**
   * Sends a request. The body of the response is read for errors only, and never makes the request fail. User information
   * of the URL is sent as Basic credentials, to its own origin only. A redirect is followed if it keeps scheme, method and
   * body.
   *
   * @throws {Error} with the reason, if there is no answer in time
   */
  async post(post: HttpPost): Promise<HttpReply> {
    const deadline = { at: performance.now() + post.timeout };
    let { url } = post;
    for (let redirects = 0; ; redirects++) {
      const response = await this.#respondAgain({ ...post, url }, post.url, deadline);
      const next = redirectOf(response, url);
      if (next === undefined) return await readReply(response, post.limit, deadline);
      response.destroy();
      if (redirects === REDIRECTS_MAX) throw new SystemError(`more than ${REDIRECTS_MAX} redirects`);
      url = next;
    }
  }

  /** Retries on a new connection if the server closes a kept one just as it is reused. */
  async #respondAgain(post: HttpPost, source: URL, deadline: Deadline): Promise<http.IncomingMessage> {
    try {
      return await this.#respond(post, source, deadline);
    } catch (error) {
      if (!CLOSED.includes(codeOf(error))) throw postError(post.url, error);
    }
    try {
      return await this.#respond(post, source, deadline);
    } catch (error) {
      throw postError(post.url, error);
    }
  }

  #respond(
    { url, body, contentType }: HttpPost,
    source: URL,
    deadline: Deadline,
  ): Promise<http.IncomingMessage> {
    const isSecure = url.protocol === "https:";
    const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
    const request = (isSecure ? https : http).request(plainUrl(url), {
      method: "POST",
      agent: isSecure ? this.#secure : this.#plain,
      headers: {
        "Content-Type": contentType,
        "Content-Length": Buffer.byteLength(body),
        "Accept-Encoding": "identity",
        "User-Agent": "mediamtx",
        ...(url.origin === source.origin && basicAuthorization(source)),
      },
    });
    const timer = setTimeout(() => {
      reject(timedOut());
      request.destroy();
    }, leftOf(deadline));
    request.on("response", resolve);
    // errors that come later belong to the body
    request.on("error", reject);
    request.end(body);
    return promise.finally(() => clearTimeout(timer));
  }

  /** Closes its connections. */
  close(): void {
    this.#plain.destroy();
    this.#secure.destroy();
  }
}

/** Codes of errors of a connection that the server has closed. */
const CLOSED = ["ECONNRESET", "EPIPE"];

/** Target of a redirect to follow; undefined if there is none. */
function redirectOf({ statusCode = 0, headers }: http.IncomingMessage, from: URL): URL | undefined {
  if (!REDIRECTS.includes(statusCode) || headers.location === undefined) return undefined;
  const url = URL.parse(headers.location, from.href);
  return url?.protocol === from.protocol ? plainUrl(url) : undefined;
}

/** Reads the body up to the limit and the deadline; beyond them the connection is closed. */
function readReply(response: http.IncomingMessage, limit: number, deadline: Deadline): Promise<HttpReply> {
  const status = response.statusCode ?? 0;
  const chunks: Buffer[] = [];
  let size = 0;
  const { promise, resolve } = Promise.withResolvers<HttpReply>();
  const finish = () => {
    clearTimeout(timer);
    resolve({ status, text: Buffer.concat(chunks).subarray(0, limit).toString("utf8") });
  };
  const give = () => {
    finish();
    response.destroy();
  };
  const timer = setTimeout(give, leftOf(deadline));
  const isAllowed = status >= 200 && status < 300;
  response.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (!isAllowed) chunks.push(chunk);
    if (size > limit) give();
  });
  response.on("end", finish);
  response.on("error", finish);
  response.on("close", finish);
  // the body is not needed; it is read all the same, so that the connection can be kept
  if (isAllowed) resolve({ status, text: "" });
  return promise;
}

function leftOf({ at }: Deadline): number {
  return Math.max(at - performance.now(), 0);
}

function codeOf(error: unknown): string {
  return String((error as { readonly code?: unknown }).code);
}

/** The error with the server's origin; the path may be secret. */
function postError({ origin }: URL, cause: unknown): Error {
  const reason = reasonOf(cause as Error) ?? errorText(cause);
  return new SystemError(`${origin}: ${reason}`, { cause });
}

function timedOut(): Error {
  return Object.assign(new SystemError("i/o timeout"), { code: "ETIMEDOUT" });
}
