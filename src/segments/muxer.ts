import type { PartRange, UnitLog } from "../../wasm/units.ts";
import { RefusedError } from "../lib/errors.ts";
import type { InBand, KnownParameters } from "../media/codec-parameters.ts";
import { CODECS } from "../media/codecs.ts";
import type { Stream } from "../stream/stream.ts";
import type { UnitReader, UnitStream } from "../stream/units.ts";
import { ArrivalMarks } from "./arrival-marks.ts";
import type { MuxerOptions, MuxerOwner, SegmentSink } from "./muxer-options.ts";
import { Segmenter } from "./segmenter.ts";
import { SilenceMonitor } from "./silence.ts";
import { type ChosenTrack, describeTrack } from "./track-choice.ts";
import { openWriter, type Writer } from "./writers.ts";

/** A track that runs ahead of the leading one by more loses what is oldest, ms. */
const AHEAD_MAX_MS = 15_000;
/** Sound and picture may be apart by less, ms. */
const VISIBLE_SHIFT_MS = 15;
/** When nothing can be shown for so long, the log says why, ms. */
const BLIND_MS = 10_000;
/** Bytes of a random access point that are looked at. */
const HEAD_BYTES = 4_096;

interface Track extends ChosenTrack {
  readonly units: UnitLog;
  readonly id: number;
  readonly marks: ArrivalMarks;
  /** First entry that is in no part yet, and the next one to be looked at. */
  from: number;
  at: number;
  /** Ticks that its times in the files begin with; undefined before its first unit there. */
  origin: number | undefined;
  /** Whether the first unit of the part in progress is a random access point. */
  isIndependent: boolean;
}

/** Makes the segments and parts of a stream, as one of its readers. */
export class Muxer implements UnitReader {
  readonly #stream: Stream;
  readonly #options: MuxerOptions;
  readonly #sink: SegmentSink;
  readonly #owner: MuxerOwner;
  readonly #silence: SilenceMonitor;
  readonly #units: UnitStream;
  readonly #tracks: readonly Track[];
  readonly #writer: Writer;
  readonly #segmenter: Segmenter;
  #described: readonly KnownParameters[] = [];
  #parametersVersion = -1;
  /** Of the segment in progress, bytes; 0 as long as it has no part. */
  #segmentSize = 0;
  /** Start of the part in progress, ms since 1970. */
  #partStart = 0;
  /** What is 0 in the files, ms since 1970. */
  #zero = 0;
  #started = false;
  #failed = false;
  /** When it is said that nothing can be shown, monotonic ms. */
  #blindTime: number;

