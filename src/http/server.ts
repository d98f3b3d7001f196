import type { Hono } from "hono";
import { joinAddress, openListener, plainAddress, shownAddress } from "../host/tcp.ts";
import { errorText } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";

/** The longest idle time that the runtime can be told, s. */
const MAX_IDLE_S = 255;
/** The largest request body taken, bytes. */
const MAX_BODY_BYTES = 10 * 1024 * 1024;
/** How long closing waits for requests in progress, ms. */
const CLOSE_GRACE_MS = 1_000;

export interface HttpOptions {
  readonly address: string;
  readonly app: Hono;
  /** A connection without traffic for so long is closed, ms. */
  readonly readTimeout: number;
  readonly logger: Logger;
}

/** What an application is told with each request, as its environment. */
export interface HttpEnvironment {
  /** Address of the peer without port; empty when it is gone already. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Takes the idle timeout from the request: it is answered late on purpose. */
  readonly hold: () => void;
}

/** A running HTTP server. */
export interface HttpServer {
  /** The real port, also when 0 was asked for. */
  readonly port: number;
  /** Lets requests in progress end, a second at most, and closes everything. */
  close(): Promise<void>;
}

/**
 * Serves one application over plain HTTP. Every response says `Server: mediamtx`, what has no route is `404 page not
 * found`, and a fault of a handler is a 500 and a log line.
 *
 * @throws {Error} `listen tcp <address>: <reason>`
 */
export function startHttp(options: HttpOptions): HttpServer {
  const { address, app, logger } = options;
  const idleTimeout = Math.min(Math.max(Math.ceil(options.readTimeout / 1000), 1), MAX_IDLE_S);
  const server = openListener(address, (hostname, port) =>
    Bun.serve({
      hostname,
      port,
      idleTimeout,
      maxRequestBodySize: MAX_BODY_BYTES,
      development: false,
      fetch: (request, self) => {
        const peer = self.requestIP(request);
        const environment: HttpEnvironment = {
          remoteAddress: plainAddress(peer?.address ?? ""),
          remotePort: peer?.port ?? 0,
          hold: () => self.timeout(request, 0),
        };
        return answer(request, environment, app, logger);
      },
      error: (fault) => withServerHeader(faultResponse(fault, logger)),
    }),
  );
  const port = server.port ?? 0;
  logger.info(`listener opened on ${shownAddress(address, port)}`);
  return {
    port,
    close: async () => {
      logger.info("listener is closing");
      await closeServer(server);
    },
  };
}

async function answer(
  request: Request,
  environment: HttpEnvironment,
  app: Hono,
  logger: Logger,
): Promise<Response> {
  const { remoteAddress, remotePort } = environment;
  const log = remoteAddress === "" ? logger : logger.child(`conn ${joinAddress(remoteAddress, remotePort)}`);
  log.debug(`${request.method} ${request.url}`);
  let response: Response;
  try {
    response = await app.fetch(request, environment);
  } catch (fault) {
    response = faultResponse(fault, log);
  }
  log.debug(`answered ${response.status}`);
  return withServerHeader(response);
}

function withServerHeader(response: Response): Response {
  response.headers.set("Server", "mediamtx");
  return response;
}

function faultResponse(fault: unknown, logger: Logger): Response {
  for (const line of faultText(fault).split("\n")) logger.error(line);
  return Response.json({ error: "internal error" }, { status: 500 });
}

function faultText(fault: unknown): string {
  return (fault instanceof Error ? fault.stack : undefined) ?? errorText(fault);
}

async function closeServer(server: { stop(now: boolean): Promise<void> }): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const grace = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSE_GRACE_MS);
  });
  await Promise.race([server.stop(false), grace]);
  clearTimeout(timer);
  await server.stop(true);
}
