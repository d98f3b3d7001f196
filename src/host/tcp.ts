import { parseAddress } from "../lib/address.ts";
import { SystemError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import type { DirectReceiver } from "./direct-receiver.ts";
import { descriptorCeiling } from "./libc.ts";
import { plainAddress, shownAddress } from "./socket-address.ts";
import { errorCode, isTaken, listenError } from "./socket-errors.ts";
import { Connection, type TcpConn, type TcpSocket } from "./tcp-connection.ts";

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
  /** Reads connections instead of the runtime; that of the thread by default. */
  readonly receiver?: DirectReceiver | undefined;
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
  options: TcpOptions,
): TcpListener {
  const listener = openListener(address, (hostname, port) =>
    Bun.listen<Connection | undefined>({ hostname, port, socket: handlers(accept, options, true) }),
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

type BunSocket = import("bun").Socket<Connection | undefined>;

/**
 * The runtime's callbacks for the sockets of a listener.
 *
 * @param isPlain whether the descriptors may be used without the runtime: not with TLS
 */
export function handlers(
  accept: (socket: TcpSocket) => TcpConn,
  { logger, receiver }: TcpOptions,
  isPlain: boolean,
) {
  const refuse = refuser(logger);
  return {
    open(socket: BunSocket) {
      // Without a free descriptor, the runtime would retry the same accept in a busy loop.
      const fd = (socket as unknown as { readonly fd?: number }).fd ?? 0;
      if (fd >= descriptorCeiling()) return refuse(socket);
      socket.data = new Connection(socket, logger, isPlain, receiver);
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
