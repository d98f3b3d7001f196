import { RefusedError } from "../lib/errors.ts";
import type { KnownParameters } from "../media/codec-parameters.ts";
import type { Stream } from "../stream/stream.ts";
import { UnitOutput, type UnitReader } from "../stream/unit-output.ts";
import type { MuxerOptions, MuxerOwner, SegmentSink } from "./muxer-options.ts";
import { MuxerTrack } from "./muxer-track.ts";
import { Segmenter } from "./segmenter.ts";
import { SilenceMonitor } from "./silence.ts";
import { TrackAlignment } from "./track-alignment.ts";
import type { ChosenTrack } from "./track-choice.ts";
import { TrackDescriber } from "./track-describer.ts";
import { openWriter, type Writer } from "./writers.ts";

/** The segment in progress and its part. */
interface Progress {
  /** Whether there is a finished part. */
  hasPart: boolean;
  /** Of the segment, bytes; 0 as long as it has no part. */
  size: number;
  /** Start of the part, ms since 1970. */
  partStart: number;
  /** Whether the first unit of the part is a random access point. */
  isIndependent: boolean;
}

/** Makes the segments and parts of a stream, as one of its readers. */
export class Muxer implements UnitReader {
  readonly #segmentMaxSize: number;
  readonly #sink: SegmentSink;
  readonly #owner: MuxerOwner;
  readonly #silence: SilenceMonitor;
  readonly #alignment: TrackAlignment;
  /** The leading one first. */
  readonly #tracks: readonly MuxerTrack[];
  readonly #describer: TrackDescriber;
  readonly #writer: Writer;
  readonly #segmenter: Segmenter;
  /** Undefined before the first unit of the first segment. */
  #progress: Progress | undefined;
  #failed = false;

  /**
   * @throws {RefusedError} if no track is supported
   * @throws {BudgetError} if the media memory is used up
   */
  constructor(stream: Stream, options: MuxerOptions, sink: SegmentSink, owner: MuxerOwner) {
    const { tracks, silent, container } = options;
    this.#segmentMaxSize = options.segmentMaxSize;
    this.#sink = sink;
    this.#owner = owner;
    const indexes = tracks.map(({ index }) => index);
    this.#silence = new SilenceMonitor(stream, indexes, silent);
    this.#segmenter = new Segmenter({ ...options, hasVideo: tracks.some(({ isVideo }) => isVideo) });
    this.#writer = openWriter(container, stream.memory);
    const units = this.#enter(stream, indexes);
    this.#alignment = new TrackAlignment(units);
    this.#tracks = openTracks(tracks, units);
    this.#describer = new TrackDescriber(stream, this.#tracks, owner, options.readTimeout);
    if (this.#tracks.length > 0) return;
    this.close();
    throw new RefusedError("muxer error: no track is supported");
  }

  #enter(stream: Stream, indexes: readonly number[]): UnitOutput {
    try {
      return UnitOutput.enter(stream, this, indexes);
    } catch (error) {
      this.#writer.close();
      throw error;
    }
  }

  /** The tracks with their parameters, once the first part is there. */
  get tracks(): readonly KnownParameters[] {
    return this.#describer.described;
  }

  /** Whether all tracks have sent something. */
  get isSettled(): boolean {
    return this.#silence.isSettled;
  }

  needs(index: number): number {
    const track = this.#tracks.find((each) => each.index === index);
    return track?.from ?? this.#alignment.units.tracks[index]?.headSeq ?? 0;
  }

