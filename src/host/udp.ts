import { parseAddress, parseIp } from "../lib/address.ts";
import { errorText } from "../lib/errors.ts";
import { reportUnexpected } from "../lib/faults.ts";
import type { Logger } from "../lib/log.ts";
import { plainAddress, shownAddress } from "./socket-address.ts";
import { errorCode, listenError } from "./socket-errors.ts";
import { openSocketCalls } from "./sockets-libc.ts";

/** An open UDP socket. */
export interface UdpSocket {
  /** The actual port if 0 was requested. */
  readonly port: number;
  /** As log lines show it, such as `:8000`. */
  readonly address: string;
  /** Whether it is an IPv6 socket; addresses of IPv4 peers are then IPv4-mapped. */
  readonly ipv6: boolean;
  /** The file descriptor of the socket, to send without the runtime. */
  readonly descriptor: number | undefined;
  /** Size of the receive buffer that the system granted, bytes; undefined if unknown. */
  readonly receiveBuffer: number | undefined;
  /** A peer's address in the form this socket shows and takes it. */
  peer(address: string): string;
  /** Sends one datagram; it is lost if the system does not accept it. */
  send(bytes: Uint8Array, port: number, address: string): void;
  /** Sends many: bytes, port, address, bytes, port, address and so on. */
  sendMany(parts: readonly (Uint8Array | number | string)[]): void;
  /** @throws {Error} if the system refuses */
  joinGroup(group: string, interfaceAddress?: string): void;
  close(): void;
}

export interface UdpOptions {
  /** Takes a datagram; the bytes are borrowed, `address` is in the form of `peer`. */
  readonly receive: (data: Uint8Array, port: number, address: string) => void;
  /** Logs bugs in `receive`. */
  readonly logger: Logger;
  /** Called when `receive` throws. A bug has been logged already. */
  readonly failed?: (error: Error) => void;
  /** Size of the receive buffer to request, bytes. */
  readonly receiveBuffer?: number;
  /** Allows several sockets on the port, for multicast. */
  readonly reuse?: boolean;
  /** For multicast senders: hop limit, and the address of the interface to send on. */
  readonly multicast?: { readonly ttl: number; readonly interfaceAddress?: string };
}

/** SOL_SOCKET, and options of it; SOL_IP and SOL_IPV6, and options of them (Linux). */
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const SO_SNDBUF = 7;
const SO_SNDBUFFORCE = 32;
const IP = { level: 0, receiveErrors: 11, pathMtu: 10 };
const IPV6 = { level: 41, receiveErrors: 25, pathMtu: 23 };
/** Never sets the "don't fragment" bit: readers behind a smaller MTU get fragments. */
const PMTUDISC_DONT = 0;
const SEND_BUFFER = 4 * 1024 * 1024;
/** Flags of the runtime: share the port. */
const REUSE_PORT = 4;
const REUSE_ADDRESS = 16;

/**
 * Opens a UDP socket on `address`, `:8000` being all addresses of both families.
 *
 * @throws {Error} `listen udp <address>: <reason>` if the address cannot be had
 * @throws {ConfigError} if it is not an address
 */
export async function openUdp(address: string, options: UdpOptions): Promise<UdpSocket> {
  const { hostname, port } = parseAddress(address);
  const open = (host: string) => bind(host, port, options);
  try {
    const socket = await open(hostname).catch((cause: unknown) => {
      if (hostname !== "::" || errorCode(cause) === "EADDRINUSE") throw cause;
      return open("0.0.0.0"); // IPv6 is off
    });
    return new Socket(socket, shownAddress(address, socket.port), options);
  } catch (cause) {
    throw listenError("udp", address, cause);
  }
}

type BunUdpSocket = import("bun").udp.Socket<"buffer">;

