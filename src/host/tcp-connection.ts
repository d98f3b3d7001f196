import { errorText } from "../lib/errors.ts";
import { reportFault, reportUnexpected } from "../lib/faults.ts";
import type { Logger } from "../lib/log.ts";
import { collector } from "./collector.ts";
import { type DirectReceiver, type DirectSocket, directReceiver } from "./direct-receiver.ts";
import { CHUNK, NOTHING, type ReceiveCalls } from "./receive-libc.ts";
import { joinAddress, plainAddress } from "./socket-address.ts";
import { codeOf, readError } from "./socket-errors.ts";

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
  /**
   * Lets received bytes be written straight to where `target` says, when there are so many that it pays. Owners that do
   * not ask for it, and those of sockets where it is not possible, get all of them through `TcpConn.data`.
   */
  receiveInto(target: DirectTarget): void;
}

/** Takes received bytes in place: no chunk is made of them. None of these methods is called during a call of `TcpSocket`. */
export interface DirectTarget {
  /** The memory that the addresses are in. */
  readonly memory: Uint8Array;
  /** Bytes that the last `reserve` offered. */
  readonly room: number;
  /** Where the next bytes go; 0 if they must come as a chunk, through `TcpConn.data`. */
  reserve(): number;
  /** As `TcpConn.data`, for `size` bytes that were written where `reserve` said. */
  received(size: number): void;
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

type BunSocket = import("bun").Socket<Connection | undefined>;

/** How long a connection that we ended waits for the peer's FIN before it is terminated, ms. */
const LINGER_MS = 2_000;
/** Most bytes discarded while waiting for the peer's FIN; then the connection is terminated. */
const LINGER_BYTES = 4 * 1024 * 1024;

/** Most reads of one socket in a row: others are ready, too. */
const READS_MAX = 8;

/** One socket. */
export class Connection implements TcpSocket, DirectSocket {
  readonly remote: string;
  readonly remoteAddress: string;
  readonly local: string;
  readonly descriptor: number | undefined;
  readonly #socket: BunSocket;
  readonly #logger: Logger;
  readonly #receiver: DirectReceiver | undefined;
  #conn: TcpConn | undefined;
  #error: Error | undefined;
  #state: "open" | "lingering" | "closed" = "open";
  #discarded = 0;
  #linger: ReturnType<typeof setTimeout> | undefined;
  #target: DirectTarget | undefined;
  #isPaused = false;
  arrivals = 0;

  /** @param isPlain whether its descriptor may be read and written without the runtime: not with TLS */
  constructor(socket: BunSocket, logger: Logger, isPlain: boolean, receiver = directReceiver()) {
    this.#socket = socket;
    this.#logger = logger;
    this.#receiver = isPlain ? receiver : undefined;
    this.remoteAddress = plainAddress(socket.remoteAddress);
    this.remote = joinAddress(socket.remoteAddress, socket.remotePort);
    this.local = joinAddress(socket.localAddress, socket.localPort);
    this.descriptor = isPlain ? (socket as unknown as { readonly fd?: number }).fd : undefined;
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
    this.#take(chunk);
    release(chunk);
  }

  #take(chunk: Uint8Array): void {
    this.arrivals = (this.arrivals + 1) | 0;
    try {
      this.#conn?.data(chunk);
    } catch (error) {
      this.failed(error);
    }
  }

  receiveInto(target: DirectTarget): void {
    if (this.#state !== "open") return;
    this.#target = target;
    this.#receiver?.watch(this);
  }

  pause(): void {
    this.#isPaused = true;
    this.#receiver?.forget(this);
    this.#socket.pause();
  }

  resume(): void {
    if (this.#state !== "open") return;
    this.#isPaused = false;
    this.#socket.resume();
    if (this.#target !== undefined) this.#receiver?.watch(this);
  }

  takeOver(): boolean {
    this.#socket.pause();
    return true;
  }

  handBack(): void {
    this.#socket.resume();
  }

  read(calls: ReceiveCalls): void {
    for (let left = READS_MAX; left > 0 && this.#state === "open" && !this.#isPaused; left--) {
      if (!this.#readOnce(calls)) return;
    }
  }

  /** @returns whether there may be more */
  #readOnce(calls: ReceiveCalls): boolean {
    const target = this.#target as DirectTarget;
    const address = this.#reserve(target);
    if (this.#state !== "open") return false; // its owner failed: the descriptor may be closed
    const room = address === 0 ? CHUNK.length : target.room;
    const place = address === 0 ? calls.addressOf(CHUNK) : calls.addressOf(target.memory) + address;
    const size = calls.receive(this.descriptor as number, place, room);
    if (size <= 0) {
      if (!NOTHING.includes(size)) this.#ended(size);
      return false;
    }
    if (address === 0) this.#take(CHUNK.subarray(0, size));
    else this.#received(target, size);
    return size === room;
  }

  #reserve(target: DirectTarget): number {
    try {
      return target.reserve();
    } catch (error) {
      this.failed(error);
      return 0;
    }
  }

  #received(target: DirectTarget, size: number): void {
    this.arrivals = (this.arrivals + 1) | 0;
    try {
      target.received(size);
    } catch (error) {
      this.failed(error);
    }
  }

  /** The runtime sees an end by itself; an error is told once only, and was told here. */
  #ended(code: number): void {
    this.#receiver?.forget(this);
    if (code === 0) {
      this.#socket.resume();
      return;
    }
    this.#error ??= readError(this, Object.assign(new Error(`error ${-code}`), { code: codeOf(-code) }));
    this.#socket.terminate();
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
    if (this.#target !== undefined) this.#receiver?.forget(this);
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
    if (this.#target !== undefined) this.#receiver?.forget(this);
    // Closing with unread bytes would send RST, and the peer would lose what it has not read yet (RFC 1122
    // §4.2.2.13): send FIN, keep reading for a moment, then close.
    this.#socket.shutdown();
    this.#linger = setTimeout(() => this.terminate(), LINGER_MS);
    this.#socket.resume();
  }

  terminate(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    if (this.#target !== undefined) this.#receiver?.forget(this);
    this.#socket.terminate();
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
