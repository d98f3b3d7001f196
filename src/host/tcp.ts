import { parseAddress } from "../lib/address.ts";
import { errorText, SystemError } from "../lib/errors.ts";
import { reportFault, reportUnexpected } from "../lib/faults.ts";
import type { Logger } from "../lib/log.ts";
import { collector } from "./collector.ts";
import { descriptorCeiling } from "./libc.ts";

/** One accepted connection, as its owner uses it. */
export interface TcpSocket {
  /** The peer as `1.2.3.4:5000` or `[::1]:5000`; IPv4-mapped addresses are shown as IPv4. */
  readonly remote: string;
  /** The peer's address alone. */
  readonly remoteAddress: string;
  /** Our side, in the form of `remote`. */
  readonly local: string;
  /** The file descriptor of the socket, to write to it directly; undefined if that is not possible. */
  readonly descriptor: number | undefined;
  /** Sends at once. @returns bytes taken: 0 when the kernel's buffer is full, -1 when closed */
  write(bytes: Uint8Array, offset: number, length: number): number;
  /** Sends FIN after everything written so far. Nothing is received after this. */
  end(): void;
  /** Sends RST at once. */
  terminate(): void;
  /** Reports an exception thrown outside `data` and `drain`; it ends the connection like one thrown inside. */
  failed(error: unknown): void;
  /** Stops and restarts receiving. */
  pause(): void;
  resume(): void;
}

/** The owner of a connection. None of these methods is called during a call of `TcpSocket`. */
export interface TcpConn {
  /**
   * Receives bytes, which are borrowed: the view is empty after the call. An exception thrown here or in `drain` ends
   * this connection only.
   */
  data(chunk: Uint8Array): void;
  /** There is room again after a short write. */
  drain(): void;
  /** Closes the connection after such an exception. A bug has been logged already. */
  failed(error: Error): void;
  /** The connection is closed. Always called, once, also after `end` and `terminate`; no error means an orderly end. */
  closed(error: Error | undefined): void;
}

/** An open listening socket. */
export interface TcpListener {
  /** The actual port if 0 was requested. */
  readonly port: number;
  /** As log lines show it, such as `:8554`. */
  readonly address: string;
  /** Stops accepting; connections stay. */
  close(): Promise<void>;
}

export interface TcpOptions {
  /** Logs rejected connections and bugs in the owners of connections. */
  readonly logger: Logger;
}

/**
 * Accepts TCP connections on `address`, `:8554` being all addresses of both families.
 *
 * When the peer half-closes, the connection is closed after what was written to it. While nearly all file descriptors
 * are in use, new connections are rejected with RST.
 *
 * @throws {Error} `listen tcp <address>: <reason>` if the address cannot be had
 * @throws {ConfigError} if it is not an address
 */
export function listenTcp(
  address: string,
  accept: (socket: TcpSocket) => TcpConn,
  { logger }: TcpOptions,
): TcpListener {
  const listener = openListener(address, (hostname, port) =>
    Bun.listen<Connection | undefined>({ hostname, port, socket: handlers(accept, logger, true) }),
  );
  return {
    port: listener.port,
    address: shownAddress(address, listener.port),
    close: () => {
      listener.stop(false);
      return Promise.resolve();
    },
  };
}

/**
 * Opens a listener with `open`, on both address families if the address has no host and the system has both.
 *
 * @throws {Error} `listen tcp <address>: <reason>`
 */
export function openListener<T>(address: string, open: (hostname: string, port: number) => T): T {
  const { hostname, port } = parseAddress(address);
  try {
    return open(hostname, port);
  } catch (cause) {
    if (hostname === "::" && !isTaken(cause)) {
      try {
        return open("0.0.0.0", port); // IPv6 is off
      } catch (second) {
        throw listenError("tcp", address, second);
      }
    }
    throw listenError("tcp", address, cause);
  }
}

/** `address` with its actual port. */
export function shownAddress(address: string, port: number): string {
  return address.replace(/:\d+$/, `:${port}`);
}

