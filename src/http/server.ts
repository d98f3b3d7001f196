import { joinAddress, plainAddress, shownAddress } from "../host/socket-address.ts";
import { openListener } from "../host/tcp.ts";
import { type KeyPair, KeyPairFiles, retry, type TlsFiles } from "../host/tls.ts";
import { errorText, isExpected } from "../lib/errors.ts";
import { reportFault } from "../lib/faults.ts";
import type { Logger } from "../lib/log.ts";
import { dumpRequest, dumpResponse } from "./dump.ts";
import { localUrl } from "./url.ts";

/** The longest idle timeout of the runtime, s. */
const MAX_IDLE_S = 255;
/** The largest request body accepted, bytes. */
const MAX_BODY_BYTES = 10 * 1024 * 1024;
/** How long closing waits for requests in progress, ms. */
const CLOSE_GRACE_MS = 1_000;
/** Minimum download rate of a client, bytes/s. */
const SLOWEST_BYTES_S = 32 * 1024;

/** Handles requests: a Hono application, or an object of the same shape. */
export interface HttpApp {
  fetch(request: Request, environment: HttpEnvironment): Response | Promise<Response>;
}

export interface HttpOptions {
  readonly address: string;
  readonly app: HttpApp;
  /** Idle timeout of a connection, ms. */
  readonly readTimeout: number;
  readonly logger: Logger;
  /** Whether the application limits the size of bodies; the runtime's own response has no text. */
  readonly limitsBodies?: boolean;
  /** Serves HTTPS, HTTP/2 included, with these files; they are watched. */
  readonly tls?: TlsFiles;
}

/** The environment of each request. */
export interface HttpEnvironment {
  /** Address of the peer without port; empty if it has disconnected. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Disables the idle timeout of the request: its response is delayed on purpose. */
  hold(): void;
  /** Extends the timeout for a slow client to read so many bytes: the runtime does not notice that it reads. */
  allow(bytes: number): void;
}

/** A running HTTP server. */
export interface HttpServer {
  /** The actual port if 0 was requested. */
  readonly port: number;
  /** Waits for requests in progress, a second at most, and closes everything. */
  close(): Promise<void>;
}

type BunServer = ReturnType<typeof Bun.serve>;

/**
 * Serves one application over HTTP or HTTPS. Every response has `Server: mediamtx`, a path without a route gets `404 page
 * not found`, and an internal error of a handler is logged and gets a 500.
 *
 * @throws {Error} `listen tcp <address>: <reason>`; or what is wrong with the files
 */
export function startHttp(options: HttpOptions): HttpServer {
  return new Listener(options);
}

class Listener implements HttpServer {
  readonly port: number;
  readonly #options: HttpOptions;
  readonly #idleS: number;
  readonly #hostname: string;
  readonly #files: KeyPairFiles | undefined;
  /** The last one is listening; earlier ones still have connections. */
  readonly #servers: BunServer[] = [];

  constructor(options: HttpOptions) {
    const { address, logger, tls } = options;
    this.#options = options;
    this.#idleS = Math.min(Math.max(Math.ceil(options.readTimeout / 1000), 1), MAX_IDLE_S);
    this.#files = tls && new KeyPairFiles(tls, logger, (pair) => this.#relisten(pair));
    let bound = "";
    const server = openListener(address, (hostname, port) => {
      bound = hostname;
      return this.#listen(hostname, port, this.#files?.pair);
    });
    this.#hostname = bound;
    this.#servers.push(server);
    this.port = server.port ?? 0;
    this.#files?.watch();
    logger.info(`listener opened on ${shownAddress(address, this.port)}`);
  }