  /**
   * @throws {RefusedError} if none of the tracks comes in units
   * @throws {BudgetError} if the media memory is used up
   */
  constructor(stream: Stream, options: MuxerOptions, sink: SegmentSink, owner: MuxerOwner) {
    const { tracks, silent, container } = options;
    this.#stream = stream;
    this.#options = options;
    this.#sink = sink;
    this.#owner = owner;
    this.#blindTime = owner.clock.now() + BLIND_MS;
    const indexes = tracks.map(({ index }) => index);
    this.#silence = new SilenceMonitor(stream, indexes, silent);
    this.#segmenter = new Segmenter({ ...options, hasVideo: tracks.some(({ isVideo }) => isVideo) });
    const writer = openWriter(container, stream.memory);
    this.#writer = writer;
    try {
      this.#units = stream.addUnitReader(this);
    } catch (error) {
      writer.close();
      throw error;
    }
    this.#tracks = tracks.flatMap((track, i) => {
      const units = this.#units.tracks[track.index];
      if (units === undefined) return [];
      const from = units.headSeq;
      const marks = new ArrivalMarks(AHEAD_MAX_MS);
      return [{ ...track, units, id: i + 1, marks, from, at: from, origin: undefined, isIndependent: false }];
    });
    if (this.#tracks.length > 0) return;
    this.close();
    throw new RefusedError("muxer error: none of the tracks comes in units");
  }

  /** The tracks with their parameters, once the first part is there. */
  get tracks(): readonly KnownParameters[] {
    return this.#described;
  }

  /** Whether all tracks have sent something. */
  get isSettled(): boolean {
    return this.#silence.isSettled;
  }

  needs(index: number): number {
    const track = this.#tracks?.find((each) => each.index === index);
    return track?.from ?? (this.#units?.tracks[index]?.headSeq as number) ?? 0;
  }

  pump(now: number): void {
    if (this.#failed || this.#tracks === undefined) return;
    const leading = this.#tracks[0] as Track;
    try {
      while (leading.units.find(leading.at)) this.#lead(leading);
      this.#boundOthers(leading, now);
      this.#look(now);
    } catch (error) {
      this.#failed = true;
      this.#owner.clock.soon(() => this.#owner.onFault(error as Error));
    }
  }

  /** Has the muxer made anew where tracks are silent, or are so no more. */
  #look(now: number): void {
    const silent = this.#silence.look(now);
    if (silent === undefined) return;
    this.#failed = true;
    this.#owner.clock.soon(() => this.#owner.onSilence(silent));
  }

  /** Takes the unit of the leading track that was found. */
  #lead(track: Track): void {
    const { units } = track;
    const { entries, isKey, dts } = units;
    const time = this.#units.wallOf(track.index, dts);
    const mayBegin = isKey || !track.isVideo;
    const isChanged = mayBegin && this.#describe();
    if (!this.#started && (!mayBegin || this.#described.length === 0)) {
      this.#noteBlind(mayBegin);
      track.at = (track.at + entries) | 0;
      track.from = track.at;
      return;
    }
    const cut = this.#segmenter.next(time, isKey, isChanged);
    if (cut === "start") this.#start(time);
    else if (cut !== "none") this.#finishPart(track, dts, time);
    if (cut === "segment") this.#nextSegment(time);
    if (cut !== "none") track.isIndependent = mayBegin;
    if (cut === "part" || cut === "segment") this.#owner.onPart();
    track.at = (track.at + entries) | 0;
  }

  /** Says it once when nothing that could be shown has come for long. */
  #noteBlind(mayBegin: boolean): void {
    if (this.#owner.clock.now() < this.#blindTime) return;
    this.#blindTime = Number.POSITIVE_INFINITY;
    const missing = mayBegin ? "the parameters of its tracks" : "a random access point (key frame)";
    this.#owner.logger.warn(`nothing can be shown yet: the stream has not brought ${missing}`);
  }

  /** Looks at the parameters of all tracks; true when they have changed while parts are there. */
  #describe(): boolean {
    const version = this.#tracks.reduce(
      (sum, { index }) => sum + (this.#stream.log.tracks[index]?.paramsVersion ?? 0),
      0,
    );
    const mayDiffer = this.#tracks.some(({ format }) => CODECS[format.codec].isInKeyFrames);
    if (version === this.#parametersVersion && !mayDiffer) return false;
    this.#parametersVersion = version;
    const described = this.#tracks.map((track) => describeTrack(track, inBandOf(this.#stream, track)));
    if (!described.every((track) => track !== undefined)) return false;
    const init = this.#writer.setUp(
      described,
      this.#tracks.map(({ units }) => units),
    );
    const isFirst = this.#described.length === 0;
    const isNew = !isFirst && !sameTracks(described, this.#described);
    this.#described = described;
    if (isFirst || isNew) this.#sink.describe(init);
    return isNew;
  }

  /** The first frame: all times in the files count from here. */
  #start(time: number): void {
    this.#started = true;
    this.#zero = time;
    this.#partStart = time;
    const leading = this.#tracks[0] as Track;
    leading.from = leading.at;
    leading.origin = this.#originOf(leading);
    this.#sink.begin(time);
  }

  /** Ends the part in progress in front of the unit of the leading track that begins at `time`. */
  #finishPart(leading: Track, dts: number, time: number): void {
    const ranges = this.#tracks.map((track) =>
      track === leading ? this.#range(track, leading.at, dts) : this.#rangeUntil(track, time),
    );
    const views = this.#writer.write(ranges, this.#segmentSize === 0);
    if (views === undefined) throw new Error("muxer error: a part is too large");
    for (const { length } of views) this.#segmentSize += length;
    this.#sink.addPart(views, time - this.#partStart, leading.isIndependent);
    for (const [i, { to }] of ranges.entries()) (this.#tracks[i] as Track).from = to;
    this.#partStart = time;
    if (this.#segmentSize > this.#options.segmentMaxSize) {
      throw new Error("muxer error: reached maximum segment size");
    }
  }

  #range({ units, id, isVideo, from, origin }: Track, to: number, endDts: number): PartRange {
    return { units, id, isVideo, from, to, origin: origin ?? 0, endDts };
  }

  /** What has come of a track before `time` and is known to its end. */
  #rangeUntil(track: Track, time: number): PartRange {
    const { units, index } = track;
    let endDts = 0;
    // what belongs before the first picture may come after it
    while (
      track.from === track.at &&
      units.find(track.at) &&
      this.#units.wallOf(index, units.dts) < this.#zero
    ) {
      track.at = (track.at + units.entries) | 0;
      track.from = track.at;
    }
    if (units.find(track.at)) track.origin ??= this.#originOf(track);
    while (units.find(track.at) && this.#units.wallOf(index, units.dts) < time) {
      const next = (track.at + units.entries) | 0;
      if (!units.find(next)) break;
      track.at = next;
      endDts = units.dts;
    }
    return this.#range(track, track.at, endDts);
  }

  #nextSegment(time: number): void {
    this.#sink.end();
    this.#segmentSize = 0;
    this.#sink.begin(time);
    this.#realign();
  }

  /** With more sender reports the tracks may lie better: a visible shift is taken over between two segments. */
  #realign(): void {
    const leading = this.#tracks[0] as Track;
    const instants: (number | undefined)[] = [];
    for (const { index, units, at } of this.#tracks) if (units.find(at)) instants[index] = units.dts;
    this.#units.realign(instants, leading.index);
    for (const track of this.#tracks) {
      if (track === leading || track.origin === undefined) continue;
      const origin = this.#originOf(track);
      const shiftMs = (Math.abs(origin - track.origin) * 1000) / track.units.clockRate;
      if (shiftMs >= VISIBLE_SHIFT_MS) track.origin = origin;
    }
  }

  /** Ticks of a track at the time that is 0 in the files. */
  #originOf({ units, index }: Track): number {
    return Math.round(((this.#zero - this.#units.wallOf(index, 0)) * units.clockRate) / 1000);
  }

  /** A track that goes on while the leading one is silent must not fill the memory. */
  #boundOthers(leading: Track, now: number): void {
    for (const track of this.#tracks) if (track !== leading) this.#keepRecent(track, now);
  }

  #keepRecent(track: Track, now: number): void {
    const { units, marks } = track;
    const oldest = marks.note(units.headSeq, now);
    if (oldest === undefined) return;
    while (((oldest - track.at) | 0) > 0 && units.find(track.at)) {
      track.at = (track.at + units.entries) | 0;
      track.from = track.at;
    }
  }

  /** Gives back what it holds; the segment in progress stays as it is. */
  close(): void {
    this.#failed = true;
    this.#stream.removeUnitReader(this);
    this.#writer.close();
  }
}

/** What the media have said of a track by the unit that was found last. */
function inBandOf({ log }: Stream, { index, isVideo, units }: Track): InBand {
  const sets = log.tracks[index]?.parameterSets;
  return {
    ...(sets && { sets }),
    ...(isVideo ? { head: units.head(HEAD_BYTES) } : { config: units.audioConfig }),
  };
}

/** Whether tracks have the same parameters. */
function sameTracks(a: readonly KnownParameters[], b: readonly KnownParameters[]): boolean {
  return JSON.stringify(a.map(plain)) === JSON.stringify(b.map(plain));
}

function plain(track: KnownParameters): unknown {
  return Object.fromEntries(
    Object.entries(track).map(([key, value]) => [key, value instanceof Uint8Array ? [...value] : value]),
  );
}
