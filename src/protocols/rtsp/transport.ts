import { IngestReporter, type PublisherOptions } from "../../stream/ingest.ts";
import type { Outbox } from "../../stream/outbox.ts";
import type { Stream } from "../../stream/stream.ts";
import { InterleavedInput } from "./interleaved-input.ts";
import { ChannelTable } from "./proto/channels.ts";
import type { RtpInfo } from "./proto/rtp-info.ts";
import type { TransportSpec } from "./proto/transport-header.ts";
import { RtspReader } from "./reader.ts";

/** A playing reader, over any transport. */
export interface MediaReader {
  readonly bytesSent: number;
  readonly packetsLost: number;
  readonly framesDropped: number;
  /** Age of the oldest packet waiting for it, ms; undefined over UDP, where nothing waits. */
  readonly lagMs: number | undefined;
  /** When it last made progress, monotonic ms; undefined while nothing is waiting. */
  readonly stalledSince: number | undefined;
  /** When it was last heard from, monotonic ms; undefined where that is not required. */
  readonly lastReceived: number | undefined;
  /** Sends what it may send now. */
  pump(now: number): void;
  /** The connection has room again. */
  drained(now: number): void;
  /** Packets lost since the last call. */
  takeLost(): number;
  /** RTP-Info of each track; `url` returns the URL of the track with that index. */
  rtpInfo(url: (track: number) => string): RtpInfo[];
  close(): void;
}

/** A recording publisher, over any transport. */
export interface MediaPublisher {
  readonly publisher: IngestReporter;
  /** Takes its packets from the connection, where they come that way. */
  readonly interleaved?: InterleavedInput;
  /** When it last sent what was accepted, monotonic ms; undefined where the connection looks after it. */
  readonly lastHeard: number | undefined;
  /** Called once a second. */
  tick(now: number): void;
  close(): void;
}

/** Options of a publisher or reader. */
export interface MediaOptions extends PublisherOptions {
  readonly stream: Stream;
  /** Called once when it has failed. */
  readonly fault: (error: Error) => void;
}

/** The transport of one session. */
export interface SessionTransport {
  /** As the log and the API name it. */
  readonly label: "TCP" | "UDP" | "UDP-multicast";
  /** Tracks that were set up. */
  readonly size: number;
  has(track: number): boolean;
  /**
   * Sets up a track.
   *
   * @returns the Transport header of the response
   * @throws {ProtocolError} if the offer is incomplete, or asks for what is taken
   */
  assign(track: number, offer: TransportSpec, role: "play" | "record"): TransportSpec;
  openReader(options: MediaOptions): MediaReader;
  openPublisher(options: MediaOptions): MediaPublisher;
  /** Releases what its tracks hold. */
  close(): void;
}

/** Packets interleaved with the messages of the RTSP connection. */
export class InterleavedTransport implements SessionTransport {
  readonly label = "TCP";
  readonly #channels = new ChannelTable();
  readonly #outbox: Outbox;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  get size(): number {
    return this.#channels.size;
  }

  has(track: number): boolean {
    return this.#channels.get(track) !== undefined;
  }

  assign(track: number, offer: TransportSpec): TransportSpec {
    const interleaved = this.#channels.assign(track, offer.interleaved);
    return { protocol: "tcp", delivery: "unicast", interleaved };
  }

  openReader({ stream, fault }: MediaOptions): MediaReader {
    return new RtspReader(stream, this.#outbox, this.#channels, fault);
  }

  openPublisher({ stream, ...options }: MediaOptions): MediaPublisher {
    const { length } = stream.description.tracks;
    for (const [track, [rtp, rtcp]] of this.#channels.entries()) {
      if (track < length) stream.log.mapPair(rtp, rtcp, track);
      else stream.log.ignorePair(rtp, rtcp);
    }
    const publisher = new IngestReporter(stream, options);
    const interleaved = new InterleavedInput(publisher);
    return { publisher, interleaved, lastHeard: undefined, tick: () => {}, close: () => publisher.close() };
  }

  close(): void {}
}