  #listen(hostname: string, port: number, pair: KeyPair | undefined): BunServer {
    const { logger, limitsBodies = false } = this.#options;
    return Bun.serve({
      hostname,
      port,
      idleTimeout: this.#idleS,
      maxRequestBodySize: limitsBodies ? Number.MAX_SAFE_INTEGER : MAX_BODY_BYTES,
      development: false,
      reusePort: false, // which is on where the one above is off: a second server would take half of the clients
      ...(pair !== undefined && { tls: { key: pair.key, cert: pair.cert }, http2: true }),
      fetch: (request, self) => this.#answer(new Incoming(request, self, this.#idleS)),
      error: (fault) => withServerHeader(faultResponse(fault, logger)),
    });
  }

  /** The runtime cannot change the certificate of a server: a new server replaces it, connections stay. */
  #relisten(pair: KeyPair): void {
    const before = this.#servers.at(-1);
    void before?.stop(false).then(() => this.#servers.splice(this.#servers.indexOf(before), 1));
    this.#servers.push(retry(() => this.#listen(this.#hostname, this.port, pair)));
  }

  #answer(incoming: Incoming): Response | Promise<Response> {
    const { app, logger } = this.#options;
    const request = withUrl(incoming.request);
    const log = logger.writes("debug") ? incoming.logger(logger) : undefined;
    log?.debug(`[c->s] ${dumpRequest(request)}`);
    const finish = (response: Response) => {
      withServerHeader(response);
      log?.debug(`[s->c] ${dumpResponse(response)}`);
      return response;
    };
    const fail = (fault: unknown) => finish(faultResponse(fault, incoming.logger(logger)));
    try {
      const response = app.fetch(request, incoming);
      if (response instanceof Response) return finish(response);
      return response.then((late) => {
        incoming.unhold();
        return finish(late);
      }, fail);
    } catch (fault) {
      return fail(fault);
    }
  }

  async close(): Promise<void> {
    this.#options.logger.info("listener is closing");
    this.#files?.close();
    await Promise.all(this.#servers.map(closeServer));
  }
}

/** A request with its connection. */
class Incoming implements HttpEnvironment {
  readonly request: Request;
  readonly #server: BunServer;
  readonly #idleS: number;
  #isHeld = false;

  constructor(request: Request, server: BunServer, idleS: number) {
    this.request = request;
    this.#server = server;
    this.#idleS = idleS;
  }

  get remoteAddress(): string {
    return plainAddress(this.#server.requestIP(this.request)?.address ?? "");
  }

  get remotePort(): number {
    return this.#server.requestIP(this.request)?.port ?? 0;
  }

  hold(): void {
    this.#isHeld = true;
    this.#server.timeout(this.request, 0);
  }

  allow(bytes: number): void {
    this.#isHeld = false;
    const needed = this.#idleS + Math.ceil(bytes / SLOWEST_BYTES_S);
    this.#server.timeout(this.request, Math.min(needed, MAX_IDLE_S));
  }

  /** Restores the idle timeout, or the connection would stay open for ever. */
  unhold(): void {
    if (this.#isHeld) this.allow(0);
  }

  logger(parent: Logger): Logger {
    const { remoteAddress, remotePort } = this;
    return remoteAddress === "" ? parent : parent.child(`conn ${joinAddress(remoteAddress, remotePort)}`);
  }
}

/** The runtime's URL is only a path if `Host` is missing (HTTP/1.0) or invalid. */
function withUrl(request: Request): Request {
  return request.url.startsWith("/") ? new Request(localUrl(request.url).href, request) : request;
}

function withServerHeader(response: Response): Response {
  response.headers.set("Server", "mediamtx");
  return response;
}

/** Handlers turn errors that clients cause into responses; others are bugs or system errors. */
function faultResponse(fault: unknown, logger: Logger): Response {
  if (isExpected(fault)) logger.error(errorText(fault));
  else reportFault(logger, fault, "HTTP request");
  return Response.json({ error: "internal error" }, { status: 500 });
}

async function closeServer(server: BunServer): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const grace = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSE_GRACE_MS);
  });
  await Promise.race([server.stop(false), grace]);
  clearTimeout(timer);
  await server.stop(true);
}
