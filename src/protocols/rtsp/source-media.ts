import type { MediaMemory } from "../../../wasm/core.ts";
import { type ConnectOptions, connectTcp } from "../../host/connect.ts";
import { multicastInterfaces } from "../../host/interfaces.ts";
import { openUdp, type UdpSocket } from "../../host/udp.ts";
import { SourceError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";
import type { IgnoredPackets } from "../../stream/ignored-packets.ts";
import type { Pair, TransportSpec } from "./proto/transport-header.ts";
import { UDP_RECEIVE_BUFFER, UdpListener } from "./udp-listener.ts";
import { EMPTY_RTP } from "./udp-transport.ts";

/** Takes the datagrams of a track. */
export type TakeDatagram = (track: number, rtcp: boolean, data: Uint8Array) => void;

export interface SourceMediaOptions {
  readonly memory: MediaMemory;
  readonly ignoredPackets: IgnoredPackets;
  /** The server's address. */
  readonly remoteAddress: string;
  readonly tracks: number;
  /** Whether packets from other ports of the server than negotiated are accepted. */
  readonly anyPort: boolean;
  readonly take: TakeDatagram;
  readonly logger: Logger;
  /** Called when `take` throws. */
  readonly failed: (error: Error) => void;
}

/** How a source reaches its server. */
export interface SourceNetwork {
  /** @returns a function that aborts */
  connect(options: ConnectOptions): () => void;
  openMedia(carrier: "udp" | "multicast", options: SourceMediaOptions): Promise<SourceMedia>;
}

/** Over the system's sockets. */
export const systemNetwork: SourceNetwork = {
  connect: connectTcp,
  openMedia: async (carrier, options) =>
    carrier === "multicast" ? new GroupMedia(options) : await UnicastMedia.open(options),
};

/** The UDP or multicast transport of a source. */
export interface SourceMedia {
  /** Transport requested for each track. */
  readonly offers: readonly TransportSpec[];
  /**
   * Sets up a track with the transport from the server's response.
   *
   * @throws {SourceError} if that is not enough to receive it, from a multicast group
   */
  answered(track: number, transport: TransportSpec | undefined): void | Promise<void>;
  /** Punches a hole in a NAT for the packets of the server. */
  punch(): void;
  report(track: number, report: Uint8Array): void;
  close(): void;
}

/** An empty receiver report. */
const EMPTY_RTCP = new Uint8Array([0x80, 201, 0, 1, 0, 0, 0, 0]);

/** Unicast: a pair of own ports for each track. */
export class UnicastMedia implements SourceMedia {
  readonly offers: readonly TransportSpec[];
  readonly #options: SourceMediaOptions;
  readonly #listeners: readonly UdpListener[];
  readonly #ports = new Map<number, Pair>();

  private constructor(options: SourceMediaOptions, listeners: readonly UdpListener[]) {
    this.#options = options;
    this.#listeners = listeners;
    this.offers = listeners.map(({ rtp, rtcp }) => ({
      protocol: "udp",
      delivery: "unicast",
      clientPort: [rtp.port, rtcp.port],
      mode: "play",
    }));
  }

  static async open(options: SourceMediaOptions): Promise<UnicastMedia> {
    const { memory, ignoredPackets, logger, failed, remoteAddress, tracks } = options;
    const any = remoteAddress.includes(":") ? "[::]:0" : "0.0.0.0:0";
    const listeners: UdpListener[] = [];
    try {
      for (let i = 0; i < tracks; i++) {
        const sockets = { rtpAddress: any, rtcpAddress: any, memory, ignoredPackets, logger, failed };
        listeners.push(await UdpListener.open(sockets));
      }
    } catch (error) {
      for (const listener of listeners) listener.close();
      throw error;
    }
    return new UnicastMedia(options, listeners);
  }

  answered(track: number, transport: TransportSpec | undefined): void {
    const listener = this.#listeners[track] as UdpListener;
    const { remoteAddress, take, anyPort } = this.#options;
    const peer = {
      rtp: (data: Uint8Array) => take(track, false, data),
      rtcp: (data: Uint8Array) => take(track, true, data),
    };
    const ports = transport?.serverPort;
    const isKnown = ports !== undefined && ports[0] !== 0;
    if (isKnown) this.#ports.set(track, ports);
    if (anyPort || !isKnown) listener.addAnyPort(remoteAddress, peer);
    else listener.add(remoteAddress, ports, peer);
  }

  punch(): void {
    for (const [track, ports] of this.#ports) {
      const { rtp, rtcp } = this.#listeners[track] as UdpListener;
      const { remoteAddress } = this.#options;
      rtp.send(EMPTY_RTP, ports[0], rtp.peer(remoteAddress));
      rtcp.send(EMPTY_RTCP, ports[1], rtcp.peer(remoteAddress));
    }
  }

  report(track: number, report: Uint8Array): void {
    const ports = this.#ports.get(track);
    const rtcp = this.#listeners[track]?.rtcp;
    if (ports !== undefined) rtcp?.send(report, ports[1], rtcp.peer(this.#options.remoteAddress));
  }

  close(): void {
    for (const listener of this.#listeners) listener.close();
  }
}

/** Multicast: groups that the server chooses. */
export class GroupMedia implements SourceMedia {
  readonly offers: readonly TransportSpec[];
  readonly #options: SourceMediaOptions;
  readonly #sockets: UdpSocket[] = [];
  #closed = false;

  constructor(options: SourceMediaOptions) {
    this.#options = options;
    this.offers = Array.from({ length: options.tracks }, () => ({
      protocol: "udp",
      delivery: "multicast",
      mode: "play",
    }));
  }

  async answered(track: number, transport: TransportSpec | undefined): Promise<void> {
    const { destination, port, source } = transport ?? {};
    if (destination === undefined || port === undefined) {
      throw new SourceError("server did not provide a multicast group");
    }
    const { remoteAddress, take } = this.#options;
    const from = source ?? remoteAddress;
    await this.#join(destination, port[0], from, (data) => take(track, false, data));
    await this.#join(destination, port[1], from, (data) => take(track, true, data));
  }

  async #join(group: string, port: number, from: string, take: (data: Uint8Array) => void): Promise<void> {
    const isIpv6 = group.includes(":");
    const { ignoredPackets, logger, failed } = this.#options;
    let sender = from;
    const socket = await openUdp(isIpv6 ? `[${group}]:${port}` : `${group}:${port}`, {
      receive: (data, _, address) => {
        if (address === sender) take(data);
        else ignoredPackets.datagrams += 1;
      },
      logger,
      failed,
      receiveBuffer: UDP_RECEIVE_BUFFER,
      reuse: true,
    });
    if (this.#closed) {
      socket.close();
      return;
    }
    sender = socket.peer(from);
    this.#sockets.push(socket);
    const interfaces = multicastInterfaces(isIpv6 ? "IPv6" : "IPv4");
    if (interfaces.length === 0) socket.joinGroup(group);
    for (const { address } of interfaces) socket.joinGroup(group, address);
  }

  punch(): void {}
  report(): void {}

  close(): void {
    this.#closed = true;
    for (const socket of this.#sockets.splice(0)) socket.close();
  }
}
