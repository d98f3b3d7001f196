import type { EndHook } from "../../hooks/hooks.ts";
import type { Logger } from "../../lib/log.ts";
import { trackList } from "../../media/track.ts";
import type { Client } from "../../path/client.ts";
import type { Here } from "../../path/directory.ts";
import type { Path } from "../../path/path.ts";
import type { Stream } from "../../stream/stream.ts";
import type { RtpInfo } from "./proto/rtp-info.ts";
import type { SessionState } from "./proto/server-state.ts";
import { controlBase, type RtspUrl } from "./proto/url.ts";
import type { MediaOptions, MediaReader, SessionTransport } from "./transport.ts";

/** The reading side of a session: its place among the readers of the path. */
export class Reading {
  readonly kind = "reading";
  readonly path: Path;
  readonly stream: Stream;
  readonly url: RtspUrl;
  #reader: MediaReader | undefined;
  /** Stops `runOnRead`. */
  #endHook: EndHook | undefined;
  /** Bytes sent before the last PAUSE. */
  #sentBefore = 0;

  constructor({ path, stream }: Here, url: RtspUrl) {
    this.path = path;
    this.stream = stream;
    this.url = url;
  }

  get state(): SessionState {
    return this.#reader === undefined ? "preRead" : "read";
  }

  get query(): string {
    return this.url.query;
  }

  get reader(): MediaReader | undefined {
    return this.#reader;
  }

  /** RTP bytes it was sent. */
  get bytesSent(): number {
    return this.#sentBefore + (this.#reader?.bytesSent ?? 0);
  }

  /**
   * Enters the stream if it has not already; nothing is sent before the next `pump`.
   *
   * @returns content of RTP-Info
   * @throws {BudgetError} if the media memory is used up
   */
  play(transport: SessionTransport, client: Client, options: MediaOptions): RtpInfo[] {
    this.#reader ??= this.#enter(transport, client, options);
    const base = controlBase(this.url);
    return this.#reader.rtpInfo((track) => `${base}trackID=${track}`);
  }

  #enter(transport: SessionTransport, client: Client, options: MediaOptions): MediaReader {
    const { path, stream } = this;
    const { logger } = options;
    const reader = transport.openReader(options);
    const tracks = stream.description.tracks.filter((_, i) => transport.has(i));
    logger.info(`is reading from path '${path.id}', with ${transport.label}, ${trackList(tracks)}`);
    this.#endHook = path.hooks.reading(client, logger);
    return reader;
  }

  /** Leaves the stream; the place stays. */
  pause(logger: Logger): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    this.#endHook?.();
    this.reportLoss(logger);
    this.#sentBefore += reader.bytesSent;
    reader.close();
    this.#reader = undefined;
  }

  /** Logs what a slow reader has lost since the last call. Called at most once a second. */
  reportLoss(logger: Logger): void {
    const lost = this.#reader?.takeLost() ?? 0;
    if (lost > 0) logger.warn(`write queue is full, ${lost} packet${lost === 1 ? "" : "s"} skipped`);
  }

  /** Gives the place back. */
  close(client: Client, logger: Logger): void {
    this.pause(logger);
    this.path.removeReader(client);
  }
}
