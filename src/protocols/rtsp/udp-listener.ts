import type { MediaMemory } from "../../../wasm/core.ts";
import { DatagramSockets } from "../../host/datagram-sockets.ts";
import { openUdp, type UdpSocket } from "../../host/udp.ts";
import { parseAddress } from "../../lib/address.ts";
import { ConfigError, SystemError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";
import type { IgnoredPackets } from "../../stream/ignored-packets.ts";
import type { Pair } from "./proto/transport-header.ts";

/** Bytes of the receive buffer of the RTP socket: 60,000 packets a second for 50 ms. */
export const UDP_RECEIVE_BUFFER = 4 * 1024 * 1024;
/** How often to ask the system again for an even port whose neighbour is free. */
const TRIES = 64;

/** Receives the datagrams of one peer for one track. */
export interface DatagramPeer {
  rtp(data: Uint8Array): void;
  rtcp(data: Uint8Array): void;
}

/** Peers by negotiated address and port; datagrams from others are ignored. */
class PeerTable {
  readonly #peers = new Map<number, { address: string; receive: (data: Uint8Array) => void }[]>();
  /** Peers that may send from any port, by address. */
  readonly #anyPort = new Map<string, (data: Uint8Array) => void>();
  readonly #ignoredPackets: IgnoredPackets;

  constructor(ignoredPackets: IgnoredPackets) {
    this.#ignoredPackets = ignoredPackets;
  }

  readonly receive = (data: Uint8Array, port: number, address: string): void => {
    const peers = this.#peers.get(port);
    if (peers !== undefined) {
      for (const peer of peers) {
        if (peer.address !== address) continue;
        peer.receive(data);
        return;
      }
    }
    const receive = this.#anyPort.get(address);
    if (receive !== undefined) receive(data);
    else this.#ignoredPackets.datagrams += 1;
  };

  addAnyPort(address: string, receive: (data: Uint8Array) => void): void {
    this.#anyPort.set(address, receive);
  }

  has(address: string, port: number): boolean {
    return this.#peers.get(port)?.some((peer) => peer.address === address) === true;
  }

  add(address: string, port: number, receive: (data: Uint8Array) => void): () => void {
    const peer = { address, receive };
    const peers = this.#peers.get(port);
    if (peers === undefined) this.#peers.set(port, [peer]);
    else peers.push(peer);
    return () => {
      const rest = (this.#peers.get(port) ?? []).filter((other) => other !== peer);
      if (rest.length > 0) this.#peers.set(port, rest);
      else this.#peers.delete(port);
    };
  }
}

export interface UdpListenerOptions {
  readonly rtpAddress: string;
  readonly rtcpAddress: string;
  readonly memory: MediaMemory;
  readonly ignoredPackets: IgnoredPackets;
  readonly logger: Logger;
  /** Called when a peer's handler throws. */
  readonly failed?: (error: Error) => void;
}

/** The two UDP sockets of an RTSP server: one for RTP, one for RTCP, shared by all its sessions. */
export class UdpListener {
  readonly rtp: UdpSocket;
  readonly rtcp: UdpSocket;
  /** Sends to readers. */
  readonly sockets: DatagramSockets;
  readonly #rtpPeers: PeerTable;
  readonly #rtcpPeers: PeerTable;

  private constructor(rtp: [UdpSocket, PeerTable], rtcp: [UdpSocket, PeerTable], memory: MediaMemory) {
    [this.rtp, this.#rtpPeers] = rtp;
    [this.rtcp, this.#rtcpPeers] = rtcp;
    this.sockets = new DatagramSockets(memory, this.rtp, this.rtcp);
  }

  /**
   * Opens the sockets; where both ports are 0 the system chooses a pair.
   *
   * @throws {ConfigError} if the ports are no pair
   * @throws {Error} if an address cannot be had
   */
  static async open(options: UdpListenerOptions): Promise<UdpListener> {
    const { rtpAddress, rtcpAddress, memory, ignoredPackets } = options;
    const ports = [parseAddress(rtpAddress).port, parseAddress(rtcpAddress).port] as const;
    const any = ports[0] === 0 && ports[1] === 0;
    if (!any) checkPair(ports);
    const open = async (address: string): Promise<[UdpSocket, PeerTable]> => {
      const peers = new PeerTable(ignoredPackets);
      const { receive } = peers;
      return [await openUdp(address, { ...options, receive, receiveBuffer: UDP_RECEIVE_BUFFER }), peers];
    };
    for (let left = any ? TRIES : 1; ; left--) {
      const rtp = await open(rtpAddress);
      try {
        if (any && rtp[0].port % 2 !== 0) throw new SystemError("the system assigned an odd RTP port");
        const rtcp = await open(any ? rtcpAddress.replace(/:0$/, `:${rtp[0].port + 1}`) : rtcpAddress);
        return new UdpListener(rtp, rtcp, memory);
      } catch (error) {
        rtp[0].close();
        if (left <= 1) throw error;
      }
    }
  }

  /** Whether one of these ports of an address is already in use. */
  has(address: string, [rtp, rtcp]: Pair): boolean {
    return (
      this.#rtpPeers.has(this.rtp.peer(address), rtp) || this.#rtcpPeers.has(this.rtcp.peer(address), rtcp)
    );
  }

  /** Accepts a peer's datagrams; returns a function that stops accepting them. */
  add(address: string, [rtp, rtcp]: Pair, peer: DatagramPeer): () => void {
    const removeRtp = this.#rtpPeers.add(this.rtp.peer(address), rtp, (data) => peer.rtp(data));
    const removeRtcp = this.#rtcpPeers.add(this.rtcp.peer(address), rtcp, (data) => peer.rtcp(data));
    return () => {
      removeRtp();
      removeRtcp();
    };
  }

  /** Accepts datagrams of a peer from any port. */
  addAnyPort(address: string, peer: DatagramPeer): void {
    this.#rtpPeers.addAnyPort(this.rtp.peer(address), (data) => peer.rtp(data));
    this.#rtcpPeers.addAnyPort(this.rtcp.peer(address), (data) => peer.rtcp(data));
  }

  close(): void {
    this.rtp.close();
    this.rtcp.close();
    this.sockets.close();
  }
}

/** @throws {ConfigError} if the ports are not an even one and the next */
export function checkPair([rtp, rtcp]: Pair): void {
  if (rtp % 2 !== 0) throw new ConfigError("RTP port must be even");
  if (rtcp !== rtp + 1) throw new ConfigError("RTP and RTCP ports must be consecutive");
}
