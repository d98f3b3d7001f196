import { randomBytes, randomUUID } from "node:crypto";
import { gone } from "../../auth/newcomer.ts";
import { formatRfc3339 } from "../../host/rfc3339.ts";
import { type Awaitable, when } from "../../lib/awaitable.ts";
import { attempt, EndError, ProtocolError, RefusedError } from "../../lib/errors.ts";
import { reportUnexpected } from "../../lib/faults.ts";
import type { Logger } from "../../lib/log.ts";
import { ByteRates } from "../../lib/rate.ts";
import type { JsonObject, Listed, Losses } from "../../lib/registry.ts";
import { trackList } from "../../media/track.ts";
import type { Client } from "../../path/client.ts";
import type { IngestReporter } from "../../stream/ingest.ts";
import type { Stream } from "../../stream/stream.ts";
import type { RtspContext } from "./context.ts";
import type { InterleavedInput } from "./interleaved-input.ts";
import { parseReaderControl } from "./proto/control.ts";
import type { RtspRequest } from "./proto/request.ts";
import type { RtpInfo } from "./proto/rtp-info.ts";
import { checkState, type SessionState } from "./proto/server-state.ts";
import { parseTransport, type TransportSpec } from "./proto/transport-header.ts";
import { parseRtspUrl, type RtspUrl, withoutTrailingSlash } from "./proto/url.ts";
import type { SessionConn } from "./session-conn.ts";
import { Publishing, readAnnouncement } from "./session-publishing.ts";
import { Reading } from "./session-reading.ts";
import { sessionLosses, sessionStats } from "./session-stats.ts";
import {
  InterleavedTransport,
  type MediaOptions,
  type MediaReader,
  type SessionTransport,
} from "./transport.ts";
import { chooseOffer, labelOf, openTransport } from "./transport-choice.ts";

/** The transport of a track; undefined when none of those offered is available. */
export type SetupResult = TransportSpec | undefined;

/** A UDP reader without requests or RTCP times out after this, ms. */
const READER_TIMEOUT_MS = 60_000;

/** What sessions share with each other, and with the connections that look them up. */
export interface SessionContext extends RtspContext {
  /** Sessions by the value of their Session header. */
  readonly keys: Map<string, RtspSession>;
}

/** One exchange between SETUP or ANNOUNCE and TEARDOWN: a publisher or a reader. */
export class RtspSession implements Listed, Client {
  readonly id = randomUUID();
  /** Value of the Session header. */
  readonly key = randomBytes(16).toString("hex");
  readonly created: number;
  /** Address of the client that created it. */
  readonly #origin: Pick<SessionConn, "remote" | "remoteAddress">;
  /** The connection whose requests it handles; undefined once that is closed. */
  #conn: SessionConn | undefined;
  readonly #context: SessionContext;
  readonly #logger: Logger;
  #transport: SessionTransport | undefined;
  #lastRequest: number;
  /** Undefined until it has a place on a path. */
  #role: Publishing | Reading | undefined;
  readonly #rates = new ByteRates();
  #closed = false;

  constructor(context: SessionContext, conn: SessionConn) {
    const { remote, remoteAddress } = conn;
    this.#context = context;
    this.#conn = conn;
    this.#origin = { remote, remoteAddress };
    this.#lastRequest = context.clock.now();
    this.created = context.clock.wall();
    this.#logger = context.logger.child(`session ${this.id.slice(0, 8)}`);
    this.#logger.info(`created by ${remote}`);
    context.sessions.add(this);
    context.keys.set(this.key, this);
  }

  get type(): "rtspSession" | "rtspsSession" {
    return this.#context.secure ? "rtspsSession" : "rtspSession";
  }

  /** Address and port of the client that created it. */
  get remote(): string {
    return this.#origin.remote;
  }

