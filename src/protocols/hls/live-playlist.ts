import { randomBytes } from "node:crypto";
import { formatRfc3339 } from "../../host/rfc3339.ts";
import { RefusedError } from "../../lib/errors.ts";
import type { KnownParameters } from "../../media/codec-parameters.ts";
import { type Track, trackList } from "../../media/track.ts";
import { Muxer } from "../../segments/muxer.ts";
import type { MuxerOwner, SegmentSink } from "../../segments/muxer-options.ts";
import { SegmentFiles } from "../../segments/segment-files.ts";
import { type ChosenTrack, chooseTracks } from "../../segments/track-choice.ts";
import type { Stream } from "../../stream/stream.ts";
import { checkCount, type LiveOptions, LOW_LATENCY_SEGMENTS_MIN } from "./live-options.ts";
import type { Variant } from "./proto/playlist.ts";
import { PlaylistTexts } from "./proto/texts.ts";
import { SegmentWindow } from "./proto/window.ts";

/** Part duration when the playlist does not list parts, ms. */
const PIECE_MS = 500;

const NO_CODEC =
  "the stream doesn't contain any supported codec, which are currently H265, H264, Opus, MPEG-4 Audio";

/** The playlist of a stream: its segments and parts, and the texts that list them. */
export class LivePlaylist implements SegmentSink {
  /** Prefix of all file names. */
  readonly prefix = randomBytes(6).toString("hex");
  readonly window: SegmentWindow;
  readonly texts: PlaylistTexts;
  readonly #variant: Variant;
  readonly #muxer: Muxer;
  readonly #files: SegmentFiles | undefined;

  /**
   * @param silent tracks without data, skipped until they send some
   * @throws {RefusedError} if the stream has no track for it, or the configuration does not fit
   * @throws {BudgetError} if the media memory is used up
   */
  constructor(
    stream: Stream,
    options: LiveOptions,
    owner: MuxerOwner,
    silent: ReadonlySet<number> = new Set(),
  ) {
    const { variant, segmentCount, segmentDuration, partDuration, segmentMaxSize, budget } = options;
    const isLowLatency = variant === "lowLatency";
    checkCount(variant, segmentCount);
    const tracks = choose(stream, owner, silent);
    if (variant === "mpegts") checkCodecs(tracks);
    this.#variant = variant;
    this.window = new SegmentWindow({
      count: segmentCount,
      gaps: isLowLatency ? LOW_LATENCY_SEGMENTS_MIN : 0,
      budget,
    });
    this.texts = new PlaylistTexts(this.window, variant, { prefix: this.prefix, time: formatRfc3339 });
    const extension = variant === "mpegts" ? "ts" : "mp4";
    const nameOf = (id: number) => `${this.prefix}_seg${id}.${extension}`;
    this.#files = options.files && new SegmentFiles({ ...options.files, logger: owner.logger, nameOf });
    const form = {
      tracks,
      silent,
      container: variant === "mpegts" ? variant : ("fmp4" as const),
      segmentDuration,
      partDuration: isLowLatency ? partDuration : PIECE_MS,
      isAdjusting: isLowLatency,
      segmentMaxSize,
      readTimeout: options.readTimeout,
    };
    this.#muxer = new Muxer(stream, form, this, owner);
  }

  /** The tracks with their parameters, once the first part is there. */
  get tracks(): readonly KnownParameters[] {
    return this.#muxer.tracks;
  }

  /** Whether the playlist has enough segments to be played. */
  get hasContent(): boolean {
    const least = this.#variant === "fmp4" ? 2 : 1;
    return this.window.wholeCount >= least && this.#muxer.isSettled;
  }

  describe(init: Uint8Array<ArrayBuffer>): void {
    this.window.describe(init);
  }

  begin(start: number): void {
    this.window.begin(start);
  }

  addPart(bytes: readonly Uint8Array[], duration: number, isIndependent: boolean): void {
    this.window.addPart(new Blob(bytes as Uint8Array<ArrayBuffer>[]), duration, isIndependent);
  }

  end(): void {
    const segment = this.window.open;
    this.window.end();
    if (segment?.bytes !== undefined) this.#files?.add(segment.id, segment.bytes, this.window);
  }

  /** @returns a promise for the removal of its files; everything else is released at once */
  close(): Promise<void> {
    this.#muxer.close();
    this.window.close();
    return this.#files?.close() ?? Promise.resolve();
  }
}

/** Chooses the tracks and logs the choice. */
function choose(stream: Stream, { logger }: MuxerOwner, silent: ReadonlySet<number>): readonly ChosenTrack[] {
  const { chosen, skipped } = chooseTracks(stream, silent, "HLS");
  if (chosen.length === 0) throw new RefusedError(NO_CODEC);
  if (skipped.length > 0) logger.warn(`skipping ${skipped.join("; ")}`);
  const tracks = chosen.map(({ index }) => stream.description.tracks[index] as Track);
  logger.info(`is converting into HLS, ${trackList(tracks)}`);
  return chosen;
}

/** Players expect H264 and AAC in MPEG-TS, whatever else it can carry. */
function checkCodecs(tracks: readonly ChosenTrack[]): void {
  for (const { format, isVideo } of tracks) {
    if (["h264", "mpeg4Audio"].includes(format.codec)) continue;
    const only = isVideo ? "H264 video" : "MPEG-4 Audio";
    throw new RefusedError(
      `muxer error: the MPEG-TS variant of HLS only supports ${only}. Use the fMP4 or Low-Latency variants instead`,
    );
  }
}