  pump(now: number): void {
    if (this.#failed) return;
    const [leading] = this.#tracks as readonly [MuxerTrack];
    try {
      while (leading.find()) this.#lead(leading);
      if (this.#progress === undefined) this.#describer.noteMissing();
      for (const track of this.#tracks) if (track !== leading) track.bound(now);
      this.#look(now);
    } catch (error) {
      this.#failed = true;
      this.#owner.clock.soon(() => this.#owner.onFault(error as Error));
    }
  }

  failed(error: Error): void {
    this.#failed = true;
    this.#owner.onFault(error);
  }

  /** Asks for a new muxer when tracks turn out to be silent, or silent ones start. */
  #look(now: number): void {
    const wasSettled = this.isSettled;
    const silent = this.#silence.look(now);
    // parts that are there may have been waiting for this
    if (this.isSettled && !wasSettled && this.#progress?.hasPart === true) this.#owner.onPart();
    if (silent === undefined) return;
    this.#failed = true;
    this.#owner.clock.soon(() => this.#owner.onSilence(silent));
  }

  /** Handles the current unit of the leading track. */
  #lead(leading: MuxerTrack): void {
    const { entries, isKey, dts } = leading.units;
    const time = this.#alignment.wallOf(leading, dts);
    const mayBegin = isKey || !leading.isVideo;
    const isChanged = mayBegin && this.#describe();
    if (this.#progress === undefined && (!mayBegin || this.tracks.length === 0)) {
      this.#describer.noteUnusable(mayBegin);
      leading.drop(entries);
      return;
    }
    const cut = this.#segmenter.next(time, isKey, isChanged);
    if (cut === "start") this.#start(leading, time);
    else if (cut !== "none") this.#endPart(dts, time, mayBegin);
    if (cut === "segment") this.#nextSegment(time);
    if (cut === "part" || cut === "segment") this.#owner.onPart();
    leading.take(entries);
  }

  /** Updates the parameters; true when they differ from those of the parts so far. */
  #describe(): boolean {
    const isFirst = this.tracks.length === 0;
    if (!this.#describer.look()) return false;
    const units = this.#tracks.map((track) => track.units);
    this.#sink.describe(this.#writer.setUp(this.tracks, units));
    return !isFirst;
  }

  /** Starts with the first unit: its time is 0 in the files. */
  #start(leading: MuxerTrack, time: number): void {
    this.#progress = { hasPart: false, size: 0, partStart: time, isIndependent: true };
    this.#alignment.zero = time;
    leading.origin = this.#alignment.originOf(leading);
    this.#sink.begin(time);
  }

  /**
   * Ends the part in progress in front of the unit of the leading track found last.
   *
   * @param isIndependent whether that unit, the first one of the next part, is a random access point
   */
  #endPart(dts: number, time: number, isIndependent: boolean): void {
    const progress = this.#progress as Progress;
    const ranges = this.#tracks.map((track, i) =>
      i === 0 ? track.range(dts) : track.rangeUntil(time, this.#alignment),
    );
    const views = this.#writer.write(ranges, progress.size === 0);
    if (views === undefined) throw new RefusedError("muxer error: a part is too large");
    for (const { length } of views) progress.size += length;
    this.#sink.addPart(views, time - progress.partStart, progress.isIndependent);
    for (const [i, range] of ranges.entries()) this.#tracks[i]?.written(range);
    progress.hasPart = true;
    progress.partStart = time;
    progress.isIndependent = isIndependent;
    if (progress.size > this.#segmentMaxSize)
      throw new RefusedError("muxer error: reached maximum segment size");
  }

  #nextSegment(time: number): void {
    this.#sink.end();
    (this.#progress as Progress).size = 0;
    this.#sink.begin(time);
    this.#alignment.renew(this.#tracks);
  }

  /** Releases what it holds; the segment in progress stays as it is. */
  close(): void {
    this.#failed = true;
    this.#alignment.units.remove(this);
    this.#writer.close();
  }
}

/** The tracks that have units; each starts at the head of its log. */
function openTracks(chosen: readonly ChosenTrack[], { tracks }: UnitOutput): MuxerTrack[] {
  return chosen.flatMap((track, i) => {
    const units = tracks[track.index];
    return units === undefined ? [] : [new MuxerTrack(track, units, i + 1)];
  });
}
