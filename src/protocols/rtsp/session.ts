import { randomBytes, randomUUID } from "node:crypto";
import { describeStream } from "../../formats/rtp/description.ts";
import { trackSetups } from "../../formats/rtp/track-setup.ts";
import { parseSdp } from "../../formats/sdp/parse.ts";
import { formatRfc3339 } from "../../host/rfc3339.ts";
import { ProtocolError, RefusedError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";
import type { JsonObject, Listed } from "../../lib/registry.ts";
import { type StreamDescription, trackList } from "../../media/track.ts";
import type { Path } from "../../path/path.ts";
import type { Outbox } from "../../stream/outbox.ts";
import type { Stream } from "../../stream/stream.ts";
import type { RtspContext } from "./context.ts";
import { ChannelTable } from "./proto/channels.ts";
import { findPublisherTrack, parseReaderControl } from "./proto/control.ts";
import type { RtspRequest } from "./proto/request.ts";
import type { RtpInfo } from "./proto/rtp-info.ts";
import { checkState, type SessionState } from "./proto/server-state.ts";
import { type Pair, parseTransport, type TransportSpec } from "./proto/transport-header.ts";
import { controlBase, parseRtspUrl, type RtspUrl, withoutTrailingSlash } from "./proto/url.ts";
import { RtspPublisher } from "./publisher.ts";
import { RtspReader } from "./reader.ts";

/** The connection a session was made on, as the session needs it. */
export interface SessionConn {
  readonly remote: string;
  readonly outbox: Outbox;
  /** Ends the connection, and with it the session. */
  close(reason: Error): void;
}

/** What a session announced and what came of it. */
interface Publishing {
  readonly path: Path;
  readonly url: RtspUrl;
  readonly description: StreamDescription;
  readonly controls: readonly (string | undefined)[];
  publisher: RtspPublisher | undefined;
}

/** What a session reads. */
interface Reading {
  readonly path: Path;
  readonly stream: Stream;
  readonly url: RtspUrl;
  reader: RtspReader | undefined;
}

/** The transport of a track that was set up; undefined when none of those offered is to be had. */
export type SetupResult = { readonly pair: Pair; readonly ssrc: number | undefined } | undefined;

/** One exchange between SETUP or ANNOUNCE and TEARDOWN: a publisher or a reader. */
export class RtspSession implements Listed {
  readonly type = "rtspSession";
  readonly id = randomUUID();
  /** What the Session header says. */
  readonly key = randomBytes(16).toString("hex");
  readonly created: number;
  readonly conn: SessionConn;
  readonly #context: RtspContext;
  readonly #logger: Logger;
  readonly #channels = new ChannelTable();
  #state: SessionState = "initial";
  #publishing: Publishing | undefined;
  #reading: Reading | undefined;
  /** RTP bytes of readers that were paused. */
  #sentBefore = 0;
  #directBefore = 0;
  #closed = false;

  constructor(context: RtspContext, conn: SessionConn) {
    this.#context = context;
    this.conn = conn;
    this.created = context.clock.wall();
    this.#logger = context.logger.child(`session ${this.id.slice(0, 8)}`);
    this.#logger.info(`created by ${conn.remote}`);
    context.sessions.add(this);
    context.keys.set(this.key, this);
  }

  get state(): SessionState {
    return this.#state;
  }

  get publisher(): RtspPublisher | undefined {
    return this.#publishing?.publisher;
  }

  get reader(): RtspReader | undefined {
    return this.#reading?.reader;
  }

  /** Bytes that went to the socket past the connection's own count. */
  get bytesDirect(): number {
    return this.#directBefore + (this.reader?.bytesDirect ?? 0);
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
    this.#publishing = { path, url, description, controls, publisher: undefined };
    this.#state = "prePublish";
  }

  /**
   * SETUP: gives one track its transport.
   *
   * @throws {ProtocolError | RefusedError | NoStreamError} if the track or the transport cannot be had
   */
  setup(request: RtspRequest): SetupResult {
    checkState("SETUP", this.#state);
    const url = parseRtspUrl(request.url);
    const offers = parseTransport(request.headers.get("Transport") ?? missing("Transport"));
    const publishing = this.#publishing;
    const offer = offers.find((spec) => spec.protocol === "tcp" && this.#context.tcp);
    if (publishing !== undefined) return this.#setupPublisher(publishing, url, offer);
    return this.#setupReader(url, offer);
  }

  #setupPublisher(publishing: Publishing, url: RtspUrl, offer: TransportSpec | undefined): SetupResult {
    const track = findPublisherTrack(url, publishing.url, publishing.controls);
    if (track === undefined) throw new ProtocolError(`media not found: ${url.path}`);
    if (offer === undefined) return undefined;
    if (offer.mode !== "record") {
      throw new ProtocolError(`transport header contains a invalid mode (${offer.mode ?? "none"})`);
    }
    return { pair: this.#channels.assign(track, offer.interleaved), ssrc: undefined };
  }

  #setupReader(url: RtspUrl, offer: TransportSpec | undefined): SetupResult {
    const { path: name, query, track } = parseReaderControl(url);
    const before = this.#reading;
    if (before !== undefined && before.url.path !== name) {
      throw new ProtocolError("can't setup medias with different paths");
    }
    if (offer?.mode === "record")
      throw new ProtocolError("transport header contains a invalid mode (record)");
    const { stream } = before ?? this.#context.paths.describe(name);
    const media = stream.description.tracks[track];
    if (media === undefined) throw new ProtocolError(`track ${track} does not exist`);
    if (offer === undefined) return undefined;
    const pair = this.#channels.assign(track, offer.interleaved);
    if (before === undefined) {
      const { path } = this.#context.paths.addReader(name, this);
      this.#reading = { path, stream, url: { ...url, path: name, query }, reader: undefined };
      this.#state = "preRead";
    }
    const state = stream.log.tracks[track];
    return { pair, ssrc: state?.started === true ? state.ssrc : undefined };
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
    if (this.#channels.size !== description.tracks.length) {
      throw new ProtocolError("not all announced medias have been setup");
    }
    const stream = this.#context.paths.publish(path, this, description, trackSetups(description));
    const { clock } = this.#context;
    publishing.publisher = new RtspPublisher(stream, this.#channels, this.#logger, clock);
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
    if (reading.reader === undefined) {
      reading.reader = new RtspReader(stream, this.conn.outbox, this.#channels, (error) =>
        this.conn.close(error),
      );
      const tracks = stream.description.tracks.filter((_, i) => this.#channels.get(i) !== undefined);
      this.#logger.info(`is reading from path '${reading.path.id}', with TCP, ${trackList(tracks)}`);
    }
    this.#state = "read";
    const base = controlBase(url);
    return reading.reader.rtpInfo((track) => `${base}trackID=${track}`);
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
      publishing.publisher?.close();
      publishing.publisher = undefined;
      publishing.path.endStream();
      this.#state = "prePublish";
    }
    if (this.#state === "read") this.#state = "preRead";
  }

  #stopReader(): void {
    const reading = this.#reading;
    if (reading?.reader === undefined) return;
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
      remoteAddr: this.conn.remote,
      state: this.#publishing !== undefined ? "publish" : this.#reading !== undefined ? "read" : "idle",
      path: path?.id ?? "",
      transport: this.active ? "TCP" : null,
      bytesReceived: publisher?.stream.bytesReceived ?? 0,
      bytesSent: this.#sentBefore + (reader?.bytesSent ?? 0),
      live: {
        packetsLost: publisher?.packetsLost ?? reader?.packetsLost ?? 0,
        framesDropped: reader?.framesDropped ?? 0,
      },
    };
  }

  /** Ends the session and its connection. Also how the path ends its clients. */
  close(reason: Error): void {
    if (this.#closed) return;
    this.end(reason);
    this.conn.close(reason);
  }

  /** Ends the session alone. */
  end(reason: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopReader();
    this.#reading?.path.removeReader(this);
    const publishing = this.#publishing;
    publishing?.publisher?.close();
    publishing?.path.removePublisher(this);
    this.#context.sessions.delete(this);
    this.#context.keys.delete(this.key);
    this.#logger.info(`destroyed (${reason.message})`);
  }
}

function missing(header: string): never {
  throw new ProtocolError(`${header} header is missing`);
}
