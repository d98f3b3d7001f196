import { formatRfc3339 } from "../../host/rfc3339.ts";
import type { Cancel, Clock } from "../../lib/clock.ts";
import { EndError, errorText } from "../../lib/errors.ts";
import { reportUnexpected } from "../../lib/faults.ts";
import type { Logger } from "../../lib/log.ts";
import { Rate } from "../../lib/rate.ts";
import type { JsonObject, Listed } from "../../lib/registry.ts";
import type { Client } from "../../path/client.ts";
import type { Directory, Here } from "../../path/directory.ts";
import { type Held, HeldRequests } from "./held-requests.ts";
import type { LiveOptions } from "./live-options.ts";
import { LivePlaylist } from "./live-playlist.ts";

/** A muxer without requests for this long is closed, ms. */
const IDLE_MS = 60_000;
const IDLE_LOOK_MS = 1_000;
/** Pause before an automatically created muxer is restarted after an error, ms. */
const AGAIN_MS = 10_000;

export interface PathMuxerOptions {
  readonly path: string;
  readonly paths: Directory;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly playlist: LiveOptions;
  /** Where segments are kept in files; empty to keep them in memory. */
  readonly directory: string;
  /** Address of the first client; undefined for a muxer created automatically, which stays. */
  readonly remoteAddress: string | undefined;
  /** Called when it has ended. */
  readonly onClose: () => void;
}

/** One moment by both clocks, ms. */
interface Moment {
  readonly now: number;
  readonly wall: number;
}

/** The muxer of a path, from the first request to the end of the stream or of the last request's timeout. */
export class PathMuxer implements Listed {
  readonly id: string;
  readonly created: number;
  readonly #options: PathMuxerOptions;
  readonly #client: Client;
  readonly #held = new HeldRequests();
  #live: Here | undefined;
  #playlist: LivePlaylist | undefined;
  #lastRequest: Moment;
  /** Timer of the next idle check, or of the next attempt after an error. */
  #timer: { readonly isRetry: boolean; readonly cancel: Cancel } | undefined;
  readonly #sent = new SentBytes();
  /** Aborted when it is closed. */
  readonly #departure = new AbortController();
  /** Settles when the files of earlier playlists are removed. */
  #filesGone: Promise<void> = Promise.resolve();

  constructor(options: PathMuxerOptions) {
    const { path, clock, logger, remoteAddress } = options;
    this.#options = options;
    this.id = path;
    this.created = clock.wall();
    this.#lastRequest = { now: clock.now(), wall: this.created };
    this.#client = this.#createClient();
    logger.info(
      remoteAddress === undefined ? "created automatically" : `created (requested by ${remoteAddress})`,
    );
    if (remoteAddress !== undefined) this.#lookLater();
  }

