import { randomBytes } from "node:crypto";
import type { MediaMemory } from "../../../wasm/core.ts";
import type { DescribedStream } from "../../formats/rtp/description.ts";
import { trackSetups } from "../../formats/rtp/track-setup.ts";
import { connectTcp } from "../../host/connect.ts";
import type { TcpConn, TcpSocket } from "../../host/tcp.ts";
import type { Cancel, Clock } from "../../lib/clock.ts";
import { parseDuration } from "../../lib/duration.ts";
import { errorText, SourceError } from "../../lib/errors.ts";
import type { RunningSource, SourceOwner } from "../../path/source.ts";
import type { IgnoredPackets } from "../../stream/ignored-packets.ts";
import { IngestReporter } from "../../stream/ingest.ts";
import { Outbox } from "../../stream/outbox.ts";
import { RtspClient, type RtspClientOutput, writeRange } from "./proto/client.ts";
import type { TransportSpec } from "./proto/transport-header.ts";
import { parseServerUrl, type RtspUrl } from "./proto/url.ts";
import { GroupMedia, type SourceMedia, type SourceMediaOptions, UnicastMedia } from "./source-media.ts";
import { PacketPublisher } from "./udp-transport.ts";

/** How often it is looked whether something has waited too long, ms. */
const TICK_MS = 250;
/** Without a datagram for so long after PLAY, packets are asked for over the connection, ms. */
const UDP_TRIAL_MS = 3_000;
const REPORT_INTERVAL_MS = 5_000;
/** Servers that a source may be sent on to. */
const REDIRECTS_MAX = 5;
/** Datagrams kept that come before the answer to PLAY. */
const EARLY_MAX = 512;
const DOLLAR = 0x24;
const DEFAULT_PORTS = { rtsp: 554, rtsps: 322 } as const;

export interface RtspSourceOptions {
  readonly clock: Clock;
  readonly memory: MediaMemory;
  readonly ignoredPackets: IgnoredPackets;
  /** Longest wait for the server, ms. */
  readonly readTimeout: number;
}

/** Starts a source with a `rtsp://` or `rtsps://` URL. */
export function startRtspSource(owner: SourceOwner, options: RtspSourceOptions): RunningSource {
  return new RtspSource(owner, options);
}

type Carrier = "tcp" | "udp" | "multicast";

/** Fetches a stream from a RTSP server. */
class RtspSource implements RunningSource {
  readonly #owner: SourceOwner;
  readonly #options: RtspSourceOptions;
  readonly #url: RtspUrl;
  #attempt: Attempt | undefined;
  #redirects = 0;
  #over = false;

  constructor(owner: SourceOwner, options: RtspSourceOptions) {
    this.#owner = owner;
    this.#options = options;
    this.#url = parseServerUrl(owner.conf.source);
    const { sourceProtocol } = owner.conf;
    if (sourceProtocol !== "automatic") this.#start(this.#url, sourceProtocol);
    else this.#start(this.#url, this.#url.scheme === "rtsps" ? "tcp" : "udp");
  }

  #start(url: RtspUrl, carrier: Carrier): void {
    this.#attempt = new Attempt({
      owner: this.#owner,
      options: this.#options,
      url,
      carrier,
      isTrial: this.#owner.conf.sourceProtocol === "automatic" && carrier === "udp",
      fallBack: (reason) => {
        this.#owner.logger.warn(reason);
        this.#attempt?.close();
        this.#start(url, "tcp");
      },
      redirect: (location) => this.#redirect(url, location, carrier),
      failed: (error) => this.#fail(error),
    });
  }

  #redirect(from: RtspUrl, location: string, carrier: Carrier): void {
    this.#redirects += 1;
    if (this.#redirects > REDIRECTS_MAX) throw new SourceError(`more than ${REDIRECTS_MAX} redirects`);
    const to = parseServerUrl(location);
    const { user, password } = this.#url;
    // credentials go along, but never from an encrypted connection to a plain one
    const mayKnow =
      to.user === undefined && user !== undefined && !(from.scheme === "rtsps" && to.scheme === "rtsp");
    const known = mayKnow ? { user, ...(password !== undefined && { password }) } : {};
    this.#attempt?.close();
    this.#start({ ...to, ...known }, carrier);
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#attempt?.close();
    this.#owner.failed(error);
  }

  close(): void {
    this.#over = true;
    this.#attempt?.close();
  }
}

