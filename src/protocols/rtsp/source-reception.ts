import type { DescribedStream } from "../../formats/rtp/description.ts";
import { trackSetups } from "../../formats/rtp/track-setup.ts";
import type { Clock } from "../../lib/clock.ts";
import { SourceError } from "../../lib/errors.ts";
import type { StreamDescription } from "../../media/track.ts";
import type { SourceOwner } from "../../path/source.ts";
import type { IgnoredPackets } from "../../stream/ignored-packets.ts";
import { IngestReporter } from "../../stream/ingest.ts";
import { InterleavedInput } from "./interleaved-input.ts";
import type { TransportSpec } from "./proto/transport-header.ts";
import type { SourceMedia } from "./source-media.ts";
import { PacketPublisher } from "./udp-transport.ts";

/** Longest wait for the first datagram after PLAY before falling back to TCP, ms. */
const UDP_TRIAL_MS = 3_000;
const REPORT_INTERVAL_MS = 5_000;
/** Datagrams kept that arrive before the response to PLAY. */
const EARLY_MAX = 512;

export interface SourceReceptionOptions {
  readonly owner: SourceOwner;
  readonly clock: Clock;
  readonly ignoredPackets: IgnoredPackets;
  /** Longest silence, ms. */
  readonly readTimeout: number;
  /** Whether UDP is being tried: the stream becomes available with the first datagram. */
  readonly isTrial: boolean;
}

/** Brings the packets of a source, interleaved or in datagrams, into a stream. */
export class SourceReception {
  /** Transports to ask for, by track. */
  readonly offers: readonly TransportSpec[];
  readonly #options: SourceReceptionOptions;
  readonly #described: DescribedStream;
  /** Receives the datagrams; undefined over TCP. */
  readonly #media: SourceMedia | undefined;
  /** The tracks that were set up, with the transport of each. */
  readonly #setUp: [track: number, transport: TransportSpec | undefined][] = [];
  /** One of these once the stream is available: interleaved packets, or datagrams. */
  #interleaved: InterleavedInput | undefined;
  #packets: PacketPublisher | undefined;
  readonly #early: [track: number, rtcp: boolean, data: Uint8Array][] = [];
  /** When PLAY was answered, monotonic ms. */
  #playingSince: number | undefined;

  constructor(options: SourceReceptionOptions, described: DescribedStream, media: SourceMedia | undefined) {
    this.#options = options;
    this.#described = described;
    this.#media = media;
    this.offers = media?.offers ?? described.description.tracks.map((_, i) => interleavedOffer(i));
  }

  /** The server has set up a track. */
  setUp(track: number, transport: TransportSpec | undefined): void {
    this.#setUp.push([track, transport]);
  }

  /**
   * All tracks are set up: packets may arrive.
   *
   * @throws {SourceError} if the server has not said enough to receive them
   */
  async prepare(): Promise<void> {
    for (const [track, transport] of this.#setUp) await this.#media?.answered(track, transport);
  }

  /** Punches a hole in a NAT for datagrams. */
  punch(): void {
    this.#media?.punch();
  }

  /** The server has answered PLAY. */
  play(now: number): void {
    this.#playingSince = now;
    if (!this.#options.isTrial || this.#early.some(([, rtcp]) => !rtcp)) this.#begin();
  }

  /** Receives interleaved frames, once they are accepted. */
  get interleaved(): InterleavedInput | undefined {
    return this.#interleaved;
  }

  /** Interarrival jitter of the worst track; undefined over TCP, where packets come in bursts. */
  get jitterMs(): number | undefined {
    return this.#packets?.jitterMs;
  }

  /**
   * Receives a datagram.
   *
   * @throws {ProtocolError | BudgetError} if it must stop
   */
  take(track: number, rtcp: boolean, data: Uint8Array): void {
    if (this.#packets !== undefined) {
      this.#packets.receive(this.#indexOf(track), rtcp, data);
      return;
    }
    if (this.#early.length < EARLY_MAX) this.#early.push([track, rtcp, data.slice()]);
    if (this.#playingSince !== undefined && !rtcp) this.#begin();
  }

  /** Index in the stream of a track of the description. */
  #indexOf(track: number): number {
    return this.#setUp.findIndex(([other]) => other === track);
  }

  /** How long it has played, ms. */
  playedMs(now: number): number {
    return this.#playingSince === undefined ? 0 : now - this.#playingSince;
  }

  /** What was described, without the tracks that the server has refused to set up. */
  get #description(): StreamDescription {
    const { description } = this.#described;
    const tracks = description.tracks.filter((_, i) => this.#indexOf(i) >= 0);
    const mids = new Set(tracks.map(({ mid }) => mid));
    const fecGroups = description.fecGroups.filter((group) => group.every((mid) => mids.has(mid)));
    return { ...description, tracks, fecGroups };
  }

  /** Makes the stream available, once the transport is known to work. */
  #begin(): void {
    const { owner, clock, ignoredPackets } = this.#options;
    const description = this.#description;
    const stream = owner.ready(description, trackSetups(description));
    const publisher = new IngestReporter(stream, { logger: owner.logger, clock, ignoredPackets });
    if (this.#media === undefined) {
      this.#setUp.forEach(([track, transport], i) => {
        const [rtp, rtcp] = transport?.interleaved ?? [2 * track, 2 * track + 1];
        stream.log.mapPair(rtp, rtcp, i);
      });
      this.#interleaved = new InterleavedInput(publisher);
      return;
    }
    this.#packets = new PacketPublisher(publisher, {
      now: clock.now(),
      reportInterval: REPORT_INTERVAL_MS,
      report: (index, bytes) => this.#media?.report(this.#setUp[index]?.[0] ?? index, bytes),
    });
    for (const [track, rtcp, data] of this.#early.splice(0))
      this.#packets.receive(this.#indexOf(track), rtcp, data);
  }

  /**
   * Checks timeouts and sends reports.
   *
   * @returns `no datagrams` when UDP is being tried and no datagram arrived
   * @throws {SourceError} if the server has gone silent
   */
  tick(now: number): "no datagrams" | undefined {
    const { readTimeout } = this.#options;
    const packets = this.#packets;
    if (packets !== undefined) {
      packets.tick(now);
      if (now - packets.lastHeard > readTimeout) throw new SourceError("UDP timeout");
    } else if (this.#interleaved !== undefined) {
      if (now - this.#interleaved.lastHeard > readTimeout) throw new SourceError("TCP timeout");
    } else if (this.#playingSince !== undefined && now - this.#playingSince > UDP_TRIAL_MS) {
      return "no datagrams";
    }
    return undefined;
  }

  close(): void {
    this.#media?.close();
    this.#packets?.close();
    this.#interleaved?.publisher.close();
  }
}

function interleavedOffer(track: number): TransportSpec {
  return { protocol: "tcp", delivery: "unicast", interleaved: [2 * track, 2 * track + 1], mode: "play" };
}
