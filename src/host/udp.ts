import { parseAddress, parseIp } from "../lib/address.ts";
import { errorText } from "../lib/errors.ts";
import { reportUnexpected } from "../lib/faults.ts";
import type { Logger } from "../lib/log.ts";
import { type DirectReceiver, type DirectSocket, directReceiver } from "./direct-receiver.ts";
import { MESSAGES_MAX } from "./message-buffer.ts";
import type { ReceiveCalls } from "./receive-libc.ts";
import { encodePeer, PeerTexts, plainAddress, shownAddress } from "./socket-address.ts";
import { errorCode, listenError } from "./socket-errors.ts";
import { setUdpOptions } from "./socket-options.ts";

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
  /** Reads it instead of the runtime when much arrives; that of the thread by default. */
  readonly receiver?: DirectReceiver | undefined;
  /** For multicast senders: hop limit, and the address of the interface to send on. */
  readonly multicast?: { readonly ttl: number; readonly interfaceAddress?: string };
}

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
  const input = new Input(options);
  const open = (host: string) => bind(host, port, options, input);
  try {
    const socket = await open(hostname).catch((cause: unknown) => {
      if (hostname !== "::" || errorCode(cause) === "EADDRINUSE") throw cause;
      return open("0.0.0.0"); // IPv6 is off
    });
    return new Socket(socket, shownAddress(address, socket.port), { ...options, input });
  } catch (cause) {
    throw listenError("udp", address, cause);
  }
}

type BunUdpSocket = import("bun").udp.Socket<"buffer">;

function bind(hostname: string, port: number, { reuse }: UdpOptions, input: Input): Promise<BunUdpSocket> {
  const flags = reuse === true ? { flags: REUSE_PORT | REUSE_ADDRESS } : {};
  return Bun.udpSocket({ hostname, port, ...flags, socket: input.handlers });
}

/** Gives datagrams to the owner of a socket. */
class Input {
  readonly #options: UdpOptions;
  /** Datagrams so far; wraps. */
  count = 0;

  constructor(options: UdpOptions) {
    this.#options = options;
  }

  /** The runtime's callbacks. */
  readonly handlers = {
    data: (_: BunUdpSocket, data: Buffer, port: number, address: string) => this.take(data, port, address),
    // without a handler, one unreachable peer would end the process
    error() {},
  };

  get logger(): Logger {
    return this.#options.logger;
  }

  take(data: Uint8Array, port: number, address: string): void {
    this.count = (this.count + 1) | 0;
    const { receive, logger, failed } = this.#options;
    try {
      receive(data, port, address);
    } catch (error) {
      reportUnexpected(logger, error, "UDP datagram");
      failed?.(error instanceof Error ? error : new Error(errorText(error)));
    }
  }
}

function descriptorOf(socket: BunUdpSocket): number | undefined {
  return (socket as unknown as { readonly fd?: number }).fd;
}

/** Most calls for datagrams of one socket in a row: others are ready, too. */
const READS_MAX = 8;
/** How long until the runtime is asked again to read a socket that it could not take back, ms. */
const RETURN_AGAIN_MS = 1_000;
const TEXTS = new PeerTexts();

class Socket implements UdpSocket, DirectSocket {
  readonly port: number;
  readonly address: string;
  readonly ipv6: boolean;
  readonly receiveBuffer: number | undefined;
  descriptor: number | undefined;
  readonly #input: Input;
  readonly #receiver: DirectReceiver | undefined;
  /** The runtime's socket; undefined while the runtime does not read. */
  #socket: BunUdpSocket | undefined;
  /** Calls to send with, while the runtime cannot. */
  #calls: ReceiveCalls | undefined;
  /** Whether the runtime is about to have it back. */
  #isReturning = false;
  #closed = false;

  constructor(
    socket: BunUdpSocket,
    address: string,
    {
      input,
      receiveBuffer,
      reuse,
      multicast,
      receiver = directReceiver(),
    }: UdpOptions & { readonly input: Input },
  ) {
    this.#socket = socket;
    this.#input = input;
    this.#receiver = receiver;
    this.port = socket.port;
    this.address = address;
    this.ipv6 = socket.address.family === "IPv6";
    this.descriptor = descriptorOf(socket);
    this.receiveBuffer =
      this.descriptor === undefined ? undefined : setUdpOptions(this.descriptor, this.ipv6, receiveBuffer);
    if (reuse !== true) receiver?.watch(this);
    if (multicast === undefined) return;
    socket.setMulticastTTL(multicast.ttl);
    socket.setMulticastLoopback(true);
    if (multicast.interfaceAddress !== undefined) socket.setMulticastInterface(multicast.interfaceAddress);
  }

  /** The runtime reads eight datagrams at once: four cost as much as a chunk of a connection. */
  get arrivals(): number {
    return this.#input.count >> 2;
  }

  /** The runtime cannot stop reading: it closes its descriptor, and another one of the same socket stays. */
  takeOver(calls: ReceiveCalls): boolean {
    if (this.#socket === undefined) return !this.#isReturning;
    const own = calls.duplicate(this.descriptor as number);
    if (own < 0) return false;
    this.#socket.close();
    this.#socket = undefined;
    this.#calls = calls;
    this.descriptor = own;
    return true;
  }

  handBack(): void {
    this.#isReturning = true;
    void this.#return();
  }

  async #return(): Promise<void> {
    try {
      const options = { fd: this.descriptor, socket: this.#input.handlers };
      this.#socket = (await Bun.udpSocket(options as never)) as BunUdpSocket;
    } catch (error) {
      this.#input.logger.warn(`UDP socket ${this.address}: ${errorText(error)}`);
      if (!this.#closed) {
        setTimeout(() => void this.#return(), RETURN_AGAIN_MS);
        return;
      }
    }
    this.#isReturning = false;
    if (this.#closed) this.#closeDescriptor();
  }

  read(calls: ReceiveCalls): void {
    for (let left = READS_MAX; left > 0 && !this.#closed; left--) {
      const count = calls.receiveMany(this.descriptor as number);
      for (let i = 0; i < count && !this.#closed; i++) {
        const sender = calls.sender(i);
        this.#input.take(calls.datagram(i), PeerTexts.port(sender), TEXTS.text(sender));
      }
      if (count < MESSAGES_MAX) return;
    }
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
    const [bytes, port, address] = parts as [Uint8Array, number, string];
    try {
      if (this.#socket !== undefined) return this.#socket.sendMany(parts);
      this.#calls?.sendTo(this.descriptor as number, bytes, encodePeer(address, port, this.ipv6));
    } catch {
      try {
        this.#socket?.send(bytes, port, address);
      } catch {
        // unreachable
      }
    }
    return 1;
  }

  joinGroup(group: string, interfaceAddress?: string): void {
    if (interfaceAddress === undefined) this.#socket?.addMembership(group);
    else this.#socket?.addMembership(group, interfaceAddress);
    this.#receiver?.watch(this); // not sooner: only the runtime can join
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#receiver?.forget(this);
    if (!this.#isReturning) this.#closeDescriptor();
  }

  #closeDescriptor(): void {
    if (this.#socket === undefined) this.#calls?.close(this.descriptor as number);
    else this.#socket.close();
  }
}