interface AttemptOptions {
  readonly owner: SourceOwner;
  readonly options: RtspSourceOptions;
  readonly url: RtspUrl;
  readonly carrier: Carrier;
  /** Whether to go over to the connection when no datagram comes. */
  readonly isTrial: boolean;
  readonly fallBack: (reason: string) => void;
  readonly redirect: (location: string) => void;
  readonly failed: (error: Error) => void;
}

/** One connection to one server, with one way for the packets. */
class Attempt implements TcpConn {
  readonly #options: AttemptOptions;
  readonly #cancelConnect: () => void;
  #socket: TcpSocket | undefined;
  #outbox: Outbox | undefined;
  #client: RtspClient | undefined;
  #described: DescribedStream | undefined;
  #media: SourceMedia | undefined;
  readonly #transports: (TransportSpec | undefined)[] = [];
  /** Once it plays: packets over the connection, or in datagrams. */
  #interleaved: IngestReporter | undefined;
  #packets: PacketPublisher | undefined;
  readonly #early: [track: number, rtcp: boolean, data: Uint8Array][] = [];
  /** When a frame last came over the connection: a server that answers requests but sends nothing is silent too. */
  #lastFrame = 0;
  /** Since when the server sends, monotonic ms. */
  #playingSince: number | undefined;
  #timer: Cancel | undefined;
  #closed = false;

