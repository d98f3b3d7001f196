import type { MediaMemory } from "../../../wasm/core.ts";
import { looksLikeMp4 } from "../../formats/fmp4/read-init.ts";
import { looksLikePackedAudio } from "../../formats/mpegts/packed-audio.ts";
import { type HttpClient, resolveUrl } from "../../http/client.ts";
import type { Pacer } from "../../ingest/pacer.ts";
import type { Timeline } from "../../ingest/timeline.ts";
import { type Clock, pause } from "../../lib/clock.ts";
import { errorText, SourceError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";
import { shown } from "./proto/attributes.ts";
import { PlaylistFollower } from "./proto/client.ts";
import {
  type MediaPlaylist,
  type MultivariantPlaylist,
  PLAYLIST_BYTES_MAX,
  type PlaylistSegment,
  type Resource,
  readPlaylist,
} from "./proto/playlist-reader.ts";
import type { Container, WantedTracks } from "./source-container.ts";
import { Mp4Container } from "./source-mp4.ts";
import { PackedAudioContainer } from "./source-packed.ts";
import { TsContainer } from "./source-ts.ts";

/** The largest segment and initialization segment, bytes. */
const SEGMENT_BYTES_MAX = 256 * 1024 * 1024;
const INIT_BYTES_MAX = 1024 * 1024;
/** Pauses before a failed request is retried, ms. */
const RETRIES_MS = [300, 1_000];
/** Segments are fetched ahead for so many target durations. */
const AHEAD_TARGETS = 2;
/** Bytes needed to tell the containers apart. */
const SNIFF_BYTES = 8;
const TS_SYNC = 0x47;

/** Shared by the renditions of a source. */
export interface RenditionContext {
  readonly client: HttpClient;
  readonly memory: MediaMemory;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timeline: Timeline;
  readonly pacer: Pacer;
  /** Longest wait for the server, ms. */
  readonly readTimeout: number;
  readonly signal: AbortSignal;
  /** Called when data arrives. */
  readonly progress: () => void;
}

/** A playlist, and the URL that its URIs are relative to. */
export interface LoadedPlaylist {
  readonly playlist: MediaPlaylist | MultivariantPlaylist;
  readonly base: URL;
}

/**
 * Gets a playlist.
 *
 * @throws {SourceError | ProtocolError} if it cannot be had, or is none
 */
export async function loadPlaylist(
  { client, readTimeout, signal }: RenditionContext,
  url: URL,
): Promise<LoadedPlaylist> {
  const { url: base, body } = await client.bytes({
    url,
    limit: PLAYLIST_BYTES_MAX,
    patience: readTimeout,
    signal,
  });
  return { playlist: readPlaylist(new TextDecoder().decode(body)), base };
}

/** Fetches the segments of one media playlist, one after the other. */
export class SourceRendition {
  readonly #context: RenditionContext;
  readonly #url: URL;
  readonly wanted: WantedTracks;
  readonly #follower: PlaylistFollower;
  #base: URL;
  #container: Container | undefined;
  /** The initialization segment in use. */
  #map = "";
  /** First bytes of the segment in progress, while they are too few to detect the container. */
  #head: Uint8Array | undefined;
  /** Segments received. */
  segments = 0;

  /** @param loaded the playlist, if it is already loaded */
  constructor(context: RenditionContext, url: URL, wanted: WantedTracks, loaded?: LoadedPlaylist) {
    this.#context = context;
    this.#url = url;
    this.#base = url;
    this.wanted = wanted;
    this.#follower = new PlaylistFollower(context.readTimeout);
    if (loaded !== undefined) this.#take(loaded);
  }

  get container(): Container | undefined {
    return this.#container;
  }

  #take({ playlist, base }: LoadedPlaylist): void {
    if (playlist.kind !== "media") throw new SourceError("a variant is not a media playlist");
    this.#base = base;
    this.#follower.update(playlist, this.#context.clock.now());
  }

  /**
   * Fetches playlists and segments as needed; resolves at the end of the playlist.
   *
   * @throws {SourceError | ProtocolError | BudgetError} if it must stop
   */
  async run(): Promise<void> {
    const { clock, signal } = this.#context;
    for (;;) {
      const step = this.#follower.step(clock.now());
      if (step.kind === "end") return;
      if (step.kind === "segment") {
        await this.#fetch(step.segment);
        this.segments += 1;
        this.#context.progress();
        continue;
      }
      await pause(clock, step.at - clock.now(), signal);
      const { value } = await this.#retry(() => loadPlaylist(this.#context, this.#url));
      this.#take(value);
    }
  }

  async #fetch(segment: PlaylistSegment): Promise<void> {
    const { client, pacer, signal, readTimeout } = this.#context;
    const target = this.#follower.targetDuration;
    await pacer.room(AHEAD_TARGETS * target);
    signal.throwIfAborted();
    if (segment.map !== undefined) await this.#describe(segment.map);
    const url = resolveUrl(segment.uri, this.#base);
    const patience = readTimeout + 3_000 * target;
    const { range } = segment;
    this.#head = new Uint8Array(0);
    let hasBegun = false;
    const get = () =>
      client.get({ url, range, limit: SEGMENT_BYTES_MAX, patience, signal }, async (chunk) => {
        signal.throwIfAborted();
        hasBegun = true;
        this.#push(chunk, segment);
        this.#context.progress();
        if (pacer.isFull) await pacer.room(Number.POSITIVE_INFINITY);
      });
    await this.#retry(get, () => !hasBegun);
    signal.throwIfAborted();
    if (this.#head !== undefined) throw new SourceError(`segment is too short: ${this.#head.length} bytes`);
    this.#container?.end();
  }

  /** Fetches the initialization segment of a segment, unless it is in use already. */
  async #describe(map: Resource): Promise<void> {
    const url = resolveUrl(map.uri, this.#base);
    const key = `${url.href} ${map.range?.offset} ${map.range?.length}`;
    if (key === this.#map) return;
    const { client, readTimeout, signal, memory, timeline, logger } = this.#context;
    if ((map.range?.length ?? 0) > INIT_BYTES_MAX) throw new SourceError("EXT-X-MAP is too large");
    const request = { url, range: map.range, limit: INIT_BYTES_MAX, patience: readTimeout, signal };
    const { value } = await this.#retry(() => client.bytes(request));
    signal.throwIfAborted();
    this.#container ??= new Mp4Container({ memory, timeline, wanted: this.wanted, logger });
    if (!(this.#container instanceof Mp4Container)) throw new SourceError("the container has changed");
    this.#container.init(value.body);
    this.#map = key;
  }

  #push(chunk: Uint8Array, segment: PlaylistSegment): void {
    if (this.#head === undefined) {
      this.#container?.push(chunk);
      return;
    }
    const head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
    if (head.length < SNIFF_BYTES) {
      this.#head = head.slice();
      return;
    }
    this.#head = undefined;
    const container = this.#containerOf(head, segment);
    container.begin(segment.discontinuity, segment.range?.offset ?? 0);
    container.push(head);
  }

  /** The container for a segment with these first bytes. */
  #containerOf(head: Uint8Array, segment: PlaylistSegment): Container {
    const kind = kindOf(head);
    const { memory, logger } = this.#context;
    if (kind === TsContainer) this.#container ??= new TsContainer(memory, this.wanted, logger);
    else if (kind === PackedAudioContainer)
      this.#container ??= new PackedAudioContainer(memory, this.wanted, logger);
    else if (this.#container === undefined || segment.map === undefined)
      throw new SourceError("fMP4 segments without EXT-X-MAP");
    if (!(this.#container instanceof kind)) throw new SourceError("the container has changed");
    return this.#container;
  }

  /** Retries a failed request: failures of servers and caches are often temporary. */
  async #retry<T>(request: () => Promise<T>, mayRetry = () => true): Promise<{ readonly value: T }> {
    const { clock, signal, logger } = this.#context;
    for (const wait of RETRIES_MS) {
      try {
        return { value: await request() };
      } catch (error) {
        if (signal.aborted || !mayRetry() || !(error instanceof SourceError)) throw error;
        logger.debug(`${errorText(error)}; retrying`);
        await pause(clock, wait, signal);
      }
    }
    return { value: await request() };
  }

  close(): void {
    this.#container?.close();
    this.#container = undefined;
  }
}

/** @throws {SourceError} if the first bytes of a segment are of no container */
function kindOf(head: Uint8Array): typeof Mp4Container | typeof TsContainer | typeof PackedAudioContainer {
  if (head[0] === TS_SYNC) return TsContainer;
  if (looksLikeMp4(head)) return Mp4Container;
  if (looksLikePackedAudio(head)) return PackedAudioContainer;
  const text = shown(new TextDecoder("latin1").decode(head.subarray(0, 40)));
  throw new SourceError(`a segment is neither MPEG-TS nor fMP4: it begins with '${text}'`);
}
