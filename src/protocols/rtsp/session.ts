import { randomBytes, randomUUID } from "node:crypto";
import { describeStream } from "../../formats/rtp/description.ts";
import { trackSetups } from "../../formats/rtp/track-setup.ts";
import { parseSdp } from "../../formats/sdp/parse.ts";
import { formatRfc3339 } from "../../host/rfc3339.ts";
import { ProtocolError, RefusedError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";
import { ByteRates } from "../../lib/rate.ts";
import type { JsonObject, Listed, Losses } from "../../lib/registry.ts";
import { trackList } from "../../media/track.ts";
import type { LivePath } from "../../path/manager.ts";
import type { IngestReporter } from "../../stream/ingest.ts";
import type { Stream } from "../../stream/stream.ts";
import type { RtspContext } from "./context.ts";
import { findPublisherTrack, parseReaderControl } from "./proto/control.ts";
import type { RtspRequest } from "./proto/request.ts";
import type { RtpInfo } from "./proto/rtp-info.ts";
import { checkState, type SessionState } from "./proto/server-state.ts";
import { parseTransport, type TransportSpec } from "./proto/transport-header.ts";
import { controlBase, parseRtspUrl, type RtspUrl, withoutTrailingSlash } from "./proto/url.ts";
import type { Publishing, Reading, SessionConn } from "./session-parts.ts";
import { sessionLosses, sessionStats } from "./session-stats.ts";
import {
  InterleavedTransport,
  type MediaOptions,
  type MediaReader,
  type SessionTransport,
} from "./transport.ts";
import { isServed, labelOf, openTransport } from "./transport-choice.ts";

/** The transport of a track; undefined when none of those offered is to be had. */
export type SetupResult = TransportSpec | undefined;

/** Without any request or RTCP of a reader that gets datagrams, its session ends, ms. */
const READER_TIMEOUT_MS = 60_000;

/** What sessions share with each other, and with the connections that look them up. */
export interface SessionContext extends RtspContext {
  /** Sessions by the value of their Session header. */
  readonly keys: Map<string, RtspSession>;
}

/** One exchange between SETUP or ANNOUNCE and TEARDOWN: a publisher or a reader. */
export class RtspSession implements Listed {
  readonly type: "rtspSession" | "rtspsSession";
  readonly id = randomUUID();
  /** What the Session header says. */
  readonly key = randomBytes(16).toString("hex");
  readonly created: number;
  /** Where it was made from, address and port. */
  readonly remote: string;
  readonly #remoteAddress: string;
  /** The connection whose requests it gets; undefined when that is gone. */
  #conn: SessionConn | undefined;
  readonly #context: SessionContext;
  readonly #logger: Logger;
  #transport: SessionTransport | undefined;
  #lastRequest: number;
  #state: SessionState = "initial";
  #publishing: Publishing | undefined;
  #reading: Reading | undefined;
  /** RTP bytes of readers that were paused. */
  #sentBefore = 0;
  #directBefore = 0;
  readonly #rates = new ByteRates();
  #closed = false;

  constructor(context: SessionContext, conn: SessionConn) {
    this.#context = context;
    this.type = context.secure ? "rtspsSession" : "rtspSession";
    this.#conn = conn;
    this.remote = conn.remote;
    this.#remoteAddress = conn.remoteAddress;
    this.#lastRequest = context.clock.now();
    this.created = context.clock.wall();
    this.#logger = context.logger.child(`session ${this.id.slice(0, 8)}`);
    this.#logger.info(`created by ${conn.remote}`);
    context.sessions.add(this);
    context.keys.set(this.key, this);
  }

  /** Whether it is a publisher's, from ANNOUNCE on. */
  get isPublishing(): boolean {
    return this.#publishing !== undefined;
  }

  /** Of the URL of what it publishes or reads. */
  get query(): string {
    return this.#publishing?.url.query ?? this.#reading?.url.query ?? "";
  }

  get state(): SessionState {
    return this.#state;
  }

  get publisher(): IngestReporter | undefined {
    return this.#publishing?.media?.publisher;
  }

  /** The publisher whose packets come over the connection. */
  get interleaved(): IngestReporter | undefined {
    return this.#transport instanceof InterleavedTransport ? this.publisher : undefined;
  }

  /** Value of the Session header (RFC 2326 §12.37). */
  get header(): string {
    const isSilent = this.#reading !== undefined && !(this.#transport instanceof InterleavedTransport);
    return isSilent ? `${this.key};timeout=${READER_TIMEOUT_MS / 1000}` : this.key;
  }

  get reader(): MediaReader | undefined {
    return this.#reading?.reader;
  }

  /** Bytes that went to the socket past the connection's own count. */
  get bytesDirect(): number {
    return this.#directBefore + (this.reader?.bytesDirect ?? 0);
  }

  /** RTP bytes it was sent. */
  get bytesSent(): number {
    return this.#sentBefore + (this.reader?.bytesSent ?? 0);
  }

  get framesDropped(): number {
    return this.reader?.framesDropped ?? 0;
  }

  get lagMs(): number {
    return this.reader?.lagMs ?? 0;
  }

  /** Whether media flows. */
  get active(): boolean {
    return this.#state === "read" || this.#state === "publish";
  }

  /**
   * ANNOUNCE: takes the publisher's place of the path.
   *
   * @throws {ProtocolError} if the description is not usable
   * @throws {RefusedError} if the place is not to be had
   */
  announce(request: RtspRequest): void {
    checkState("ANNOUNCE", this.#state);
    const type = request.headers.get("Content-Type");
    if (type === undefined) throw new ProtocolError("Content-Type header is missing");
    if (type.split(";")[0]?.trim().toLowerCase() !== "application/sdp") {
      throw new ProtocolError(`unsupported Content-Type header '${type}'`);
    }
    const { description, controls } = describeStream(parseSdp(new TextDecoder().decode(request.body)));
    const url = withoutTrailingSlash(parseRtspUrl(request.url));
    const path = this.#context.paths.addPublisher(url.path, this);
    this.#publishing = { path, url, description, controls, media: undefined };
    this.#state = "prePublish";
  }

  /**
   * SETUP: gives one track its transport.
   *
   * @returns what the response says of it; undefined when none of those offered is to be had
   * @throws {ProtocolError | RefusedError | NoStreamError} if the track or the transport cannot be had
   */
  setup(request: RtspRequest): SetupResult | Promise<SetupResult> {
    checkState("SETUP", this.#state);
    const url = parseRtspUrl(request.url);
    const offers = parseTransport(request.headers.get("Transport") ?? missing("Transport"));
    const publishing = this.#publishing;
    if (publishing === undefined) return this.#setupReader(url, offers);
    return this.#setupPublisher(publishing, url, offers);
  }

  #setupPublisher(
    publishing: Publishing,
    url: RtspUrl,
    offers: readonly TransportSpec[],
  ): TransportSpec | undefined {
    const track = findPublisherTrack(url, publishing.url, publishing.controls);
    if (track === undefined) throw new ProtocolError(`media not found: ${url.path}`);
    const offer = offers.find((spec) => spec.delivery !== "multicast" && isServed(this.#context, spec));
    if (offer === undefined) return undefined;
    if (offer.mode !== "record") {
      throw new ProtocolError(`transport header contains a invalid mode (${offer.mode ?? "none"})`);
    }
    return this.#choose(offer, undefined).assign(track, offer, "record");
  }

  #setupReader(whole: RtspUrl, offers: readonly TransportSpec[]): SetupResult | Promise<SetupResult> {
    const { path: name, query, track } = parseReaderControl(whole);
    const before = this.#reading;
    if (before !== undefined && before.url.path !== name) {
      throw new ProtocolError("can't setup medias with different paths");
    }
    const offer = offers.find((spec) => isServed(this.#context, spec));
    if (offer?.mode === "record")
      throw new ProtocolError("transport header contains a invalid mode (record)");
    const url = { ...whole, path: name, query };
    if (before !== undefined) return this.#setupTrack(before, track, offer);
    const live = this.#context.paths.live(name, query);
    const enter = (found: LivePath) => this.#enter(found, url, track, offer);
    return live instanceof Promise ? live.then(enter) : enter(live);
  }

  /** The first track of a reader: it is attached to the path. */
  #enter(live: LivePath, url: RtspUrl, track: number, offer: TransportSpec | undefined): SetupResult {
    if (this.#closed) throw new RefusedError("the session is gone");
    const { path, stream } = live;
    const reading: Reading = { path, stream, url, reader: undefined };
    const result = this.#setupTrack(reading, track, offer);
    if (result === undefined) return undefined;
    this.#context.paths.addReader(live, this);
    this.#reading = reading;
    this.#state = "preRead";
    return result;
  }

  #setupTrack({ stream }: Reading, track: number, offer: TransportSpec | undefined): SetupResult {
    if (stream.description.tracks[track] === undefined) {
      throw new ProtocolError(`track ${track} does not exist`);
    }
    if (offer === undefined) return undefined;
    const answer = this.#choose(offer, stream).assign(track, offer, "play");
    const state = stream.log.tracks[track];
    return { ...answer, ...(state?.started === true && { ssrc: state.ssrc }) };
  }

  /** The transport that an offer means: the one the session has, or its first. */
  #choose(offer: TransportSpec, stream: Stream | undefined): SessionTransport {
    const wanted = labelOf(offer);
    const had = this.#transport;
    if (had !== undefined && had.label !== wanted)
      throw new ProtocolError("can't setup medias with different protocols");
    this.#transport ??= openTransport(this.#context, wanted, {
      address: this.#remoteAddress,
      outbox: this.#conn?.outbox,
      stream,
    });
    return this.#transport;
  }

  /**
   * RECORD: the stream becomes available.
   *
   * @throws {ProtocolError} if tracks were not set up
   * @throws {BudgetError} if the media memory is used up
   */
  record(): void {
    checkState("RECORD", this.#state);
    const publishing = this.#publishing;
    if (publishing === undefined) throw new ProtocolError("nothing was announced");
    const { path, description } = publishing;
    const transport = this.#transport;
    if (transport === undefined || transport.size !== description.tracks.length) {
      throw new ProtocolError("not all announced medias have been setup");
    }
    const stream = this.#context.paths.publish(path, this, description, trackSetups(description));
    publishing.media = transport.openPublisher(this.#mediaOptions(stream));
    this.#state = "publish";
    this.#logger.info(`is publishing to path '${path.id}', ${trackList(description.tracks)}`);
  }

  /**
   * PLAY: the reader enters the stream; nothing is sent before `started`.
   *
   * @returns what RTP-Info says
   */
  play(request: RtspRequest): RtpInfo[] {
    checkState("PLAY", this.#state);
    const reading = this.#reading;
    if (reading === undefined) throw new ProtocolError("nothing was set up");
    const name = withoutTrailingSlash(parseRtspUrl(request.url)).path;
    if (name !== reading.path.id) {
      throw new RefusedError(`path has changed, was '${reading.path.id}', now is '${name}'`);
    }
    const { stream, url } = reading;
    const transport = this.#transport;
    if (transport === undefined) throw new ProtocolError("nothing was set up");
    if (reading.reader === undefined) {
      reading.reader = transport.openReader(this.#mediaOptions(stream));
      const tracks = stream.description.tracks.filter((_, i) => transport.has(i));
      this.#logger.info(
        `is reading from path '${reading.path.id}', with ${transport.label}, ${trackList(tracks)}`,
      );
      reading.endHook = reading.path.hooks.reading(this, this.#logger);
    }
    this.#state = "read";
    const base = controlBase(url);
    return reading.reader.rtpInfo((track) => `${base}trackID=${track}`);
  }

  #mediaOptions(stream: Stream): MediaOptions {
    const { clock, ignoredPackets } = this.#context;
    return { stream, logger: this.#logger, clock, ignoredPackets, fault: (error) => this.close(error) };
  }

  /** The response to PLAY is on its way: sender reports follow at once. */
  started(now: number): void {
    this.#reading?.reader?.pump(now);
  }

  /** PAUSE: a reader keeps its transports; a publisher's stream ends, its place stays. */
  pause(): void {
    checkState("PAUSE", this.#state);
    this.#stopReader();
    const publishing = this.#publishing;
    if (this.#state === "publish" && publishing !== undefined) {
      publishing.media?.close();
      publishing.media = undefined;
      publishing.path.endStream();
      this.#state = "prePublish";
    }
    if (this.#state === "read") this.#state = "preRead";
  }

  #stopReader(): void {
    const reading = this.#reading;
    if (reading?.reader === undefined) return;
    reading.endHook?.();
    this.reportLoss();
    this.#sentBefore += reading.reader.bytesSent;
    this.#directBefore += reading.reader.bytesDirect;
    reading.reader.close();
    reading.reader = undefined;
  }

  /** Says what a slow reader has lost since it was last said. Called once a second at most. */
  reportLoss(): void {
    const lost = this.#reading?.reader?.takeLost() ?? 0;
    if (lost > 0) this.#logger.warn(`write queue is full, ${lost} packet${lost === 1 ? "" : "s"} skipped`);
  }

  describe(): JsonObject {
    const { publisher, reader } = this;
    const path = this.#publishing?.path ?? this.#reading?.path;
    return {
      id: this.id,
      created: formatRfc3339(this.created),
      remoteAddr: this.remote,
      state: this.#publishing !== undefined ? "publish" : this.#reading !== undefined ? "read" : "idle",
      path: path?.id ?? "",
      transport: this.active ? (this.#transport?.label ?? null) : null,
      bytesReceived: publisher?.stream.bytesReceived ?? 0,
      bytesSent: this.bytesSent,
      live: sessionStats(this.#rates, publisher, reader),
    };
  }

  losses(): Losses {
    return sessionLosses(this.publisher, this.reader);
  }

  sample(now: number): void {
    this.#rates.sample(this.publisher?.stream.bytesReceived ?? 0, this.bytesSent, now);
  }

  /** A request came. */
  touch(now: number): void {
    this.#lastRequest = now;
  }

  /**
   * Another connection goes on with the session.
   *
   * @throws {ProtocolError} if it may not
   */
  adopt(conn: SessionConn): void {
    if (conn.remoteAddress !== this.#remoteAddress)
      throw new ProtocolError("cannot use a session created with a different IP");
    if (this.#transport === undefined || this.#transport instanceof InterleavedTransport)
      throw new ProtocolError("session is linked to another connection");
    this.#conn = conn;
  }

  /** Its connection is gone: it ends too, unless its packets travel elsewhere. */
  lose(conn: SessionConn, reason: Error): void {
    if (this.#conn !== conn) return;
    this.#conn = undefined;
    if (!this.active || this.#transport instanceof InterleavedTransport) this.end(reason);
  }

  /** Called once a second: ends a session of which nothing is heard. */
  tick(now: number): void {
    this.reportLoss();
    const media = this.#publishing?.media;
    media?.tick(now);
    const { lastReceived } = media ?? {};
    const silent = lastReceived !== undefined && now - lastReceived > this.#context.readTimeout;
    const heard = this.reader?.lastReceived;
    const gone = heard !== undefined && now - Math.max(heard, this.#lastRequest) > READER_TIMEOUT_MS;
    if (silent || gone) this.close(new Error("session timed out"));
  }

  /** Ends the session and its connection. Also how the path ends its clients. */
  close(reason: Error): void {
    if (this.#closed) return;
    this.end(reason);
    this.#conn?.close(reason);
  }

  /** Ends the session alone. */
  end(reason: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopReader();
    this.#reading?.path.removeReader(this);
    const publishing = this.#publishing;
    publishing?.media?.close();
    publishing?.path.removePublisher(this);
    this.#transport?.close();
    this.#context.sessions.delete(this);
    this.#context.keys.delete(this.key);
    this.#logger.info(`destroyed (${reason.message})`);
  }
}

function missing(header: string): never {
  throw new ProtocolError(`${header} header is missing`);
}
