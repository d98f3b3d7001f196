import type { TcpSocket } from "../../host/tcp-connection.ts";
import { EndError, ProtocolError, RefusedError, SystemError } from "../../lib/errors.ts";
import { Base64Decoder, type TunnelRequest, writeHttp, writeTunnelResponse } from "./proto/http-tunnel.ts";
import {
  acceptKey,
  CLOSE,
  NORMAL_CLOSURE,
  PONG,
  WEBSOCKET_PROTOCOL,
  WebSocketReader,
} from "./proto/websocket.ts";
import { WebSocketSink } from "./websocket-sink.ts";

/** GET requests that may wait for their POST, in all and of one address. */
const WAITING_MAX = 1_024;
const WAITING_MAX_OF_ADDRESS = 32;

/** A connection that is, or is a part of, a tunnel. */
export interface TunnelOwner {
  readonly remoteAddress: string;
  /** Takes bytes of RTSP, which are borrowed. An error in them ends this connection; it is not thrown. */
  feed(bytes: Uint8Array): void;
  close(reason: Error): void;
}

/** What RTSP goes through on its way between connection and socket. */
export interface Tunnel {
  /** Whether it carries requests for another connection, whose timeouts are the ones that count. */
  readonly isUplink: boolean;
  /** Whether the rest of a message waits for room in the socket. */
  readonly isBlocked: boolean;
  /** Bytes sent that are not RTSP. */
  readonly overhead: number;
  /** Takes received bytes, which are borrowed. */
  receive(chunk: Uint8Array): void;
  /** The socket has room again. @returns whether RTSP may be sent */
  drain(): boolean;
  /** Why the tunnel must end now; undefined if it may go on. */
  overdue(now: number, timeout: number): Error | undefined;
  /** The connection ends; called once. */
  close(reason: Error): void;
}

/** A tunnel, and the response that opens it. */
export interface OpenedTunnel {
  readonly tunnel: Tunnel;
  readonly response: Uint8Array;
  /** Where RTSP is written to instead of the socket, after the response. */
  readonly sink?: WebSocketSink;
}

export interface TunnelOptions {
  readonly owner: TunnelOwner;
  readonly socket: TcpSocket;
  readonly tunnels: Tunnels;
  /** Monotonic ms. */
  readonly now: number;
}

/**
 * Opens the tunnel that a request asks for.
 *
 * @throws {ProtocolError | RefusedError} if it may not be opened
 */
export function openTunnel(
  request: TunnelRequest,
  { owner, socket, tunnels, now }: TunnelOptions,
): OpenedTunnel {
  const { kind, version } = request;
  if (kind === "websocket") {
    const tunnel = new WebSocketTunnel(owner, socket);
    const response = writeHttp("1.1", "101 Switching Protocols", [
      "Connection: Upgrade",
      `Sec-WebSocket-Accept: ${acceptKey(request.key)}`,
      `Sec-WebSocket-Protocol: ${WEBSOCKET_PROTOCOL}`,
      "Upgrade: websocket",
    ]);
    return { tunnel, response, sink: tunnel.sink };
  }
  const { cookie } = request;
  const tunnel = kind === "get" ? tunnels.open(owner, cookie, now) : tunnels.join(owner, cookie);
  return { tunnel, response: writeTunnelResponse(version) };
}

/** The HTTP tunnels of a server, by address and cookie. */
export class Tunnels {
  readonly #downlinks = new Map<string, Downlink>();
  /** Those without a POST. */
  readonly #waiting = new Set<Downlink>();

  get size(): number {
    return this.#downlinks.size;
  }

