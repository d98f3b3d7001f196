import { randomBytes } from "node:crypto";
import type { MediaMemory } from "../../../wasm/core.ts";
import type { DescribedStream } from "../../formats/rtp/description.ts";
import type { TcpConn, TcpSocket } from "../../host/tcp-connection.ts";
import type { Cancel, Clock } from "../../lib/clock.ts";
import { parseDuration } from "../../lib/duration.ts";
import { EndError, SourceError } from "../../lib/errors.ts";
import { reportUnexpected } from "../../lib/faults.ts";
import type { SourceFigures, SourceOwner } from "../../path/source.ts";
import type { IgnoredPackets } from "../../stream/ignored-packets.ts";
import { Outbox } from "../../stream/outbox.ts";
import { DirectMedia } from "./direct-media.ts";
import type { InterleavedInput } from "./interleaved-input.ts";
import { RtspClient, type RtspClientOutput, writeRange } from "./proto/client.ts";
import type { TransportSpec } from "./proto/transport-header.ts";
import type { RtspUrl } from "./proto/url.ts";
import type { SourceMedia, SourceNetwork } from "./source-media.ts";
import { SourceReception } from "./source-reception.ts";
import { connectTunnel } from "./source-tunnel.ts";

/** How often timeouts are checked, ms. */
const TICK_MS = 250;
const DEFAULT_PORTS = { rtsp: 554, rtsps: 322 } as const;
const TUNNEL_PORTS = { rtsp: 80, rtsps: 443 } as const;

/** Names of the carriers in the API, as sessions have them. */
const TRANSPORTS = { tcp: "TCP", udp: "UDP", multicast: "UDP-multicast" } as const;

/** How the packets of a source arrive. */
export type Carrier = "tcp" | "udp" | "multicast";

export interface SourceAttemptOptions {
  readonly owner: SourceOwner;
  readonly clock: Clock;
  readonly memory: MediaMemory;
  readonly ignoredPackets: IgnoredPackets;
  /** Longest wait for the server, ms. */
  readonly readTimeout: number;
  readonly network: SourceNetwork;
  readonly url: RtspUrl;
  readonly carrier: Carrier;
  /** Whether to fall back to TCP when no datagram arrives. */
  readonly isTrial: boolean;
  /** Called to try again over TCP. */
  readonly fallBack: (reason: string) => void;
  /** Called when the server redirects to another URL. */
  readonly redirect: (location: string) => void;
  /** Called when it has failed. */
  readonly failed: (error: Error) => void;
}

/** One connection to one server, with one transport. */
export class SourceAttempt implements TcpConn {
  readonly #options: SourceAttemptOptions;
  readonly #cancelConnect: () => void;
  #socket: TcpSocket | undefined;
  #outbox: Outbox | undefined;
  #client: RtspClient | undefined;
  /** Once the stream is described. */
  #reception: SourceReception | undefined;
  #timer: Cancel | undefined;
  #closed = false;
  #playedMs = 0;
  /** Whether the socket knows where packets may be received. */
  #isOffered = false;

  constructor(options: SourceAttemptOptions) {
    const { url, owner, network } = options;
    this.#options = options;
    owner.logger.debug("connecting");
    const ports = url.tunnel === undefined ? DEFAULT_PORTS : TUNNEL_PORTS;
    const connection = {
      host: url.host,
      port: url.port ?? ports[url.scheme],
      ...(url.scheme === "rtsps" && { tls: { fingerprint: owner.conf.sourceFingerprint } }),
      timeout: options.readTimeout,
      open: (socket: TcpSocket) => this.#opened(socket),
      failed: (error: Error) => this.failed(error),
      logger: owner.logger,
    };
    this.#cancelConnect =
      url.tunnel === undefined
        ? network.connect(connection)
        : connectTunnel(connection, { url, connect: network.connect, clock: options.clock });
  }

  /** Whether the stream was described: what comes after depends on the carrier. */
  get isDescribed(): boolean {
    return this.#reception !== undefined;
  }

  /** How long it has played, once it is closed, ms. */
  get playedMs(): number {
    return this.#playedMs;
  }

