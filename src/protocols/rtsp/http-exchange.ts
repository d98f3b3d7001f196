import { randomBytes } from "node:crypto";
import type { ConnectOptions } from "../../host/connect.ts";
import type { TcpConn, TcpSocket } from "../../host/tcp-connection.ts";
import type { Cancel, Clock } from "../../lib/clock.ts";
import { EndError, SourceError } from "../../lib/errors.ts";
import { Authenticator } from "./proto/authenticator.ts";
import { RtspFramer } from "./proto/framer.ts";
import { RtspHeaders } from "./proto/headers.ts";
import { writeRequest } from "./proto/request.ts";
import type { RtspResponse } from "./proto/response.ts";
import { type RtspUrl, writeAuthority, writeTarget } from "./proto/url.ts";
import type { SourceNetwork } from "./source-media.ts";

export interface SourceTunnelOptions {
  readonly url: RtspUrl;
  readonly connect: SourceNetwork["connect"];
  readonly clock: Clock;
}

/** Headers of a request, besides those that every request to the server has. */
type RequestHeaders = Readonly<Record<string, string>>;

/** A response that opens a tunnel. */
interface TunnelResponse {
  readonly response: RtspResponse;
  /** Writes another request to the server, with credentials if the first one needed them. */
  readonly writeRequest: (method: "POST", headers: RequestHeaders) => Uint8Array;
}

/** A GET request that opens a tunnel, and what becomes of the tunnel. */
interface TunnelOpening {
  readonly headers: RequestHeaders;
  /** The status that opens it. */
  readonly status: number;
  /** The tunnel is open. @returns what takes over the connection @throws {Error} if the response is invalid */
  readonly open: (socket: TcpSocket, response: TunnelResponse) => TcpConn;
}

/**
 * Requests a tunnel, on a new connection with credentials if the server asks for them. Failures are reported to
 * `connection.failed`; `connection.open` is not called.
 *
 * @returns a function that cancels it
 */
export function requestTunnel(
  connection: ConnectOptions,
  options: SourceTunnelOptions,
  opening: TunnelOpening,
): () => void {
  const exchange = new HttpExchange(connection, options, opening);
  return () => exchange.cancel();
}

class HttpExchange {
  readonly #connection: ConnectOptions;
  readonly #options: SourceTunnelOptions;
  readonly #opening: TunnelOpening;
  readonly #authenticator: Authenticator | undefined;
  #cancelConnect: () => void = () => undefined;
  #socket: TcpSocket | undefined;
  #timer: Cancel | undefined;
  #done = false;

  constructor(connection: ConnectOptions, options: SourceTunnelOptions, opening: TunnelOpening) {
    this.#connection = connection;
    this.#options = options;
    this.#opening = opening;
    const { user, password: pass = "" } = options.url;
    const random = () => randomBytes(8).toString("hex");
    this.#authenticator = user === undefined ? undefined : new Authenticator({ user, pass }, random);
    this.#start();
  }

  #start(): void {
    this.#timer?.();
    this.#timer = this.#options.clock.after(this.#connection.timeout, () =>
      this.#fail(new EndError("i/o timeout: the tunnel is not opened")),
    );
    this.#cancelConnect = this.#options.connect({
      ...this.#connection,
      open: (socket) => this.#opened(socket),
      failed: (error) => this.#fail(error),
    });
  }

  #opened(socket: TcpSocket): TcpConn {
    this.#socket = socket;
    const request = this.#writeRequest("GET", this.#opening.headers);
    const events = {
      answered: (response: RtspResponse) => this.#answered(socket, response),
      failed: (error: Error) => {
        if (socket === this.#socket) this.#fail(error);
      },
    };
    const conn = new PendingConn(events);
    if (socket.write(request, 0, request.length) !== request.length) {
      socket.failed(new SourceError("the server does not read requests"));
    }
    return conn;
  }

  #writeRequest(method: "GET" | "POST", headers: RequestHeaders): Uint8Array {
    const { url } = this.#options;
    const target = writeTarget(url);
    const authorization = this.#authenticator?.authorize(method, target);
    const all = RtspHeaders.from({
      ...headers,
      Host: writeAuthority(url),
      ...(authorization !== undefined && { Authorization: authorization }),
    });
    return writeRequest({ method, url: target, headers: all, body: new Uint8Array(0), http: "1.1" });
  }

  /** @returns what takes over the connection; undefined when a new one is tried @throws {Error} if there is no tunnel */
  #answered(socket: TcpSocket, response: RtspResponse): TcpConn | undefined {
    const { status, reason = "", headers } = response;
    if (status === this.#opening.status) {
      const writeRequest: TunnelResponse["writeRequest"] = (...request) => this.#writeRequest(...request);
      const conn = this.#opening.open(socket, { response, writeRequest });
      this.#finish();
      return conn;
    }
    const isAgain =
      status === 401 && this.#authenticator?.challenged(headers.getAll("WWW-Authenticate")) === true;
    if (!isAgain) throw new SourceError(`the server opens no tunnel: bad status code: ${status} (${reason})`);
    this.#socket = undefined;
    socket.end();
    this.#start();
    return undefined;
  }

  #fail(error: Error): void {
    if (this.#done) return;
    this.cancel();
    this.#connection.failed(error);
  }

  #finish(): void {
    this.#done = true;
    this.#timer?.();
  }

  cancel(): void {
    if (this.#done) return;
    this.#finish();
    this.#cancelConnect();
    this.#socket?.end();
  }
}

interface PendingEvents {
  /** @returns what takes over the connection */
  answered(response: RtspResponse): TcpConn | undefined;
  failed(error: Error): void;
}

/** A connection whose request is pending; after the response it passes everything to what took over. */
class PendingConn implements TcpConn {
  readonly #events: PendingEvents;
  readonly #framer = new RtspFramer("HTTP responses");
  #next: TcpConn | undefined;
  /** Whether it was given up for a new connection. */
  #isOver = false;

  constructor(events: PendingEvents) {
    this.#events = events;
  }

  data(chunk: Uint8Array): void {
    if (this.#next !== undefined) {
      this.#next.data(chunk);
      return;
    }
    if (this.#isOver) return;
    const end = this.#framer.receive(chunk, 0);
    const framed = this.#framer.poll();
    if (framed?.kind !== "response") return;
    if (isProvisional(framed.response)) {
      this.data(chunk.subarray(end));
      return;
    }
    this.#next = this.#events.answered(framed.response);
    this.#isOver = this.#next === undefined;
    if (end < chunk.length) this.#next?.data(chunk.subarray(end));
  }

  drain(): void {
    this.#next?.drain();
  }

  failed(error: Error): void {
    if (this.#next === undefined) this.#events.failed(error);
    else this.#next.failed(error);
  }

  closed(error: Error | undefined): void {
    if (this.#next === undefined) this.#events.failed(error ?? new EndError("EOF"));
    else this.#next.closed(error);
  }
}

/** Whether another response follows (RFC 9110 §15.2); 101 is a final one. */
function isProvisional({ status }: RtspResponse): boolean {
  return status < 200 && status !== 101;
}