  /**
   * Opens the side of a tunnel that carries responses and media to the client.
   *
   * @param now monotonic ms
   * @throws {ProtocolError} if the cookie is in use
   * @throws {RefusedError} if too many wait
   */
  open(owner: TunnelOwner, cookie: string, now: number): Downlink {
    const key = keyOf(owner, cookie);
    if (this.#downlinks.has(key)) throw new ProtocolError("the cookie of the HTTP tunnel is in use");
    let same = 0;
    for (const other of this.#waiting) if (other.owner.remoteAddress === owner.remoteAddress) same += 1;
    if (this.#waiting.size >= WAITING_MAX || same >= WAITING_MAX_OF_ADDRESS) {
      throw new RefusedError("too many HTTP tunnels are waiting for their POST request");
    }
    const downlink: Downlink = new Downlink(owner, now, {
      connected: () => this.#waiting.delete(downlink),
      waiting: () => this.#waiting.add(downlink),
      closed: () => {
        this.#waiting.delete(downlink);
        this.#downlinks.delete(key);
      },
    });
    this.#waiting.add(downlink);
    this.#downlinks.set(key, downlink);
    return downlink;
  }

  /**
   * Opens the side of a tunnel that carries requests.
   *
   * @throws {ProtocolError} if there is no GET request with this cookie
   */
  join(owner: TunnelOwner, cookie: string): Uplink {
    const downlink = this.#downlinks.get(keyOf(owner, cookie));
    if (downlink === undefined) {
      throw new ProtocolError("POST request of an HTTP tunnel without its GET request");
    }
    return downlink.connect(owner);
  }
}

function keyOf({ remoteAddress }: TunnelOwner, cookie: string): string {
  return `${remoteAddress} ${cookie}`;
}

/** What a downlink tells the list of tunnels. */
interface DownlinkEvents {
  connected(): void;
  waiting(): void;
  closed(): void;
}

/** The GET of an HTTP tunnel: responses and media go out as they are. Clients may replace its POST. */
class Downlink implements Tunnel {
  readonly isUplink = false;
  readonly isBlocked = false;
  readonly overhead = 0;
  readonly owner: TunnelOwner;
  readonly #events: DownlinkEvents;
  #uplink: TunnelOwner | undefined;
  #waitingSince: number;
  #now: number;

  constructor(owner: TunnelOwner, now: number, events: DownlinkEvents) {
    this.owner = owner;
    this.#events = events;
    this.#waitingSince = now;
    this.#now = now;
  }

  /** A POST takes the place of the one before, whose end may be seen late or never. */
  connect(owner: TunnelOwner): Uplink {
    const before = this.#uplink;
    this.#uplink = owner;
    this.#events.connected();
    before?.close(new EndError("replaced by another POST request"));
    return new Uplink(this, owner);
  }

  /** A POST ends; the client may send another one. */
  disconnect(owner: TunnelOwner): void {
    if (this.#uplink !== owner) return;
    this.#uplink = undefined;
    this.#waitingSince = this.#now;
    this.#events.waiting();
  }

  /** Nothing is expected on this side. */
  receive(): void {}

  drain(): boolean {
    return true;
  }

  overdue(now: number, timeout: number): Error | undefined {
    this.#now = now;
    const isLate = this.#uplink === undefined && now - this.#waitingSince > timeout;
    return isLate ? new EndError("i/o timeout: no POST request of the HTTP tunnel") : undefined;
  }

  close(reason: Error): void {
    const uplink = this.#uplink;
    this.#uplink = undefined;
    this.#events.closed();
    uplink?.close(reason);
  }
}

/** The POST of an HTTP tunnel: requests in Base64. */
class Uplink implements Tunnel {
  readonly isUplink = true;
  readonly isBlocked = false;
  readonly overhead = 0;
  readonly #downlink: Downlink;
  readonly #owner: TunnelOwner;
  readonly #decoder = new Base64Decoder();

  constructor(downlink: Downlink, owner: TunnelOwner) {
    this.#downlink = downlink;
    this.#owner = owner;
  }

  receive(chunk: Uint8Array): void {
    this.#decoder.receive(chunk, this.#take);
  }

  readonly #take = (bytes: Uint8Array): void => this.#downlink.owner.feed(bytes);

  drain(): boolean {
    return true;
  }

  overdue(): undefined {
    return undefined;
  }

  /**
   * A fault ends the tunnel; after a disconnect the client may send another POST. A reset is no fault: a client that
   * has not read the response disconnects so.
   */
  close(reason: Error): void {
    this.#downlink.disconnect(this.#owner);
    const isLost = reason instanceof EndError || reason instanceof SystemError;
    if (!isLost) this.#downlink.owner.close(reason);
  }
}

/** A WebSocket: both directions over one connection. */
class WebSocketTunnel implements Tunnel {
  readonly isUplink = false;
  readonly sink: WebSocketSink;
  readonly #reader: WebSocketReader;

  constructor(owner: TunnelOwner, socket: TcpSocket) {
    const sink = new WebSocketSink(socket);
    this.sink = sink;
    this.#reader = new WebSocketReader({
      data: (bytes) => owner.feed(bytes),
      ping: (payload) => sink.control(PONG, payload),
      close: () => owner.close(new EndError("EOF")),
    });
  }

  get isBlocked(): boolean {
    return this.sink.isBlocked;
  }

  get overhead(): number {
    return this.sink.overhead;
  }

  receive(chunk: Uint8Array): void {
    this.#reader.receive(chunk);
  }

  drain(): boolean {
    return this.sink.drain();
  }

  overdue(): undefined {
    return undefined;
  }

  close(): void {
    this.sink.control(CLOSE, NORMAL_CLOSURE);
  }
}
