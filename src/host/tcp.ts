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
  /** The system's number of the socket, to write to it directly; undefined when that is not possible. */
  readonly descriptor: number | undefined;
  /** Sends at once. @returns bytes taken: 0 when the kernel's buffer is full, -1 when closed */
  write(bytes: Uint8Array, offset: number, length: number): number;
  /** FIN after everything written so far; nothing is received any more. */
  end(): void;
  /** RST, now. */
  terminate(): void;
  /** Reports an exception thrown outside `data` and `drain`; it ends the connection like one thrown inside. */
  failed(error: unknown): void;
  /** Stops and restarts receiving. */
  pause(): void;
  resume(): void;
}

/** What the owner of a connection does with it. None of these runs inside a call of `TcpSocket`. */
export interface TcpConn {
  /**
   * Takes received bytes, which are borrowed: the view is empty after the call. An exception thrown here or in `drain`
   * ends this connection only.
   */
  data(chunk: Uint8Array): void;
  /** There is room again after a short write. */
  drain(): void;
  /** Closes the connection after such an exception. A bug has been logged already. */
  failed(error: Error): void;
  /** The end, once and always, also after `end` and `terminate`; undefined is an orderly end. */
  closed(error: Error | undefined): void;
}

/** An open listening socket. */
export interface TcpListener {
  /** The real port, also when 0 was asked for. */
  readonly port: number;
  /** As log lines show it, such as `:8554`. */
  readonly address: string;
  /** Stops accepting; connections stay. */
  close(): Promise<void>;
}

export interface TcpOptions {
  /** Logs refused connections and bugs in the owners of connections. */
  readonly logger: Logger;
}

/**
 * Accepts TCP connections on `address`, `:8554` being all addresses of both families.
 *
 * A peer that half-closes its side is closed whole, after what was written for it. While nearly all descriptors of
 * the process are taken, newcomers are refused by RST.
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
 * Opens a listener by `open`, on both families where the address names none and the system has both.
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

/** `address` with the port it really got. */
export function shownAddress(address: string, port: number): string {
  return address.replace(/:\d+$/, `:${port}`);
}

/** Shows address and port; IPv4-mapped addresses as IPv4. */
export function joinAddress(address: string, port: number): string {
  const plain = plainAddress(address);
  // joined: a template string keeps its parts in memory too, for each connection
  return (plain.includes(":") ? ["[", plain, "]:", port] : [plain, ":", port]).join("");
}

/** An address as IPv4 where it is an IPv4-mapped one (RFC 4291 §2.5.5.2). */
export function plainAddress(address: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice(7) : address;
}

type BunSocket = import("bun").Socket<Connection | undefined>;

/**
 * What the runtime calls for the sockets of a listener.
 *
 * @param direct whether others may write to the descriptor past the runtime: not with TLS
 */
export function handlers(accept: (socket: TcpSocket) => TcpConn, logger: Logger, direct: boolean) {
  const refuse = refuser(logger);
  return {
    open(socket: BunSocket) {
      // Without a free descriptor the runtime would try to accept the same connection for ever, at full load.
      const fd = (socket as unknown as { readonly fd?: number }).fd ?? 0;
      if (fd >= descriptorCeiling()) return refuse(socket);
      socket.data = new Connection(socket, logger, direct);
      socket.data.open(accept);
    },
    handshake(socket: BunSocket, _: boolean, error: Error | null) {
      // what is said of the peer's certificate does not matter, as none is asked for
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

/** How long a connection that we ended waits for the peer's end before it is cut, ms. */
const LINGER_MS = 2_000;
/** Bytes thrown away while waiting for the peer's end; a peer that goes on talking is cut. */
const LINGER_BYTES = 4 * 1024 * 1024;

/** One socket: keeps the promises of `TcpSocket` and `TcpConn`. */
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

  /** The peer's FIN: the runtime closes the socket by itself, right after this. */
  peerEnded(): void {}

  /** The peer could not agree with us on TLS: the runtime closes the socket right after this. */
  refused(error: Error): void {
    this.#error ??= error;
  }

  /** The owner threw an exception: its connection ends, others are not affected. */
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

  /** The socket is gone. The owner learns it outside any call of its own. */
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
    // Closing with unread bytes would send RST and with it destroy what the peer has not read yet (RFC 1122
    // §4.2.2.13): say FIN, read on for a moment, then close.
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

/** Smallest chunk released explicitly, bytes. */
const RELEASE_MIN = 4_096;

/**
 * Releases the memory of a chunk at once. The collector releases it only after a hundred megabytes or more; the
 * allocator then returns that to the system, and new chunks fault it in page by page: a third of the cost of receiving.
 */
function release(chunk: Uint8Array): void {
  const buffer = chunk.buffer as ArrayBuffer;
  if (chunk.length >= RELEASE_MIN && buffer.byteLength === chunk.length) buffer.transfer(0);
}

/** Reasons of the system, as they are usually worded. */
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "address already in use",
  EADDRNOTAVAIL: "cannot assign requested address",
  EACCES: "permission denied",
  ECONNRESET: "connection reset by peer",
  ETIMEDOUT: "connection timed out",
};

/** `listen <protocol> <address>: <reason>`, the reason as it is usually worded. */
export function listenError(protocol: string, address: string, cause: unknown): Error {
  const reason = REASONS[errorCode(cause)] ?? errorText(cause);
  return new SystemError(`listen ${protocol} ${address}: ${reason}`, { cause });
}

/** `read tcp <local>-><remote>: read: <reason>`, where the reason is known; else what the runtime says. */
function readError({ local, remote }: TcpSocket, cause: Error): Error {
  const reason = REASONS[errorCode(cause)];
  const text = reason === undefined ? errorText(cause) : `read tcp ${local}->${remote}: read: ${reason}`;
  return new SystemError(text, { cause });
}

function isTaken(cause: unknown): boolean {
  return errorCode(cause) === "EADDRINUSE";
}

/** The system's name of an error; empty when it has none. */
export function errorCode(error: unknown): string {
  const code = (error as { readonly code?: unknown } | null | undefined)?.code;
  return typeof code === "string" ? code : "";
}