  #createClient(): Client {
    const sent = this.#sent;
    return {
      type: "hlsMuxer",
      id: "",
      close: (reason) => this.#end(reason),
      get bytesSent() {
        return sent.total;
      },
    };
  }

  get #isClosed(): boolean {
    return this.#departure.signal.aborted;
  }

  /** Waits for the stream, then starts. */
  async start(): Promise<void> {
    const { paths, path } = this.#options;
    try {
      const live = await paths.open({ name: path, waiter: this.#departure });
      await paths.attach(live, this.#client);
      if (this.#isClosed) {
        live.path.removeReader(this.#client);
        return;
      }
      this.#live = live;
      this.#open(live, new Set());
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  /** Handles a failure. */
  #fail(error: Error): void {
    const { remoteAddress, logger, clock } = this.#options;
    reportUnexpected(logger, error, "the muxer");
    if (this.#isClosed) return;
    if (remoteAddress !== undefined) {
      this.#end(error);
      return;
    }
    logger.error(errorText(error));
    this.#stop();
    const cancel = clock.after(AGAIN_MS, () => {
      this.#timer = undefined;
      void this.start(); // onClose reports its end
    });
    this.#timer = { isRetry: true, cancel };
  }

  /** @param silent tracks that send nothing */
  #open(live: Here, silent: ReadonlySet<number>): void {
    const { clock, logger, playlist, path, directory } = this.#options;
    const owner = {
      clock,
      logger,
      onPart: () => this.#serve(),
      onFault: (error: Error) => this.#fail(error),
      onSilence: (found: ReadonlySet<number>) => this.#openAnew(live, found),
    };
    this.#playlist = new LivePlaylist(
      live.stream,
      directory === "" ? playlist : { ...playlist, files: { directory, path } },
      owner,
      silent,
    );
  }

  #openAnew(live: Here, silent: ReadonlySet<number>): void {
    if (this.#isClosed) return;
    this.#closePlaylist();
    try {
      this.#open(live, silent);
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #lookLater(): void {
    const { clock } = this.#options;
    const cancel = clock.after(IDLE_LOOK_MS, () => {
      const isHeld = this.#held.size > 0 && this.#playlist !== undefined;
      if (isHeld || clock.now() - this.#lastRequest.now < IDLE_MS) this.#lookLater();
      else this.#end(new EndError("not used anymore"));
    });
    this.#timer = { isRetry: false, cancel };
  }

  /** Records a request. */
  requested(): void {
    const { clock } = this.#options;
    this.#lastRequest = { now: clock.now(), wall: clock.wall() };
  }

  sent(bytes: number): void {
    this.#sent.total += bytes;
  }

  /** The current playlist; undefined while waiting for the stream. */
  get playlist(): LivePlaylist | undefined {
    return this.#playlist;
  }

  /** Whether no more requests can be held. */
  get isFull(): boolean {
    return this.#held.isFull;
  }

  /**
   * Resolves when the muxer has what the request asks for.
   *
   * @param signal cancels the request
   */
  hold(held: Held, signal: AbortSignal): Promise<Response> {
    if (this.#isClosed || this.#timer?.isRetry) return Promise.resolve(held.answer(undefined));
    return this.#held.hold(held, signal);
  }

  /** Answers, in one pass, all held requests that can be answered now. */
  #serve(): void {
    const playlist = this.#playlist;
    if (playlist === undefined || this.#held.size === 0) return;
    this.requested();
    this.#held.serve(playlist);
  }

  /** Ends it: held requests are answered, and the stream has a reader less. */
  close(reason: Error): void {
    this.#end(reason);
  }

  #end(reason: Error): void {
    if (this.#isClosed) return;
    this.#departure.abort();
    this.#timer?.cancel();
    this.#stop();
    this.#options.logger.info(`destroyed (${errorText(reason)})`);
    this.#options.onClose();
  }

  /** Releases everything; held requests are answered. */
  #stop(): void {
    this.#closePlaylist();
    this.#live?.path.removeReader(this.#client);
    this.#live = undefined;
    this.#held.end();
  }

  #closePlaylist(): void {
    const playlist = this.#playlist;
    this.#playlist = undefined;
    if (playlist !== undefined) {
      this.#filesGone = Promise.all([this.#filesGone, playlist.close()]).then(() => {});
    }
  }

  /** Settles when its files are removed from disk; call it after `close`. */
  get gone(): Promise<void> {
    return this.#filesGone;
  }

  describe(): JsonObject {
    return {
      path: this.id,
      created: formatRfc3339(this.created),
      lastRequest: formatRfc3339(this.#lastRequest.wall),
      bytesSent: this.#sent.total,
      live: { bitrateOut: this.#sent.bitrate },
    };
  }

  sample(now: number): void {
    this.#sent.sample(now);
  }
}

/** Bytes of responses, and their rate. */
class SentBytes {
  readonly #rate = new Rate();
  total = 0;

  sample(now: number): void {
    this.#rate.sample(this.total, now);
  }

  /** bit/s */
  get bitrate(): number {
    return Math.round(8 * this.#rate.perSecond);
  }
}