function bind(hostname: string, port: number, options: UdpOptions): Promise<BunUdpSocket> {
  const { receive, reuse } = options;
  const settings = {
    hostname,
    port,
    ...(reuse === true && { flags: REUSE_PORT | REUSE_ADDRESS }),
    socket: {
      data(_: BunUdpSocket, data: Buffer, from: number, address: string) {
        try {
          receive(data, from, address);
        } catch (error) {
          failed(error, options);
        }
      },
      // without a handler, one unreachable peer would end the process
      error() {},
    },
  };
  return Bun.udpSocket(settings);
}

function failed(error: unknown, { logger, failed: tell }: UdpOptions): void {
  reportUnexpected(logger, error, "UDP datagram");
  tell?.(error instanceof Error ? error : new Error(errorText(error)));
}

class Socket implements UdpSocket {
  readonly port: number;
  readonly address: string;
  readonly ipv6: boolean;
  readonly descriptor: number | undefined;
  readonly receiveBuffer: number | undefined;
  readonly #socket: BunUdpSocket;
  #closed = false;

  constructor(socket: BunUdpSocket, address: string, options: UdpOptions) {
    this.#socket = socket;
    this.port = socket.port;
    this.address = address;
    this.ipv6 = socket.address.family === "IPv6";
    this.descriptor = (socket as unknown as { readonly fd?: number }).fd;
    this.receiveBuffer = this.#setOptions(options.receiveBuffer);
    if (options.multicast === undefined) return;
    socket.setMulticastTTL(options.multicast.ttl);
    socket.setMulticastLoopback(true);
    const { interfaceAddress } = options.multicast;
    if (interfaceAddress !== undefined) socket.setMulticastInterface(interfaceAddress);
  }

  #setOptions(receiveBuffer: number | undefined): number | undefined {
    const calls = openSocketCalls();
    const { descriptor } = this;
    if (calls === undefined || descriptor === undefined) return undefined;
    for (const { level, receiveErrors, pathMtu } of this.ipv6 ? [IP, IPV6] : [IP]) {
      calls.setOption(descriptor, level, receiveErrors, 0);
      calls.setOption(descriptor, level, pathMtu, PMTUDISC_DONT);
    }
    const grow = (force: number, usual: number, size: number) => {
      if (!calls.setOption(descriptor, SOL_SOCKET, force, size))
        calls.setOption(descriptor, SOL_SOCKET, usual, size);
    };
    grow(SO_SNDBUFFORCE, SO_SNDBUF, SEND_BUFFER);
    if (receiveBuffer === undefined) return undefined;
    grow(SO_RCVBUFFORCE, SO_RCVBUF, receiveBuffer);
    // Linux reports twice the usable size, as it includes its own overhead
    const granted = calls.getOption(descriptor, SOL_SOCKET, SO_RCVBUF);
    return granted === undefined ? undefined : granted / 2;
  }

  peer(address: string): string {
    const plain = plainAddress(address);
    return this.ipv6 && parseIp(plain)?.length === 4 ? `::ffff:${plain}` : plain;
  }

  send(bytes: Uint8Array, port: number, address: string): void {
    this.sendMany([bytes, port, address]);
  }

  sendMany(parts: readonly (Uint8Array | number | string)[]): void {
    let rest = parts;
    while (rest.length > 0 && !this.#closed) {
      const sent = this.#sendSome(rest);
      if (sent === 0) return; // the socket is full
      if (3 * sent >= rest.length) return;
      rest = rest.slice(3 * sent);
    }
  }

  /**
   * The system stops at the first error, which may be about an earlier datagram to another peer.
   *
   * @returns how many datagrams are done
   */
  #sendSome(parts: readonly (Uint8Array | number | string)[]): number {
    try {
      return this.#socket.sendMany(parts);
    } catch {
      try {
        this.#socket.send(parts[0] as Uint8Array, parts[1] as number, parts[2] as string);
      } catch {
        // unreachable
      }
      return 1;
    }
  }

  joinGroup(group: string, interfaceAddress?: string): void {
    if (interfaceAddress === undefined) this.#socket.addMembership(group);
    else this.#socket.addMembership(group, interfaceAddress);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }
}
