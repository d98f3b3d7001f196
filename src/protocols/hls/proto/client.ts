import { isReadable, isReadableVideo } from "../../../formats/fmp4/codecs.ts";
import { ProtocolError } from "../../../lib/errors.ts";
import type {
  AudioRendition,
  MediaPlaylist,
  MultivariantPlaylist,
  PlaylistSegment,
  VariantStream,
} from "./playlist-reader.ts";

/** Codecs of subtitles and the like, which nothing is missing without. */
const TEXT = /^(?:wvtt|stpp|tx3g|c608|c708|sbtt|stxt|mett|metx)\b/i;

/** The variant stream to fetch, and its codecs that are not supported. */
export interface VariantChoice {
  readonly variant: VariantStream;
  readonly skipped: readonly string[];
}

/**
 * The variant stream to fetch: the one with the highest bandwidth among those whose codecs of pictures and sound are all
 * supported; if there is none, among those of which something can be read, pictures first.
 *
 * @throws {ProtocolError} if there is none
 */
export function chooseVariant({ variants }: MultivariantPlaylist): VariantChoice {
  let best: (VariantChoice & { readonly rank: number }) | undefined;
  for (const variant of variants) {
    const readable = variant.codecs.filter(isReadable);
    const skipped = variant.codecs.filter((name) => !isReadable(name));
    if (variant.codecs.length > 0 && readable.length === 0) continue;
    const isWhole = skipped.every((name) => TEXT.test(name));
    const rank = isWhole ? 2 : readable.some(isReadableVideo) ? 1 : 0;
    const isBetter =
      best === undefined ||
      rank > best.rank ||
      (rank === best.rank && variant.bandwidth > best.variant.bandwidth);
    if (isBetter) best = { variant, skipped, rank };
  }
  if (best === undefined) throw new ProtocolError("no variants with supported codecs found");
  return best;
}

/** The audio rendition of a variant stream: the default one, else one that may be chosen, else the first. */
export function chooseAudio(
  { audio }: MultivariantPlaylist,
  variant: VariantStream,
): AudioRendition | undefined {
  const group = audio.filter((rendition) => rendition.group === variant.audio);
  return (
    group.find(({ isDefault }) => isDefault) ?? group.find(({ isAutoselect }) => isAutoselect) ?? group[0]
  );
}

/** Segments from the live edge at which playback starts, and at which it is too late. */
const START_FROM_END = 3;
const LATE_FROM_END = 5;
/** Shortest and longest interval between playlist reloads, ms. */
const RELOAD_LEAST_MS = 250;
const RELOAD_MOST_MS = 10_000;
/** Target durations that a segment may be late. */
const PATIENCE_TARGETS = 3;

/** What to do next. */
export type FollowerStep =
  | { readonly kind: "segment"; readonly segment: PlaylistSegment }
  /** Reload the playlist at that time, monotonic ms. */
  | { readonly kind: "reload"; readonly at: number }
  | { readonly kind: "end" };

/** Chooses the next segment of a media playlist (RFC 8216 §6.3). */
export class PlaylistFollower {
  readonly #readTimeout: number;
  #playlist: MediaPlaylist | undefined;
  #loadedAt = Number.NEGATIVE_INFINITY;
  /** When the last segment appeared. */
  #changedAt: number | undefined;
  #lastSequence = -1;
  #isFresh = true;
  /** Media sequence number of the next segment. */
  #next: number | undefined;

  /** @param readTimeout longest wait for anything at least, ms */
  constructor(readTimeout: number) {
    this.#readTimeout = readTimeout;
  }

