import type { EndHook } from "../../hooks/hooks.ts";
import type { Logger } from "../../lib/log.ts";
import type { ByteRates } from "../../lib/rate.ts";
import type { JsonObject } from "../../lib/registry.ts";
import { trackList } from "../../media/track.ts";
import type { Client } from "../../path/client.ts";
import type { Path } from "../../path/path.ts";
import type { StreamCursor } from "../../stream/cursor.ts";
import type { MuxedOutput } from "../../stream/muxed-output.ts";
import type { Outbox } from "../../stream/outbox.ts";
import { rtmpOutput } from "../../stream/rtmp-output.ts";
import type { Stream } from "../../stream/stream.ts";

export interface ReadingOptions {
  readonly path: Path;
  readonly stream: Stream;
  /** Indexes of the tracks that it gets. */
  readonly tracks: readonly number[];
  readonly outbox: Outbox;
  readonly client: Client;
  readonly logger: Logger;
  /** Ends the connection. */
  readonly fault: (error: Error) => void;
}

/** The reading side of a session: its place among the readers of the path. */
export class Reading {
  readonly state = "read";
  readonly path: Path;
  readonly #options: ReadingOptions;
  readonly #output: MuxedOutput;
  readonly #cursor: StreamCursor;
  /** Stops `runOnRead`. */
  readonly #endHook: EndHook;
  /** Lost packets as of the last log line. */
  #reported = 0;

  /**
   * Enters the stream at its last random access point; nothing is sent before `begin`.
   *
   * @throws {BudgetError} if the media memory is used up
   */
  constructor(options: ReadingOptions) {
    const { path, stream, tracks, outbox, client, logger, fault } = options;
    this.path = path;
    this.#options = options;
    this.#output = rtmpOutput(stream, tracks);
    this.#cursor = this.#output.addByteReader(outbox, { start: "randomAccess", fault });
    const taken = tracks.flatMap((index) => stream.description.tracks[index] ?? []);
    logger.info(`is reading from path '${path.id}', ${trackList(taken)}`);
    this.#endHook = path.hooks.reading(client, logger);
  }

  get bytesSent(): number {
    return this.#cursor.bytesSent;
  }

  get packetsLost(): number {
    return this.#cursor.lostPackets;
  }

  get framesDropped(): number {
    return this.#cursor.lostFrames;
  }

  get lagMs(): number {
    return this.#cursor.lagMs;
  }

  get stalledSince(): number | undefined {
    return this.#cursor.stalledSince;
  }

  begin(now: number): void {
    this.#cursor.pump(now);
  }

  drained(now: number): void {
    this.#cursor.drained(now);
  }

  /** Logs what a slow reader has lost since the last call. Called at most once a second. */
  reportLoss(): void {
    const lost = this.#cursor.lostFrames;
    const since = lost - this.#reported;
    this.#reported = lost;
    if (since === 0) return;
    this.#options.logger.warn(`write queue is full, ${since} frame${since === 1 ? "" : "s"} skipped`);
  }

  live({ bitrateOut }: ByteRates): JsonObject {
    const { packetsLost, framesDropped, lagMs } = this;
    return { bitrateOut, packetsLost, lagMs: Math.max(Math.round(lagMs), 0), framesDropped };
  }

  /** Gives the place back. */
  close(): void {
    this.#endHook();
    this.reportLoss();
    this.#output.remove(this.#cursor);
    this.path.removeReader(this.#options.client);
  }
}