  get #now(): number {
    return this.#options.clock.now();
  }

  #opened(socket: TcpSocket): TcpConn {
    const { owner, url, memory, readTimeout: timeout } = this.#options;
    const { rtspRangeType: type, rtspRangeStart: start } = owner.conf;
    this.#socket = socket;
    this.#outbox = new Outbox(memory, socket);
    this.#tickLater();
    try {
      const range = writeRange(type, type === "clock" || start === "" ? start : parseDuration(start));
      const random = () => randomBytes(8).toString("hex");
      this.#client = new RtspClient({ url, range, timeout, random }, this.#now);
      this.#act();
    } catch (error) {
      this.failed(error as Error);
    }
    return this;
  }

  data(chunk: Uint8Array): void {
    const now = this.#now;
    for (let at = 0; at < chunk.length && !this.#closed; ) at = this.#receive(chunk, at, now);
    if (!this.#isOffered && this.#reception?.interleaved !== undefined) this.#offerDirect();
  }

  /** It plays: packets may be received straight into the log. */
  #offerDirect(): void {
    this.#isOffered = true;
    this.#socket?.receiveInto(
      new DirectMedia({
        memory: this.#options.memory,
        input: () => this.#mediaInput(),
        count: () => {},
        receive: (rest) => this.data(rest),
      }),
    );
  }

  /** What takes the next byte, if that is not part of a message. */
  #mediaInput(): InterleavedInput | undefined {
    return !this.#closed && this.#client?.idle === true ? this.#reception?.interleaved : undefined;
  }

  #receive(chunk: Uint8Array, at: number, now: number): number {
    const client = this.#client as RtspClient;
    const start = this.#mediaInput()?.receive(chunk, at) ?? at;
    if (start === chunk.length) return start;
    const end = start + client.receive(chunk, start, now);
    this.#act();
    return end;
  }

  drain(): void {
    this.#outbox?.drain();
  }

  failed(error: Error): void {
    if (!this.#closed) this.#options.failed(error);
  }

  closed(error: Error | undefined): void {
    this.failed(error ?? new EndError("EOF"));
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
        if (this.#outbox?.send(output.bytes) === false)
          throw new SourceError("the server does not read requests");
        return;
      case "described":
        this.#later(this.#setUp(output.stream));
        return;
      case "setUp":
        this.#setUpDone(output.track, output.transport);
        return;
      case "refused":
        this.#options.owner.logger.warn(
          `skipping track ${output.track + 1}: SETUP was answered ${output.reason}`,
        );
        return;
      case "prepared":
        this.#later(this.#prepare());
        return;
      case "playing":
        this.#reception?.play(this.#now);
        return;
      case "unsupportedTransport":
        if (!this.#options.isTrial) throw new SourceError("bad status code: 461 (Unsupported Transport)");
        this.#options.fallBack("switching to TCP because server requested it");
        return;
      default:
        this.#options.redirect(output.url);
    }
  }

  /** @throws {SourceError} if the server has chosen another transport, and it may not be used */
  #setUpDone(track: number, transport: TransportSpec | undefined): void {
    const { carrier, isTrial, fallBack } = this.#options;
    const isOther = transport !== undefined && (transport.protocol === "tcp") !== (carrier === "tcp");
    if (!isOther) this.#reception?.setUp(track, transport);
    else if (isTrial) fallBack("switching to TCP because server requested it");
    else
      throw new SourceError(
        `the server has set up ${carrier === "tcp" ? "UDP" : "TCP"} instead of ${carrier}`,
      );
  }

  #later(work: Promise<void>): void {
    work.then(() => this.#act()).catch((error: Error) => this.failed(error));
  }

  async #setUp(described: DescribedStream): Promise<void> {
    const { carrier, owner } = this.#options;
    for (const note of described.notes) owner.logger.warn(note);
    const { length } = described.description.tracks;
    const media = carrier === "tcp" ? undefined : await this.#openMedia(carrier, length);
    if (this.#closed) {
      media?.close();
      return;
    }
    const reception = new SourceReception(this.#options, described, media);
    this.#reception = reception;
    owner.logger.debug(`setting up ${length} tracks over ${carrier}`);
    this.#client?.setUp(reception.offers, this.#now);
  }

  #openMedia(carrier: "udp" | "multicast", tracks: number): Promise<SourceMedia> {
    const { owner, memory, ignoredPackets, network } = this.#options;
    const options = {
      memory,
      ignoredPackets,
      logger: owner.logger,
      remoteAddress: this.#socket?.remoteAddress ?? "",
      anyPort: owner.conf.sourceAnyPortEnable,
      tracks,
      take: this.#take,
      failed: (error: Error) => this.failed(error),
    };
    return network.openMedia(carrier, options);
  }

  readonly #take = (track: number, rtcp: boolean, data: Uint8Array): void => {
    if (!this.#closed) this.#reception?.take(track, rtcp, data);
  };

  async #prepare(): Promise<void> {
    await this.#reception?.prepare();
    if (this.#closed) return;
    this.#reception?.punch();
    this.#client?.play(this.#now);
  }

  #tickLater(): void {
    this.#timer = this.#options.clock.after(TICK_MS, () => {
      try {
        this.#tick(this.#now);
      } catch (error) {
        this.failed(error as Error);
      }
      if (!this.#closed) this.#tickLater();
    });
  }

  #tick(now: number): void {
    this.#client?.tick(now);
    this.#act();
    if (this.#reception?.tick(now) === "no datagrams") {
      this.#options.fallBack("no UDP packets received, switching to TCP");
    }
  }

  /** Until the server has answered, nothing is known. */
  figures(): SourceFigures {
    const roundTripMs = this.#client?.roundTrip;
    if (roundTripMs === undefined || this.#closed) return {};
    const jitterMs = this.#reception?.jitterMs;
    const transport = TRANSPORTS[this.#options.carrier];
    return { transport, roundTripMs, ...(jitterMs !== undefined && { jitterMs }) };
  }

  close(): void {
    if (this.#closed) return;
    this.#tearDown();
    this.#closed = true;
    this.#playedMs = this.#reception?.playedMs(this.#now) ?? 0;
    this.#cancelConnect();
    this.#timer?.();
    this.#reception?.close();
    this.#outbox?.close();
    this.#socket?.end();
  }

  /** Sends TEARDOWN if there is a session. */
  #tearDown(): void {
    try {
      this.#client?.teardown(this.#now);
      this.#act();
    } catch (error) {
      // the connection is closed whether or not the server reads it
      reportUnexpected(this.#options.owner.logger, error, "TEARDOWN");
    }
  }
}