  /** Takes a playlist loaded at `now`. */
  update(loaded: MediaPlaylist, now: number): void {
    const playlist = renumber(loaded, this.#playlist?.segments.at(-1));
    const last = playlist.segments.at(-1)?.sequence ?? -1;
    this.#isFresh = last !== this.#lastSequence;
    if (this.#isFresh || this.#changedAt === undefined) this.#changedAt = now;
    this.#lastSequence = last;
    this.#playlist = playlist;
    this.#loadedAt = now;
  }

  /** Longest segment, s. */
  get targetDuration(): number {
    return this.#playlist?.targetDuration ?? 1;
  }

  /**
   * @throws {ProtocolError} if it must stop
   */
  step(now: number): FollowerStep {
    const playlist = this.#playlist;
    if (playlist === undefined) return { kind: "reload", at: now };
    this.#next ??= this.#start(playlist);
    if (this.#next === undefined) return this.#reload(playlist);
    const { segments, isEnded } = playlist;
    const first = segments[0]?.sequence ?? 0;
    if (this.#next < first) throw new ProtocolError("playback is too late");
    for (;;) {
      const segment = segments[this.#next - first];
      if (segment === undefined) break;
      if (!isEnded && segments.length - (this.#next - first) > LATE_FROM_END) {
        throw new ProtocolError("playback is too late");
      }
      this.#next += 1;
      if (!segment.isGap) return { kind: "segment", segment };
    }
    if (isEnded) return { kind: "end" };
    // caches may serve a slightly older playlist now and then
    if (this.#next > this.#lastSequence + 1 + LATE_FROM_END) {
      throw new ProtocolError("the playlist has restarted");
    }
    if (this.#isOver(playlist)) throw new ProtocolError("next segment not found or not ready yet");
    return this.#reload(playlist);
  }

  /** Sequence number of the first segment to play; undefined while there are too few. */
  #start(playlist: MediaPlaylist): number | undefined {
    const { segments, isEnded } = playlist;
    const there = segments.filter(({ isGap }) => !isGap);
    if (isEnded) {
      if (there[0] === undefined) throw new ProtocolError("no segments found");
      return there[0].sequence;
    }
    const start = there.at(-START_FROM_END);
    if (start !== undefined) return start.sequence;
    if (this.#isOver(playlist)) {
      throw new ProtocolError("there aren't enough segments to fill the buffer");
    }
    return undefined;
  }

  /** Whether no new segment has appeared for some target durations and `readTimeout`. */
  #isOver({ targetDuration }: MediaPlaylist): boolean {
    const wait = Math.max(PATIENCE_TARGETS * 1000 * targetDuration, this.#readTimeout);
    return this.#loadedAt > (this.#changedAt ?? 0) + wait;
  }

  /** A changed playlist is reloaded when its next segment is due, an unchanged one sooner (§6.3.4). */
  #reload({ targetDuration, segments }: MediaPlaylist): FollowerStep {
    const due = Math.min(targetDuration, segments.at(-1)?.duration ?? targetDuration);
    const wait = 1000 * (this.#isFresh ? due : targetDuration / 2);
    return { kind: "reload", at: this.#loadedAt + Math.min(Math.max(wait, RELOAD_LEAST_MS), RELOAD_MOST_MS) };
  }
}

/**
 * Some do not count on when segments leave the playlist (FFmpeg 5.1 with `-hls_flags single_file`): the last segment of
 * the playlist before says what the numbers should be, where it is listed with another one.
 */
function renumber(playlist: MediaPlaylist, last: PlaylistSegment | undefined): MediaPlaylist {
  const same = playlist.segments.findLast((segment) => last !== undefined && isSame(segment, last));
  const drift = same === undefined || last === undefined ? 0 : last.sequence - same.sequence;
  if (drift <= 0) return playlist;
  const segments = playlist.segments.map((each) => ({ ...each, sequence: each.sequence + drift }));
  return { ...playlist, segments };
}

function isSame(a: PlaylistSegment, b: PlaylistSegment): boolean {
  return (
    !a.isGap &&
    !b.isGap &&
    a.uri === b.uri &&
    a.range?.offset === b.range?.offset &&
    a.range?.length === b.range?.length &&
    a.duration === b.duration
  );
}