/** Shows address and port; IPv4-mapped addresses as IPv4. */
export function joinAddress(address: string, port: number): string {
  const plain = plainAddress(address);
  // `join`: a template string would keep its parts in memory for each connection
  return (plain.includes(":") ? ["[", plain, "]:", port] : [plain, ":", port]).join("");
}

/** Converts an IPv4-mapped address (RFC 4291 §2.5.5.2) to IPv4; others are unchanged. */
export function plainAddress(address: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice(7) : address;
}

type BunSocket = import("bun").Socket<Connection | undefined>;

/**
 * The runtime's callbacks for the sockets of a listener.
 *
 * @param direct whether the descriptor may be written to without the runtime: not with TLS
 */
export function handlers(accept: (socket: TcpSocket) => TcpConn, logger: Logger, direct: boolean) {
  const refuse = refuser(logger);
  return {
    open(socket: BunSocket) {
      // Without a free descriptor, the runtime would retry the same accept in a busy loop.
      const fd = (socket as unknown as { readonly fd?: number }).fd ?? 0;
      if (fd >= descriptorCeiling()) return refuse(socket);
      socket.data = new Connection(socket, logger, direct);
      socket.data.open(accept);
    },
    handshake(socket: BunSocket, _: boolean, error: Error | null) {
      // errors about the peer's certificate are ignored, as none is requested
      const code = errorCode(error);
      if (/^E[A-Z]+$/.test(code)) socket.data?.refused(new SystemError(`TLS handshake failed: ${code}`));
    },
    data: (socket: BunSocket, chunk: Uint8Array) => socket.data?.data(chunk),
    drain: (socket: BunSocket) => socket.data?.drain(),
    end: (socket: BunSocket) => socket.data?.peerEnded(),
    error: (socket: BunSocket, error: Error) => socket.data?.failed(error),
    close: (socket: BunSocket, error?: Error) => socket.data?.closed(error),
  };
}

/** Resets connections and reports them, once a second at most. */
function refuser(logger: Logger): (socket: BunSocket) => void {
  let refused = 0;
  let toldAt = Number.NEGATIVE_INFINITY;
  return (socket) => {
    const peer = plainAddress(socket.remoteAddress);
    socket.terminate();
    refused++;
    if (performance.now() - toldAt < REFUSAL_REPORT_MS) return;
    logger.error(`too many open files: ${refused} connections rejected, the last one from ${peer}`);
    toldAt = performance.now();
    refused = 0;
  };
}

const REFUSAL_REPORT_MS = 1_000;

/** How long a connection that we ended waits for the peer's FIN before it is terminated, ms. */
const LINGER_MS = 2_000;
/** Most bytes discarded while waiting for the peer's FIN; then the connection is terminated. */
const LINGER_BYTES = 4 * 1024 * 1024;

/** One socket. */
export class Connection implements TcpSocket {
  readonly remote: string;
  readonly remoteAddress: string;
  readonly local: string;
  readonly descriptor: number | undefined;
  readonly #socket: BunSocket;
  readonly #logger: Logger;
  #conn: TcpConn | undefined;
  #error: Error | undefined;
  #state: "open" | "lingering" | "closed" = "open";
  #discarded = 0;
  #linger: ReturnType<typeof setTimeout> | undefined;

  constructor(socket: BunSocket, logger: Logger, direct: boolean) {
    this.#socket = socket;
    this.#logger = logger;
    this.remoteAddress = plainAddress(socket.remoteAddress);
    this.remote = joinAddress(socket.remoteAddress, socket.remotePort);
    this.local = joinAddress(socket.localAddress, socket.localPort);
    this.descriptor = direct ? (socket as unknown as { readonly fd?: number }).fd : undefined;
  }

  open(accept: (socket: TcpSocket) => TcpConn): void {
    collector.worked();
    try {
      this.#conn = accept(this);
    } catch (error) {
      this.failed(error);
    }
  }

