import http from "node:http";
import https from "node:https";
import { reasonOf } from "../host/connect.ts";
import { errorText, isExpected, SourceError, SystemError } from "../lib/errors.ts";
import { contentCodings, withoutCodings } from "./content-coding.ts";
import { CookieJar } from "./cookies.ts";
import { pinnedConnection } from "./pinned.ts";
import { basicAuthorization, plainUrl } from "./url.ts";

/** Most redirects of a request. */
const REDIRECTS_MAX = 5;
const REDIRECTS = [301, 302, 303, 307, 308];
/** Most connections to one server. */
const SOCKETS_MAX = 4;

export interface HttpClientOptions {
  /** URL of the source; its credentials are sent to its own server only. */
  readonly source: URL;
  /** SHA-256 in hex of the certificate of the source's host; empty to verify the certificate as usual. */
  readonly fingerprint: string;
  /** Timeout of waiting for the next bytes, ms. */
  readonly timeout: number;
}

export interface HttpGet {
  readonly url: URL;
  /** Most bytes of the body. */
  readonly limit: number;
  /** Most time spent waiting for bytes, all waits together, ms. */
  readonly patience: number;
  /** Byte range; the whole file if undefined. */
  readonly range?: { readonly offset: number; readonly length: number } | undefined;
  readonly signal: AbortSignal;
}

/** Receives a piece of a body; the next one is read when it has completed. */
export type TakeChunk = (chunk: Uint8Array) => void | Promise<void>;

/** Requests of one source: few connections, which stay open between requests, and the cookies that it sets. */
export class HttpClient {
  readonly #options: HttpClientOptions;
  readonly #plain = new http.Agent({ keepAlive: true, maxSockets: SOCKETS_MAX });
  readonly #secure = new https.Agent({ keepAlive: true, maxSockets: SOCKETS_MAX });
  readonly #pinned: https.Agent;
  readonly #cookies = new CookieJar();