  constructor(options: AttemptOptions) {
    this.#options = options;
    const { url, owner } = options;
    owner.logger.debug("connecting");
    this.#cancelConnect = connectTcp({
      host: url.host,
      port: url.port ?? DEFAULT_PORTS[url.scheme],
      ...(url.scheme === "rtsps" && { tls: { fingerprint: owner.conf.sourceFingerprint } }),
      timeout: options.options.readTimeout,
      open: (socket) => this.#opened(socket),
      failed: (error) => this.#fail(error),
      onFault: (error) => owner.logger.error(errorText(error)),
    });
  }

  get #now(): number {
    return this.#options.options.clock.now();
  }

  #opened(socket: TcpSocket): TcpConn {
    const { owner, url, options } = this.#options;
    const { rtspRangeType: type, rtspRangeStart: start } = owner.conf;
    this.#socket = socket;
    this.#outbox = new Outbox(options.memory, socket);
    this.#guard(() => {
      const range = writeRange(type, type === "clock" || start === "" ? start : parseDuration(start));
      const random = () => randomBytes(8).toString("hex");
      this.#client = new RtspClient({ url, range, timeout: options.readTimeout, random }, this.#now);
      this.#act();
    });
    this.#tickLater();
    return this;
  }

  data(chunk: Uint8Array): void {
    const now = this.#now;
    this.#guard(() => {
      for (let at = 0; at < chunk.length && !this.#closed; ) {
        const media = this.#interleaved;
        const client = this.#client as RtspClient;
        if (media !== undefined && (media.midFrame || (chunk[at] === DOLLAR && client.idle))) {
          this.#lastFrame = now;
          at = media.receive(chunk, at);
        } else {
          at += client.receive(chunk, at, now);
          this.#act();
        }
      }
    });
  }

  drain(): void {
    this.#outbox?.drain();
  }

  closed(error: Error | undefined): void {
    this.#fail(error ?? new Error("EOF"));
  }

  /** Does something that the server may have spoilt. */
  #guard(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #fail(error: Error): void {
    if (!this.#closed) this.#options.failed(error);
  }

  #act(): void {
    for (let output = this.#client?.poll(); output !== undefined; output = this.#client?.poll()) {
      if (this.#closed) return;
      this.#do(output);
    }
  }

  #do(output: RtspClientOutput): void {
    switch (output.kind) {
      case "send":
        if (this.#outbox?.send(output.bytes) === false) throw new SourceError("requests are not read");
        return;
      case "described":
        this.#described = output.stream;
        this.#later(this.#setUp(output.stream));
        return;
      case "setUp":
        this.#transports[output.track] = output.transport;
        return;
      case "prepared":
        this.#later(this.#prepare());
        return;
      case "playing":
        this.#playingSince = this.#now;
        if (!this.#options.isTrial || this.#early.some(([, rtcp]) => !rtcp)) this.#begin();
        return;
      case "unsupportedTransport":
        if (!this.#options.isTrial) throw new SourceError("bad status code: 461 (Unsupported Transport)");
        this.#options.fallBack("switching to TCP because server requested it");
        return;
      default:
        this.#options.redirect(output.url);
    }
  }

  #later(work: Promise<void>): void {
    work.then(
      () => this.#guard(() => this.#act()),
      (error: Error) => this.#fail(error),
    );
  }

  async #setUp({ description }: DescribedStream): Promise<void> {
    const { carrier, owner } = this.#options;
    const { tracks } = description;
    if (carrier !== "tcp") {
      const media = await this.#openMedia(carrier, tracks.length);
      if (this.#closed) {
        media.close();
        return;
      }
      this.#media = media;
    }
    const offers = this.#media?.offers ?? tracks.map((_, i) => interleavedOffer(i));
    owner.logger.debug(`setting up ${tracks.length} tracks by ${carrier}`);
    this.#client?.setUp(offers, this.#now);
  }

  async #openMedia(carrier: Carrier, tracks: number): Promise<SourceMedia> {
    const { owner, options } = this.#options;
    const media: SourceMediaOptions = {
      memory: options.memory,
      ignoredPackets: options.ignoredPackets,
      remoteAddress: this.#socket?.remoteAddress ?? "",
      tracks,
      take: (track, rtcp, data) => this.#guard(() => this.#take(track, rtcp, data)),
      onFault: (error) => owner.logger.error(errorText(error)),
    };
    return carrier === "multicast"
      ? new GroupMedia(media)
      : await UnicastMedia.open(media, owner.conf.sourceAnyPortEnable);
  }

  async #prepare(): Promise<void> {
    for (const [track, transport] of this.#transports.entries())
      await this.#media?.answered(track, transport);
    if (this.#closed) return;
    this.#media?.punch();
    this.#client?.play(this.#now);
  }

  #take(track: number, rtcp: boolean, data: Uint8Array): void {
    if (this.#packets !== undefined) {
      this.#packets.receive(track, rtcp, data);
      return;
    }
    if (this.#early.length < EARLY_MAX) this.#early.push([track, rtcp, data.slice()]);
    if (this.#playingSince !== undefined && !rtcp) this.#begin();
  }

  /** Makes the stream available: readers come to a way of the packets that is known to work. */
  #begin(): void {
    const { owner, options } = this.#options;
    const { description } = this.#described as DescribedStream;
    const stream = owner.ready(description, trackSetups(description));
    const { clock, ignoredPackets } = options;
    const publisher = new IngestReporter(stream, { logger: owner.logger, clock, ignoredPackets });
    if (this.#media === undefined) {
      description.tracks.forEach((_, i) => {
        const [rtp, rtcp] = this.#transports[i]?.interleaved ?? [2 * i, 2 * i + 1];
        stream.log.mapChannel(rtp, i, false);
        stream.log.mapChannel(rtcp, i, true);
      });
      this.#interleaved = publisher;
      this.#lastFrame = this.#now;
      return;
    }
    const report = (track: number, bytes: Uint8Array) => this.#media?.report(track, bytes);
    this.#packets = new PacketPublisher(publisher, {
      now: this.#now,
      reportInterval: REPORT_INTERVAL_MS,
      report,
    });
    for (const [track, rtcp, data] of this.#early.splice(0)) this.#packets.receive(track, rtcp, data);
  }

  #tickLater(): void {
    this.#timer = this.#options.options.clock.after(TICK_MS, () => {
      this.#guard(() => this.#tick());
      if (!this.#closed) this.#tickLater();
    });
  }

  #tick(): void {
    const now = this.#now;
    this.#client?.tick(now);
    this.#act();
    const { readTimeout } = this.#options.options;
    const packets = this.#packets;
    if (packets !== undefined) {
      packets.tick(now);
      if (now - packets.lastReceived > readTimeout) throw new SourceError("UDP timeout");
    } else if (this.#interleaved !== undefined) {
      if (now - this.#lastFrame > readTimeout) throw new SourceError("TCP timeout");
    } else if (this.#playingSince !== undefined && now - this.#playingSince > UDP_TRIAL_MS) {
      this.#options.fallBack("no UDP packets received, switching to TCP");
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#guard(() => {
      this.#client?.teardown(this.#now);
      this.#act();
    });
    this.#closed = true;
    this.#cancelConnect();
    this.#timer?.();
    this.#media?.close();
    this.#packets?.close();
    this.#interleaved?.close();
    this.#outbox?.close();
    this.#socket?.end();
  }
}

function interleavedOffer(track: number): TransportSpec {
  return { protocol: "tcp", delivery: "unicast", interleaved: [2 * track, 2 * track + 1], mode: "play" };
}
