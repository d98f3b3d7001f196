import { EndError, errorText, SystemError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import { errorCode } from "./socket-errors.ts";
import { Connection, type TcpConn, type TcpSocket } from "./tcp-connection.ts";

export interface ConnectOptions {
  /** A name or an address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /**
   * Uses TLS. The certificate must be trusted by the system, or have this fingerprint (SHA-256, hex).
   */
  readonly tls?: { readonly fingerprint: string };
  /** Timeout of connecting, ms. */
  readonly timeout: number;
  /** The connection is open. */
  readonly open: (socket: TcpSocket) => TcpConn;
  /** Connecting failed; nothing else is called then. */
  readonly failed: (error: Error) => void;
  /** Logs bugs in the connection's owner. */
  readonly logger: Logger;
}

/** The usual texts of system errors, by code. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ENETUNREACH: "network is unreachable",
  EHOSTUNREACH: "no route to host",
  ETIMEDOUT: "i/o timeout",
  ECONNRESET: "connection reset by peer",
};

type BunSocket = import("bun").Socket<Connection | undefined>;

/** Connects to a server. @returns cancels the attempt */
export function connectTcp(options: ConnectOptions): () => void {
  const attempt = new Attempt(options);
  return () => attempt.cancel();
}

class Attempt {
  readonly #options: ConnectOptions;
  readonly #timer: ReturnType<typeof setTimeout>;
  #socket: BunSocket | undefined;
  #done = false;

  constructor(options: ConnectOptions) {
    this.#options = options;
    this.#timer = setTimeout(() => this.#fail(timedOut()), options.timeout);
    const { host, port, tls } = options;
    const settings = {
      hostname: host,
      port,
      socket: {
        open: (socket: BunSocket) => {
          if (this.#done) socket.terminate();
          else this.#socket = socket;
          if (tls === undefined) this.#ready(socket);
        },
        handshake: (socket: BunSocket, _: boolean, error: Error | null) => this.#greeted(socket, error),
        data: (socket: BunSocket, chunk: Uint8Array) => socket.data?.data(chunk),
        drain: (socket: BunSocket) => socket.data?.drain(),
        end: (socket: BunSocket) => socket.data?.peerEnded(),
        error: (socket: BunSocket, error: Error) => this.#broken(socket, error),
        close: (socket: BunSocket, error?: Error) => {
          if (socket.data === undefined) this.#fail(error ?? new EndError("EOF"));
          else socket.data.closed(error);
        },
        connectError: (_: BunSocket, error: Error) => this.#fail(error),
      },
    };
    const secure =
      tls === undefined ? {} : { tls: { rejectUnauthorized: false, serverName: serverName(host) } };
    Bun.connect<Connection | undefined>({ ...settings, ...secure } as never).catch((error: Error) =>
      this.#fail(error),
    );
  }

  #greeted(socket: BunSocket, error: Error | null): void {
    if (this.#done || this.#options.tls === undefined) return;
    const problem = this.#problemOf(socket, error);
    if (problem === undefined) this.#ready(socket);
    else this.#fail(new SystemError(problem));
  }

  /** What is wrong with the server's certificate. */
  #problemOf(socket: BunSocket, error: Error | null): string | undefined {
    const code = errorCode(error);
    if (/^E[A-Z]+$/.test(code)) return `TLS handshake failed: ${code}`;
    const fingerprint = this.#options.tls?.fingerprint ?? "";
    if (fingerprint === "")
      return error === null ? undefined : `the certificate is not trusted: ${errorText(error)}`;
    const { fingerprint256 } = socket.getPeerCertificate() as { readonly fingerprint256?: string };
    return fingerprintProblem(fingerprint, fingerprint256);
  }

  #ready(socket: BunSocket): void {
    if (this.#done) return;
    this.#finish();
    const { logger, open } = this.#options;
    socket.data = new Connection(socket, logger, this.#options.tls === undefined);
    socket.data.open(open);
  }

  #broken(socket: BunSocket, error: Error): void {
    if (socket.data === undefined) this.#fail(error);
    else socket.data.failed(error);
  }

  #fail(error: Error): void {
    if (this.#done) return;
    this.#finish();
    this.#socket?.terminate();
    const { host, port } = this.#options;
    const reason = REASONS[errorCode(error)];
    const text = reason === undefined ? errorText(error) : `dial tcp ${host}:${port}: ${reason}`;
    this.#options.failed(new SystemError(text, { cause: error }));
  }

  #finish(): void {
    this.#done = true;
    clearTimeout(this.#timer);
  }

  cancel(): void {
    if (this.#done) return;
    this.#finish();
    this.#socket?.terminate();
  }
}

/** Checks the fingerprint of a certificate (SHA-256, hex, with or without colons). @returns what is wrong */
export function fingerprintProblem(fingerprint: string, fingerprint256 = ""): string | undefined {
  const [expected, got] = [fingerprint, fingerprint256].map((text) => text.toLowerCase().replaceAll(":", ""));
  return got === expected ? undefined : `source fingerprint does not match: expected ${expected}, got ${got}`;
}

/** The usual text of a system error; undefined if it is none. */
export function reasonOf(error: Error): string | undefined {
  return REASONS[errorCode(error)];
}

/** IP addresses are not sent as a server name (RFC 6066 §3). */
function serverName(host: string): string | undefined {
  return /^[\d.]+$|:/.test(host) ? undefined : host;
}

function timedOut(): Error {
  return Object.assign(new SystemError("i/o timeout"), { code: "ETIMEDOUT" });
}
