import { ProtocolError } from "../../lib/errors.ts";
import { DatagramInput } from "../../stream/datagram-input.ts";
import {
  DatagramOutput,
  type DatagramPair,
  DatagramReader,
  type DatagramSink,
} from "../../stream/datagram-output.ts";
import { IngestReporter } from "../../stream/ingest.ts";
import type { ReaderFault } from "../../stream/output.ts";
import type { Stream } from "../../stream/stream.ts";
import type { Pair, TransportSpec } from "./proto/transport-header.ts";
import { firstPackets } from "./reader.ts";
import type { MediaOptions, MediaPublisher, MediaReader, SessionTransport } from "./transport.ts";
import type { UdpListener } from "./udp-listener.ts";

/** Time between receiver reports to a publisher, ms. */
const REPORT_INTERVAL_MS = 10_000;
/** An empty RTP packet with an unused payload type: it punches a hole in a NAT. */
export const EMPTY_RTP = new Uint8Array([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

/** UDP unicast: between the server's port pair and one port pair of the peer per track. */
export class UdpTransport implements SessionTransport {
  readonly label = "UDP";
  readonly #listener: UdpListener;
  readonly #address: string;
  readonly #ports = new Map<number, Pair>();
  /** Functions that remove the accepted peers. */
  readonly #removals: (() => void)[] = [];
  #receive: ((track: number, rtcp: boolean, data: Uint8Array) => void) | undefined;

  /** @param address of the peer */
  constructor(listener: UdpListener, address: string) {
    this.#listener = listener;
    this.#address = address;
  }

  get size(): number {
    return this.#ports.size;
  }

  has(track: number): boolean {
    return this.#ports.has(track);
  }

  assign(track: number, offer: TransportSpec, role: "play" | "record"): TransportSpec {
    if (this.#ports.has(track)) throw new ProtocolError("media has already been setup");
    const ports = offer.clientPort;
    if (ports === undefined) throw new ProtocolError("transport header does not contain client ports");
    if (ports.some((port) => port === 0)) throw new ProtocolError(`invalid client ports: ${ports.join("-")}`);
    const { rtp, rtcp } = this.#listener;
    if (this.#listener.has(this.#address, ports)) {
      const who = role === "play" ? "reader" : "publisher";
      throw new ProtocolError(
        `UDP ports ${ports[0]} and ${ports[1]} are already assigned to another ${who} with the same IP`,
      );
    }
    this.#ports.set(track, ports);
    this.#removals.push(
      this.#listener.add(this.#address, ports, {
        rtp: (data) => this.#receive?.(track, false, data),
        rtcp: (data) => this.#receive?.(track, true, data),
      }),
    );
    return { protocol: "udp", delivery: "unicast", clientPort: ports, serverPort: [rtp.port, rtcp.port] };
  }

  openReader({ stream, clock, fault }: MediaOptions): MediaReader {
    const pairs = stream.description.tracks.map((_, i) => this.#pair(i));
    const reader = new PacketReader(stream, this.#listener.sockets, pairs, fault);
    this.#receive = () => {
      reader.lastReceived = clock.now();
    };
    return reader;
  }

  #pair(track: number): DatagramPair | undefined {
    const ports = this.#ports.get(track);
    if (ports === undefined) return undefined;
    const { rtp, rtcp } = this.#listener;
    return {
      rtp: { address: rtp.peer(this.#address), port: ports[0] },
      rtcp: { address: rtcp.peer(this.#address), port: ports[1] },
    };
  }

  openPublisher(options: MediaOptions): MediaPublisher {
    const { stream, clock, fault } = options;
    const publisher = new IngestReporter(stream, options);
    const media = new PacketPublisher(publisher, {
      now: clock.now(),
      reportInterval: REPORT_INTERVAL_MS,
      report: (track, report) => this.#report(track, report),
    });
    const { length } = stream.description.tracks;
    this.#receive = (track, rtcp, data) => {
      if (track >= length) return; // of a media that is left out
      try {
        media.receive(track, rtcp, data);
      } catch (error) {
        clock.soon(() => fault(error as Error));
      }
    };
    for (const track of this.#ports.keys()) {
      const pair = this.#pair(track) as DatagramPair;
      this.#listener.rtp.send(EMPTY_RTP, pair.rtp.port, pair.rtp.address);
    }
    return media;
  }

  #report(track: number, report: Uint8Array): void {
    const pair = this.#pair(track);
    if (pair !== undefined) this.#listener.rtcp.send(report, pair.rtcp.port, pair.rtcp.address);
  }

  close(): void {
    for (const remove of this.#removals.splice(0)) remove();
    this.#receive = undefined;
  }
}

/** Sends a stream to a reader over UDP. What the network does not accept is lost: the reader never lags. */
export class PacketReader implements MediaReader {
  readonly #stream: Stream;
  readonly #sink: DatagramSink;
  readonly #reader: DatagramReader;
  lastReceived: number | undefined = Number.NEGATIVE_INFINITY;

  /** @param fault called once when it has failed */
  constructor(
    stream: Stream,
    sink: DatagramSink,
    pairs: readonly (DatagramPair | undefined)[],
    fault: ReaderFault,
  ) {
    this.#stream = stream;
    this.#sink = sink;
    this.#reader = new DatagramReader(stream.context, pairs, fault);
  }

  get bytesSent(): number {
    return this.#reader.bytesSent;
  }

  readonly packetsLost = 0;
  readonly framesDropped = 0;
  readonly lagMs = undefined;
  readonly stalledSince = undefined;
  /** Undefined until it plays. */
  #output: DatagramOutput | undefined;

  /**
   * Joins the stream, once the response to PLAY is written.
   *
   * @throws {BudgetError} if the media memory is used up
   */
  pump(): void {
    if (this.#output !== undefined) return;
    this.#output = DatagramOutput.of(this.#stream, this.#sink);
    this.#output.add(this.#reader);
  }

  /** Sends new sender reports after the next packets, for a client that joins a group. */
  awaitReports(): void {
    this.#output?.awaitReports(this.#reader);
  }

  drained(): void {}

  takeLost(): number {
    return 0;
  }

  rtpInfo(url: (track: number) => string) {
    return firstPackets(this.#stream, (track) => this.#reader.pairs[track] !== undefined, url);
  }

  close(): void {
    this.#output?.remove(this.#reader);
  }
}

export interface PacketPublisherOptions {
  readonly now: number;
  /** Time between receiver reports, ms. */
  readonly reportInterval: number;
  /** Sends a receiver report; the bytes are borrowed. */
  readonly report: (track: number, report: Uint8Array) => void;
}

/** Writes the datagrams of a publisher into the stream, and sends receiver reports. */
export class PacketPublisher implements MediaPublisher {
  readonly publisher: IngestReporter;
  readonly #input: DatagramInput;
  readonly #options: PacketPublisherOptions;
  readonly #ssrc = Math.floor(Math.random() * 0x1_0000_0000);
  #reportsDue: number;

  /** @throws {BudgetError} if the media memory is used up */
  constructor(publisher: IngestReporter, options: PacketPublisherOptions) {
    const { now, reportInterval } = options;
    this.publisher = publisher;
    this.#input = new DatagramInput(publisher.stream);
    this.#options = options;
    this.#reportsDue = now + reportInterval;
  }

  /** Interarrival jitter of the worst track. */
  get jitterMs(): number {
    return this.#input.jitterMs;
  }

  get lastHeard(): number {
    return this.publisher.lastHeard;
  }

  /** @throws {ProtocolError | BudgetError} if it must stop */
  receive(track: number, rtcp: boolean, data: Uint8Array): void {
    if (rtcp) this.#input.receiveReport(track, data);
    this.publisher.settle(rtcp ? undefined : this.#input.receive(track, data));
  }

  tick(now: number): void {
    if (now < this.#reportsDue) return;
    this.#reportsDue = now + this.#options.reportInterval;
    this.publisher.stream.log.tracks.forEach((_, track) => {
      const report = this.#input.writeReport(track, this.#ssrc);
      if (report !== undefined) this.#options.report(track, report);
    });
  }

  close(): void {
    this.#input.close();
    this.publisher.close();
  }
}