  data(chunk: Uint8Array): void {
    if (this.#state !== "open") {
      this.#discarded += chunk.length;
      if (this.#discarded > LINGER_BYTES) this.terminate();
      return;
    }
    try {
      this.#conn?.data(chunk);
    } catch (error) {
      this.failed(error);
    }
    release(chunk);
  }

  drain(): void {
    if (this.#state !== "open") return;
    try {
      this.#conn?.drain();
    } catch (error) {
      this.failed(error);
    }
  }

  /** The peer's FIN. The runtime closes the socket right after this. */
  peerEnded(): void {}

  /** The TLS handshake failed. The runtime closes the socket right after this. */
  refused(error: Error): void {
    this.#error ??= error;
  }

  /** The owner threw an exception: its connection is closed, others are not affected. */
  failed(error: unknown): void {
    reportUnexpected(this.#logger, error, `conn ${this.remote}`);
    const reason = error instanceof Error ? error : new Error(errorText(error));
    this.#error ??= reason;
    const conn = this.#conn;
    try {
      if (conn === undefined) this.terminate();
      else conn.failed(reason);
    } catch (problem) {
      reportFault(this.#logger, problem, `conn ${this.remote}`);
      this.terminate();
    }
  }

  /** The socket is closed. The owner is told outside of its own calls. */
  closed(error: Error | undefined): void {
    this.#state = "closed";
    collector.closed();
    clearTimeout(this.#linger);
    const reason = this.#error ?? (error && readError(this, error));
    queueMicrotask(() => {
      try {
        this.#conn?.closed(reason);
      } catch (problem) {
        reportFault(this.#logger, problem, `conn ${this.remote}`);
      }
    });
  }

  write(bytes: Uint8Array, offset: number, length: number): number {
    return this.#state === "open" ? this.#socket.write(bytes, offset, length) : -1;
  }

  end(): void {
    if (this.#state !== "open") return;
    this.#state = "lingering";
    // Closing with unread bytes would send RST, and the peer would lose what it has not read yet (RFC 1122
    // §4.2.2.13): send FIN, keep reading for a moment, then close.
    this.#socket.shutdown();
    this.#linger = setTimeout(() => this.terminate(), LINGER_MS);
    this.#socket.resume();
  }

  terminate(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#socket.terminate();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }
}

/** Smallest chunk that is released explicitly, bytes. */
const RELEASE_MIN = 4_096;

/**
 * Releases the memory of a chunk at once. The collector releases it only after a hundred megabytes or more; the
 * allocator then returns that to the system, and new chunks fault it in page by page: a third of the cost of receiving.
 */
function release(chunk: Uint8Array): void {
  const buffer = chunk.buffer as ArrayBuffer;
  if (chunk.length >= RELEASE_MIN && buffer.byteLength === chunk.length) buffer.transfer(0);
}

/** The usual texts of system errors, by code. */
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "address already in use",
  EADDRNOTAVAIL: "cannot assign requested address",
  EACCES: "permission denied",
  ECONNRESET: "connection reset by peer",
  ETIMEDOUT: "connection timed out",
};

/** `listen <protocol> <address>: <reason>`, with the usual text of the error. */
export function listenError(protocol: string, address: string, cause: unknown): Error {
  const reason = REASONS[errorCode(cause)] ?? errorText(cause);
  return new SystemError(`listen ${protocol} ${address}: ${reason}`, { cause });
}

/** `read tcp <local>-><remote>: read: <reason>`, if the reason is known; otherwise the runtime's text. */
function readError({ local, remote }: TcpSocket, cause: Error): Error {
  const reason = REASONS[errorCode(cause)];
  const text = reason === undefined ? errorText(cause) : `read tcp ${local}->${remote}: read: ${reason}`;
  return new SystemError(text, { cause });
}

function isTaken(cause: unknown): boolean {
  return errorCode(cause) === "EADDRINUSE";
}

/** The code of a system error (`ECONNRESET`); empty if it has none. */
export function errorCode(error: unknown): string {
  const code = (error as { readonly code?: unknown } | null | undefined)?.code;
  return typeof code === "string" ? code : "";
}