  get #publishing(): Publishing | undefined {
    return this.#role?.kind === "publishing" ? this.#role : undefined;
  }

  get #reading(): Reading | undefined {
    return this.#role?.kind === "reading" ? this.#role : undefined;
  }

  /** Whether it publishes, from ANNOUNCE on. */
  get isPublishing(): boolean {
    return this.#role?.kind === "publishing";
  }

  /** Of the URL of what it publishes or reads. */
  get query(): string {
    return this.#role?.query ?? "";
  }

  get state(): SessionState {
    return this.#role?.state ?? "initial";
  }

  get publisher(): IngestReporter | undefined {
    return this.#publishing?.publisher;
  }

  /** Takes the packets of a publisher that come over the connection. */
  get interleaved(): InterleavedInput | undefined {
    return this.#publishing?.interleaved;
  }

  /** Value of the Session header (RFC 2326 §12.37). */
  get header(): string {
    const isSilent = this.#reading !== undefined && !(this.#transport instanceof InterleavedTransport);
    return isSilent ? `${this.key};timeout=${READER_TIMEOUT_MS / 1000}` : this.key;
  }

  get reader(): MediaReader | undefined {
    return this.#reading?.reader;
  }

  /** RTP bytes it was sent. */
  get bytesSent(): number {
    return this.#reading?.bytesSent ?? 0;
  }

  get framesDropped(): number {
    return this.reader?.framesDropped ?? 0;
  }

  get lagMs(): number {
    return this.reader?.lagMs ?? 0;
  }

  /** Whether media flows. */
  get active(): boolean {
    return this.state === "read" || this.state === "publish";
  }

  /**
   * ANNOUNCE: takes the publisher's place of the path.
   *
   * @throws {ProtocolError} if the description is not usable
   * @throws {RefusedError} if the path rejects the publisher, or the session ends meanwhile
   */
  announce(request: RtspRequest): Awaitable<void> {
    checkState("ANNOUNCE", this.state);
    const announcement = readAnnouncement(request);
    return when(this.#context.directory.claim(announcement.url.path, this), (path) => {
      if (this.#closed) {
        path.removePublisher(this);
        throw gone();
      }
      for (const note of announcement.notes) this.#logger.warn(note);
      this.#role = new Publishing(path, announcement);
    });
  }

  /**
   * SETUP: gives one track its transport.
   *
   * @returns the Transport header of the response; undefined when none of those offered is available
   * @throws {ProtocolError | RefusedError | NoStreamError} if the track or the transport cannot be had
   */
  setup(request: RtspRequest): Awaitable<SetupResult> {
    checkState("SETUP", this.state);
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
    const track = publishing.trackOf(url, (each) => this.#transport?.has(each) === true);
    const unicast = offers.filter(({ delivery }) => delivery !== "multicast");
    const offer = chooseOffer(this.#context, unicast);
    if (offer === undefined) return undefined;
    if (offer.mode !== "record") {
      throw new ProtocolError(`transport header contains a invalid mode (${offer.mode ?? "none"})`);
    }
    return this.#choose(offer, undefined).assign(track, offer, "record");
  }

  #setupReader(whole: RtspUrl, offers: readonly TransportSpec[]): Awaitable<SetupResult> {
    const { path: name, query, track } = parseReaderControl(whole);
    const before = this.#reading;
    if (before !== undefined && before.url.path !== name) {
      throw new ProtocolError("can't setup medias with different paths");
    }
    const offer = chooseOffer(this.#context, offers);
    if (offer?.mode === "record")
      throw new ProtocolError("transport header contains a invalid mode (record)");
    if (before !== undefined) return this.#setupTrack(before, track, offer);
    return this.#enter({ ...whole, path: name, query }, track, offer);
  }

  /** The first track of a reader: it is attached to the path. */
  #enter(url: RtspUrl, track: number, offer: TransportSpec | undefined): Awaitable<SetupResult> {
    const { directory } = this.#context;
    const { path: name, query } = url;
    const opened = directory.open({ name, query, ...(this.#conn && { waiter: this.#conn.visitor }) });
    return when(opened, (here): Awaitable<SetupResult> => {
      if (this.#closed) throw gone();
      const reading = new Reading(here, url);
      const result = this.#setupTrack(reading, track, offer);
      if (result === undefined) return undefined;
      return when(directory.attach(here, this), () => this.#attached(reading, result));
    });
  }

  #attached(reading: Reading, result: SetupResult): SetupResult {
    if (this.#closed) {
      reading.path.removeReader(this);
      throw gone();
    }
    this.#role = reading;
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

  /** The transport for an offer: the session's own, or a new one for its first track. */
  #choose(offer: TransportSpec, stream: Stream | undefined): SessionTransport {
    const wanted = labelOf(offer);
    const had = this.#transport;
    if (had !== undefined && had.label !== wanted)
      throw new ProtocolError("can't setup medias with different protocols");
    this.#transport ??= openTransport(this.#context, wanted, {
      address: this.#origin.remoteAddress,
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
   * @throws {RefusedError} if the place is lost, or the session ends meanwhile
   */
  record(): Awaitable<void> {
    checkState("RECORD", this.state);
    const publishing = this.#publishing;
    if (publishing === undefined) throw new ProtocolError("no ANNOUNCE before RECORD");
    const transport = this.#transport;
    if (transport === undefined || !publishing.isSetUp(transport)) {
      throw new ProtocolError("not all announced medias have been setup");
    }
    return when(publishing.record(this.#context.directory, this), (stream) => {
      if (this.#closed) throw gone(); // its place and its stream were released with the session
      publishing.begin(transport.openPublisher(this.#mediaOptions(stream)));
      const { path, description } = publishing;
      this.#logger.info(`is publishing to path '${path.id}', ${trackList(description.tracks)}`);
    });
  }

  /**
   * PLAY: the reader enters the stream; nothing is sent before `started`.
   *
   * @returns value of the RTP-Info header
   */
  play(request: RtspRequest): RtpInfo[] {
    checkState("PLAY", this.state);
    const reading = this.#reading;
    if (reading === undefined) throw new ProtocolError("no medias have been setup");
    checkPath(request.url, reading.path.id);
    const transport = this.#transport;
    if (transport === undefined) throw new ProtocolError("no medias have been setup");
    return reading.play(transport, this, this.#mediaOptions(reading.stream));
  }

  #mediaOptions(stream: Stream): MediaOptions {
    const { clock, ignoredPackets } = this.#context;
    const fault = (error: Error) => {
      reportUnexpected(this.#logger, error, "the media of a session");
      this.close(error);
    };
    return { stream, logger: this.#logger, clock, ignoredPackets, fault };
  }

  /** Starts sending, once the response to PLAY is written. */
  started(now: number): void {
    this.reader?.pump(now);
  }

  /** PAUSE: a reader keeps its transports; a publisher's stream ends, its place stays. */
  pause(): void {
    checkState("PAUSE", this.state);
    this.#role?.pause(this.#logger);
  }

  describe(): JsonObject {
    const { publisher, reader } = this;
    return {
      id: this.id,
      created: formatRfc3339(this.created),
      remoteAddr: this.remote,
      state: this.#role === undefined ? "idle" : this.isPublishing ? "publish" : "read",
      path: this.#role?.path.id ?? "",
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

  /** Called for each request. */
  touch(now: number): void {
    this.#lastRequest = now;
  }

  /**
   * Moves the session to another connection.
   *
   * @throws {ProtocolError} if it may not
   */
  adopt(conn: SessionConn): void {
    if (conn.remoteAddress !== this.#origin.remoteAddress)
      throw new ProtocolError("cannot use a session created with a different IP");
    if (this.#transport === undefined || this.#transport instanceof InterleavedTransport)
      throw new ProtocolError("session is linked to another connection");
    this.#conn = conn;
  }

  /** Its connection is closed: the session ends too, unless its packets use another transport. */
  lose(conn: SessionConn, reason: Error): void {
    if (this.#conn !== conn) return;
    this.#conn = undefined;
    if (!this.active || this.#transport instanceof InterleavedTransport) this.end(reason);
  }

  /** Called once a second: ends a session that has timed out. */
  tick(now: number): void {
    this.#reading?.reportLoss(this.#logger);
    const isSilent = this.#publishing?.tick(now, this.#context.readTimeout) === true;
    const heard = this.reader?.lastReceived;
    const isGone = heard !== undefined && now - Math.max(heard, this.#lastRequest) > READER_TIMEOUT_MS;
    if (isSilent || isGone) this.close(new EndError("session timed out"));
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
    this.#role?.close(this, this.#logger);
    this.#transport?.close();
    this.#context.sessions.delete(this);
    this.#context.keys.delete(this.key);
    this.#logger.info(`destroyed (${reason.message})`);
  }
}

/** @throws {ProtocolError | RefusedError} if the URL of a PLAY is neither the stream's, nor that of one of its tracks */
function checkPath(text: string, path: string): void {
  if (text === "*") return;
  const url = parseRtspUrl(text);
  const name = withoutTrailingSlash(url).path;
  if (name === path || attempt(() => parseReaderControl(url))?.path === path) return;
  throw new RefusedError(`path has changed, was '${path}', now is '${name}'`);
}

function missing(header: string): never {
  throw new ProtocolError(`${header} header is missing`);
}