  constructor(options: HttpClientOptions) {
    this.#options = options;
    this.#pinned = new https.Agent({ keepAlive: true, maxSockets: SOCKETS_MAX });
    Object.assign(this.#pinned, { createConnection: pinnedConnection(options.fingerprint) });
  }

  /**
   * Gets a body, piece by piece, after redirects.
   *
   * @returns the final URL
   * @throws {SourceError} with the reason, if it cannot be had, is too large or comes too slowly
   */
  async get(request: HttpGet, take: TakeChunk): Promise<URL> {
    let { url } = request;
    for (let redirects = 0; ; redirects++) {
      const response = await this.#respond({ ...request, url });
      const status = response.statusCode ?? 0;
      const location = response.headers.location;
      if (!REDIRECTS.includes(status) || location === undefined) {
        await this.#body(response, { ...request, url }, take);
        return url;
      }
      response.destroy();
      if (redirects === REDIRECTS_MAX) throw new SourceError(`more than ${REDIRECTS_MAX} redirects`);
      url = resolveUrl(location, url);
    }
  }

  /** Gets a whole body. */
  async bytes(request: HttpGet): Promise<{ readonly url: URL; readonly body: Uint8Array }> {
    const chunks: Uint8Array[] = [];
    const url = await this.get(request, (chunk) => {
      chunks.push(chunk);
    });
    return { url, body: Buffer.concat(chunks) };
  }

  async #respond({ url, range, signal, patience }: HttpGet): Promise<http.IncomingMessage> {
    signal.throwIfAborted();
    const isSecure = url.protocol === "https:";
    const secure = this.#isPinned(url) ? this.#pinned : this.#secure;
    const request = (isSecure ? https : http).request(plainUrl(url), {
      agent: isSecure ? secure : this.#plain,
      signal,
      headers: {
        Accept: "*/*",
        "Accept-Encoding": "identity",
        "User-Agent": "mediamtx",
        ...(range !== undefined && { Range: `bytes=${range.offset}-${range.offset + range.length - 1}` }),
        ...this.#authorization(url),
        ...this.#cookies.headerFor(url, Date.now()),
      },
    });
    const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
    const timer = setTimeout(() => request.destroy(timedOut()), Math.min(this.#options.timeout, patience));
    request.on("response", resolve);
    // errors that come later belong to the body
    request.on("error", reject);
    request.end();
    try {
      const response = await promise;
      this.#cookies.take(url, response.headers["set-cookie"], Date.now());
      return response;
    } catch (error) {
      throw requestError(url, error as Error, signal);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Whether the certificate of a server must have the configured fingerprint. */
  #isPinned({ hostname }: URL): boolean {
    const { source, fingerprint } = this.#options;
    return fingerprint !== "" && hostname === source.hostname;
  }

  /** Credentials are sent to the server of the source only, also if it redirects to HTTPS. */
  #authorization(url: URL): { readonly Authorization?: string } {
    const { source } = this.#options;
    const isUpgrade = source.protocol === "http:" && url.protocol === "https:" && url.port === "";
    const isSame = url.origin === source.origin || (isUpgrade && url.hostname === source.hostname);
    return isSame ? basicAuthorization(source) : {};
  }

  async #body(response: http.IncomingMessage, request: HttpGet, take: TakeChunk): Promise<void> {
    const { url, limit, range, signal } = request;
    const most = range?.length ?? limit;
    let fault: unknown;
    const takeChunk = async (chunk: Uint8Array) => {
      try {
        await take(chunk);
      } catch (error) {
        if (!isExpected(error)) fault = error;
        throw error;
      }
    };
    try {
      checkResponse(response, request);
      const size = await this.#chunks(response, request, most, takeChunk);
      if (range !== undefined && size !== range.length) {
        throw new SourceError(`received ${size} bytes instead of ${range.length}`);
      }
    } catch (error) {
      response.destroy();
      throw fault ?? requestError(url, error as Error, signal); // a bug in the caller is not the server's error
    }
  }

  async #chunks(
    response: http.IncomingMessage,
    { patience }: HttpGet,
    most: number,
    take: TakeChunk,
  ): Promise<number> {
    let size = 0;
    let waited = 0;
    const codings = contentCodings(response.headers["content-encoding"]);
    const chunks = withoutCodings(response.iterator()[Symbol.asyncIterator](), codings);
    for (;;) {
      const start = performance.now();
      const timer = setTimeout(
        () => response.destroy(timedOut()),
        Math.max(Math.min(this.#options.timeout, patience - waited), 0),
      );
      const next = await chunks.next().finally(() => clearTimeout(timer));
      waited += performance.now() - start;
      if (next.done === true) return size;
      const chunk = next.value as Uint8Array;
      size += chunk.length;
      if (size > most) throw new SourceError(`the body is larger than ${most} bytes`);
      await take(chunk);
    }
  }

  /** Closes its connections. */
  close(): void {
    for (const agent of [this.#plain, this.#secure, this.#pinned]) agent.destroy();
  }
}

/**
 * Resolves a URL from a server against `base`.
 *
 * @throws {SourceError} if it is none, or no HTTP
 */
export function resolveUrl(text: string, base: URL): URL {
  const url = URL.parse(text, base.href);
  if (url === null) throw new SourceError("invalid URL");
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new SourceError(`unsupported URL scheme: ${url.protocol.slice(0, 20)}`);
  }
  return plainUrl(url);
}

/** Without the query, which may hold a secret; for log lines. */
function shownUrl({ origin, pathname }: URL): string {
  return `${origin}${pathname}`.slice(0, 200);
}

/** @throws {SourceError} if the response is not what was asked for */
function checkResponse({ statusCode = 0, headers }: http.IncomingMessage, { limit, range }: HttpGet): void {
  if (range !== undefined && statusCode === 200)
    throw new SourceError("the server does not support byte ranges");
  if (statusCode !== (range === undefined ? 200 : 206)) {
    throw new SourceError(`bad status code: ${statusCode} (${http.STATUS_CODES[statusCode] ?? "unknown"})`);
  }
  const given = headers["content-range"];
  if (range !== undefined && given?.startsWith(`bytes ${range.offset}-`) === false) {
    throw new SourceError("the server sent a different byte range");
  }
  const isCoded = contentCodings(headers["content-encoding"]).length > 0;
  // the range of what is compressed is not that of the file
  if (isCoded && range !== undefined) throw new SourceError("the range of bytes is compressed");
  const length = Number(headers["content-length"] ?? 0);
  if (range === undefined && length > limit) throw new SourceError(`the body is larger than ${limit} bytes`);
}

/** The error with its URL. */
function requestError(url: URL, cause: Error, signal: AbortSignal): Error {
  if (signal.aborted) return cause;
  const reason = reasonOf(cause) ?? errorText(cause);
  return new SourceError(`${shownUrl(url)}: ${reason}`, { cause });
}

function timedOut(): Error {
  return Object.assign(new SystemError("i/o timeout"), { code: "ETIMEDOUT" });
}
