import type { MediaMemory } from "../../../wasm/core.ts";
import { DatagramSockets } from "../../host/datagram-sockets.ts";
import { multicastInterfaces } from "../../host/interfaces.ts";
import { openUdp, type UdpSocket } from "../../host/udp.ts";
import { formatIp, type Network, parseNetwork } from "../../lib/address.ts";
import { ConfigError, ProtocolError, RefusedError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";
import { DatagramReader } from "../../stream/datagram-output.ts";
import type { ReaderFault } from "../../stream/output.ts";
import type { Stream } from "../../stream/stream.ts";
import type { RtpInfo } from "./proto/rtp-info.ts";
import type { Pair, TransportSpec } from "./proto/transport-header.ts";
import { firstPackets } from "./reader.ts";
import type { MediaOptions, MediaPublisher, MediaReader, SessionTransport } from "./transport.ts";
import { checkPair } from "./udp-listener.ts";
import { PacketReader } from "./udp-transport.ts";

/** TTL of multicast packets, and the TTL in the response, which clients know from MediaMTX. */
const TTL = 16;
const TTL_ANNOUNCED = 127;

export interface MulticastOptions {
  /** Range of group addresses, as in `224.1.0.0/16`. */
  readonly range: string;
  readonly ports: Pair;
  readonly memory: MediaMemory;
  readonly logger: Logger;
}

/** The groups of one stream: an address for each track, shared by all its readers. */
interface StreamGroups {
  readonly addresses: readonly string[];
  readonly offsets: readonly number[];
  /** The senders, one per interface; undefined before the first reader plays. */
  senders: PacketReader[] | undefined;
  /** Readers that were set up, and callbacks of those that play, for when sending fails. */
  holders: number;
  readonly playing: Set<ReaderFault>;
}

/** Sockets for RTP and RTCP. */
type SocketPair = readonly [UdpSocket, UdpSocket];

/**
 * Opens the sockets that send on one interface. Their ports are those of the groups: gortsplib drops packets from any
 * other. IPv4 sockets bind the address of the interface, so that they do not receive their own packets.
 */
async function openPair(address: string, { ports, logger }: MulticastOptions): Promise<SocketPair> {
  const host = address.includes(":") ? "[::]" : address;
  const options = {
    receive: () => {},
    logger,
    reuse: true,
    multicast: { ttl: TTL, interfaceAddress: address },
  };
  const rtp = await openUdp(`${host}:${ports[0]}`, options);
  try {
    return [rtp, await openUdp(`${host}:${ports[1]}`, options)];
  } catch (error) {
    rtp.close();
    throw error;
  }
}

/** Allocates multicast addresses and sends streams to them, on every multicast-capable interface. */
export class MulticastGroups {
  readonly ports: Pair;
  readonly #first: Uint8Array;
  /** Number of addresses in the range, without its base. */
  readonly #size: number;
  readonly #outputs: readonly DatagramSockets[];
  readonly #pairs: readonly SocketPair[];
  readonly #streams = new Map<Stream, StreamGroups>();
  readonly #taken = new Set<number>();
  #last = 0;

  private constructor(options: MulticastOptions, pairs: readonly SocketPair[]) {
    const { base, bits } = readRange(options.range);
    this.ports = options.ports;
    this.#first = base;
    this.#size = 2 ** Math.min(base.length * 8 - bits, 31) - 1;
    this.#pairs = pairs;
    this.#outputs = pairs.map(([rtp, rtcp]) => new DatagramSockets(options.memory, rtp, rtcp));
  }

  /**
   * Opens the sockets of each interface.
   *
   * @throws {ConfigError} if the range is none, or the ports are no pair
   */
  static async open(options: MulticastOptions): Promise<MulticastGroups> {
    checkPair(options.ports);
    const { base } = readRange(options.range);
    const pairs: SocketPair[] = [];
    for (const { name, address } of multicastInterfaces(base.length === 4 ? "IPv4" : "IPv6")) {
      try {
        pairs.push(await openPair(address, options));
      } catch (error) {
        options.logger.warn(`cannot send multicast on interface ${name}: ${(error as Error).message}`);
      }
    }
    return new MulticastGroups(options, pairs);
  }

  /**
   * Addresses of the tracks of a stream. Give them back with `release`.
   *
   * @throws {RefusedError} if the range is used up, or no interface takes multicast
   */
  hold(stream: Stream): readonly string[] {
    let groups = this.#streams.get(stream);
    if (groups === undefined) {
      if (this.#pairs.length === 0) throw new RefusedError("no multicast-capable interface");
      const offsets = this.#take(stream.description.tracks.length);
      const addresses = offsets.map((offset) => this.#addressOf(offset));
      groups = { addresses, offsets, senders: undefined, holders: 0, playing: new Set() };
      this.#streams.set(stream, groups);
    }
    groups.holders += 1;
    return groups.addresses;
  }

  #take(count: number): number[] {
    if (this.#taken.size + count > this.#size) throw new RefusedError("no multicast addresses are left");
    return Array.from({ length: count }, () => {
      do this.#last = (this.#last % this.#size) + 1;
      while (this.#taken.has(this.#last));
      this.#taken.add(this.#last);
      return this.#last;
    });
  }

  #addressOf(offset: number): string {
    const bytes = this.#first.slice();
    const view = new DataView(bytes.buffer);
    view.setUint32(bytes.length - 4, view.getUint32(bytes.length - 4) + offset);
    return formatIp(bytes);
  }

  /** Removes a reader; with the last one the addresses are free again. */
  release(stream: Stream): void {
    const groups = this.#streams.get(stream);
    if (groups === undefined) return;
    groups.holders -= 1;
    if (groups.holders > 0) return;
    this.#streams.delete(stream);
    for (const offset of groups.offsets) this.#taken.delete(offset);
  }

  /**
   * Adds a playing reader; the first one starts sending.
   *
   * @param fault called once when sending fails
   */
  play(stream: Stream, fault: ReaderFault): void {
    const groups = this.#streams.get(stream);
    if (groups === undefined) return;
    groups.playing.add(fault);
    if (groups.senders !== undefined) {
      for (const sender of groups.senders) sender.awaitReports();
      return;
    }
    const pairs = groups.addresses.map((address) => ({
      rtp: { address, port: this.ports[0] },
      rtcp: { address, port: this.ports[1] },
    }));
    const failed: ReaderFault = (error) => {
      for (const each of groups.playing) each(error);
    };
    groups.senders = this.#outputs.map((output) => new PacketReader(stream, output, pairs, failed));
    for (const sender of groups.senders) sender.pump();
  }

  /** Removes a playing reader; the last one stops sending. */
  stop(stream: Stream, fault: ReaderFault): void {
    const groups = this.#streams.get(stream);
    if (groups === undefined) return;
    groups.playing.delete(fault);
    if (groups.playing.size > 0) return;
    for (const sender of groups.senders ?? []) sender.close();
    groups.senders = undefined;
  }

  close(): void {
    for (const output of this.#outputs) output.close();
    for (const socket of this.#pairs.flat()) socket.close();
  }
}

/** Sends packets to the multicast groups of the stream. */
export class MulticastTransport implements SessionTransport {
  readonly label = "UDP-multicast";
  readonly #groups: MulticastGroups;
  readonly #stream: Stream;
  readonly #addresses: readonly string[];
  readonly #tracks = new Set<number>();
  #closed = false;

  /** @throws {RefusedError} if no addresses are left */
  constructor(groups: MulticastGroups, stream: Stream) {
    this.#groups = groups;
    this.#stream = stream;
    this.#addresses = groups.hold(stream);
  }

  get size(): number {
    return this.#tracks.size;
  }

  has(track: number): boolean {
    return this.#tracks.has(track);
  }

  assign(track: number): TransportSpec {
    if (this.#tracks.has(track)) throw new ProtocolError("media has already been setup");
    this.#tracks.add(track);
    return {
      protocol: "udp",
      delivery: "multicast",
      destination: this.#addresses[track] as string,
      port: this.#groups.ports,
      ttl: TTL_ANNOUNCED,
    };
  }

  openReader({ stream, fault }: MediaOptions): MediaReader {
    return new GroupReader(stream, this.#groups, this.#tracks, fault);
  }

  openPublisher(): MediaPublisher {
    throw new ProtocolError("publishers cannot use multicast");
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#groups.release(this.#stream);
  }
}

/** One of the readers of a group: the packets are sent once for all of them, it only counts. */
class GroupReader implements MediaReader {
  readonly lastReceived = Number.NEGATIVE_INFINITY;
  readonly packetsLost = 0;
  readonly framesDropped = 0;
  readonly lagMs = undefined;
  readonly stalledSince = undefined;
  readonly #stream: Stream;
  readonly #groups: MulticastGroups;
  readonly #tracks: ReadonlySet<number>;
  readonly #counter: DatagramReader;
  readonly #fault: ReaderFault;
  #playing = false;

  constructor(stream: Stream, groups: MulticastGroups, tracks: ReadonlySet<number>, fault: ReaderFault) {
    this.#stream = stream;
    this.#groups = groups;
    this.#tracks = tracks;
    this.#fault = fault;
    const nowhere = { rtp: NOWHERE, rtcp: NOWHERE };
    const pairs = stream.description.tracks.map((_, i) => (tracks.has(i) ? nowhere : undefined));
    this.#counter = new DatagramReader(stream.context, pairs, fault);
  }

  get bytesSent(): number {
    return this.#counter.bytesSent;
  }

  pump(): void {
    if (this.#playing) return;
    this.#playing = true;
    this.#groups.play(this.#stream, this.#fault);
  }

  drained(): void {}

  takeLost(): number {
    return 0;
  }

  rtpInfo(url: (track: number) => string): RtpInfo[] {
    return firstPackets(this.#stream, (track) => this.#tracks.has(track), url);
  }

  close(): void {
    this.#counter.freeze();
    if (this.#playing) this.#groups.stop(this.#stream, this.#fault);
    this.#playing = false;
  }
}

/** @throws {ConfigError} if the text is not a range of multicast addresses */
function readRange(text: string): Network {
  const range = parseNetwork(text);
  const first = range?.base[0] ?? 0;
  const isGroup = range?.base.length === 4 ? first >> 4 === 0xe : first === 0xff;
  if (range === undefined || !isGroup) {
    throw new ConfigError(`'multicastIPRange' is not a range of multicast addresses: ${text}`);
  }
  return range;
}

const NOWHERE = { address: "", port: 0 };
