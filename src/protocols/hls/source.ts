import type { MediaMemory } from "../../../wasm/core.ts";
import { trackSetups } from "../../formats/rtp/track-setup.ts";
import { unitFormat } from "../../formats/rtp/unit-formats.ts";
import { HttpClient, resolveUrl } from "../../http/client.ts";
import { Pacer } from "../../ingest/pacer.ts";
import { Timeline } from "../../ingest/timeline.ts";
import type { Cancel, Clock } from "../../lib/clock.ts";
import { BudgetError, errorText, SourceError } from "../../lib/errors.ts";
import { CODECS } from "../../media/codecs.ts";
import type { StreamDescription } from "../../media/track.ts";
import type { RunningSource, SourceFigures, SourceOwner } from "../../path/source.ts";
import { UnitInput } from "../../stream/unit-input.ts";
import { shown } from "./proto/attributes.ts";
import { chooseAudio, chooseVariant } from "./proto/client.ts";
import { isAudio, NoTracksError, type SourceTrack } from "./source-container.ts";
import {
  type LoadedPlaylist,
  loadPlaylist,
  type RenditionContext,
  SourceRendition,
} from "./source-rendition.ts";

/** Longest wait for the end of the first segments, ms. */
const START_MAX_MS = 2_000;

export interface HlsSourceOptions {
  readonly clock: Clock;
  readonly memory: MediaMemory;
  /** Longest wait for the server, ms. */
  readonly readTimeout: number;
}

/** Starts a source with an `http://` or `https://` URL. */
export function startHlsSource(owner: SourceOwner, options: HlsSourceOptions): RunningSource {
  return new HlsSource(owner, options);
}

/** Fetches a stream from an HLS server. */
class HlsSource implements RunningSource {
  readonly #owner: SourceOwner;
  readonly #options: HlsSourceOptions;
  readonly #url: URL;
  readonly #share: MediaMemory;
  readonly #client: HttpClient;
  readonly #abort = new AbortController();
  readonly #pacer: Pacer;
  #renditions: readonly SourceRendition[] = [];
  #input: UnitInput | undefined;
  #timer: Cancel | undefined;
  #hasBegun = false;

  constructor(owner: SourceOwner, options: HlsSourceOptions) {
    this.#owner = owner;
    this.#options = options;
    const url = URL.parse(owner.conf.source);
    if (url === null) throw new SourceError("invalid URL");
    this.#url = url;
    const { readTimeout, clock } = options;
    const fingerprint = owner.conf.sourceFingerprint;
    const share = options.memory.openShare();
    if (share === undefined) throw new BudgetError("the media memory is used up");
    this.#share = share;
    this.#client = new HttpClient({ source: url, fingerprint, timeout: readTimeout });
    this.#pacer = new Pacer(clock, share, (error) => this.#fail(error));
    owner.logger.debug("connecting");
    this.#run().then(
      () => this.#fail(new SourceError("end of stream")),
      (error: Error) => this.#fail(error),
    );
  }

  async #run(): Promise<void> {
    const { clock, readTimeout } = this.#options;
    const context: RenditionContext = {
      client: this.#client,
      memory: this.#share,
      clock,
      logger: this.#owner.logger,
      timeline: new Timeline(),
      pacer: this.#pacer,
      readTimeout,
      signal: this.#abort.signal,
      progress: () => this.#progress(),
    };
    const loaded = await loadPlaylist(context, resolveUrl(this.#url.href, this.#url));
    this.#abort.signal.throwIfAborted();
    this.#renditions = this.#choose(context, loaded);
    await Promise.all(this.#renditions.map((rendition) => this.#follow(rendition)));
    if (this.#input === undefined) throw new SourceError("no supported tracks found");
    this.#begin();
    await this.#pacer.drained();
  }

  /** Fetches a rendition up to its end. One of two that has nothing supported is left out. */
  async #follow(rendition: SourceRendition): Promise<void> {
    try {
      await rendition.run();
    } catch (error) {
      if (!(error instanceof NoTracksError) || this.#renditions.length < 2) throw error;
      this.#owner.logger.warn(`skipping the rendition of ${rendition.wanted}: ${errorText(error)}`);
      this.#renditions = this.#renditions.filter((each) => each !== rendition);
      rendition.close();
      this.#progress();
    }
  }

  #choose(context: RenditionContext, loaded: LoadedPlaylist): SourceRendition[] {
    const { playlist, base } = loaded;
    if (playlist.kind === "media") {
      return [new SourceRendition(context, resolveUrl(this.#url.href, this.#url), "all", loaded)];
    }
    const { variant, skipped } = chooseVariant(playlist);
    const audio = chooseAudio(playlist, variant)?.uri;
    const codecs = shown(variant.codecs.join(","));
    this.#owner.logger.debug(`variant with ${variant.bandwidth} bit/s, codecs '${codecs}'`);
    if (skipped.length > 0) {
      this.#owner.logger.warn(`skipping codecs that are not supported: ${shown(skipped.join(", "))}`);
    }
    const url = resolveUrl(variant.uri, base);
    if (audio === undefined) return [new SourceRendition(context, url, "all")];
    const audioUrl = resolveUrl(audio, base);
    // an audio-only variant is its own rendition
    if (audioUrl.href === url.href) return [new SourceRendition(context, url, "all")];
    return [
      new SourceRendition(context, url, "other than audio"),
      new SourceRendition(context, audioUrl, "audio"),
    ];
  }

  #progress(): void {
    if (this.#input === undefined && this.#renditions.every(({ container }) => container?.tracks)) {
      this.#open();
    }
    if (this.#renditions.every(({ segments }) => segments > 0)) this.#begin();
    this.#pacer.wake();
  }

  /** Makes the stream available. */
  #open(): void {
    const tracks = this.#renditions
      .flatMap(({ container }): readonly SourceTrack[] => container?.tracks ?? [])
      .sort((a, b) => Number(isAudio(a.parameters)) - Number(isAudio(b.parameters)));
    const formats = tracks.map(({ parameters }, i) => unitFormat(parameters, i));
    const description: StreamDescription = {
      title: "",
      tracks: formats.map((format) => ({
        media: CODECS[format.codec].kind,
        mid: undefined,
        formats: [format],
      })),
      fecGroups: [],
    };
    const stream = this.#owner.ready(description, trackSetups(description), this.#share);
    const logs = tracks.map(({ units }) => units);
    this.#input = UnitInput.open(stream, logs, formats);
    this.#pacer.add(tracks);
    this.#timer = this.#options.clock.after(START_MAX_MS, () => this.#begin());
  }

  #begin(): void {
    if (this.#input === undefined || this.#hasBegun || this.#abort.signal.aborted) return;
    this.#hasBegun = true;
    this.#timer?.();
    this.#pacer.begin(this.#input);
  }

  figures(): SourceFigures {
    return this.#renditions.length > 0 ? { transport: "TCP" } : {};
  }

  #fail(error: Error): void {
    if (this.#abort.signal.aborted) return;
    this.close();
    this.#owner.failed(error);
  }

  close(): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort(new SourceError("the source was stopped"));
    this.#timer?.();
    this.#pacer.close();
    this.#input?.close();
    for (const rendition of this.#renditions) rendition.close();
    this.#share.closeShare();
    this.#client.close();
  }
}
