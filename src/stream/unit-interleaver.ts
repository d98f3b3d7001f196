import type { UnitLog } from "../../wasm/units.ts";
import { EndError } from "../lib/errors.ts";
import { CODECS } from "../media/codecs.ts";
import type { Format } from "../media/track.ts";
import type { OutputContext, OutputHost } from "./output.ts";
import { UnitOutput, type UnitReader } from "./unit-output.ts";

/** Audio/video shifts below this are not noticeable, ms. */
const VISIBLE_SHIFT_MS = 15;

/** A track of a form that is made of units. */
export interface InterleavedTrack {
  /** Index in the stream. */
  readonly index: number;
  readonly format: Format;
  readonly isVideo: boolean;
  readonly units: UnitLog;
  /** Entry of the next unit. */
  readonly at: number;
  /** Ticks subtracted from its times. */
  readonly origin: number;
}

interface Track extends InterleavedTrack {
  at: number;
  origin: number;
  /** Whether it has an origin: before its first unit it has none. */
  hasOrigin: boolean;
}

export interface InterleaverOptions {
  /** Indexes of the tracks; the first one leads. */
  readonly tracks: readonly number[];
  /** Whether everything can begin at the unit of the leading track that was found: parameters of all tracks are known. */
  readonly mayBegin: () => boolean;
}

/** Whether a format is video. */
export function isVideo(format: Format | undefined): boolean {
  return format !== undefined && CODECS[format.codec].kind === "video";
}

/**
 * The units of several tracks in decoding order, for a muxer: from the first random access point of the leading track on,
 * aligned by wall clock.
 */
export class UnitInterleaver implements UnitReader {
  readonly #context: OutputContext;
  readonly #options: InterleaverOptions;
  readonly #units: UnitOutput;
  readonly #tracks: readonly Track[];
  /** Wall clock of the first unit, ms since 1970. */
  #zero: number | undefined;
  #error: Error | undefined;

  /** @throws {BudgetError} if the media memory is used up */
  constructor(stream: OutputHost, context: OutputContext, options: InterleaverOptions) {
    this.#context = context;
    this.#options = options;
    this.#units = UnitOutput.enter(stream, this, options.tracks);
    this.#tracks = options.tracks.flatMap((index) => {
      const units = this.#units.tracks[index];
      const format = context.description.tracks[index]?.formats[0];
      if (units === undefined || format === undefined) return [];
      const at = units.headSeq;
      return [{ index, format, isVideo: isVideo(format), units, at, origin: 0, hasOrigin: false }];
    });
  }

  /** Those of the tracks that have units. */
  get tracks(): readonly InterleavedTrack[] {
    return this.#tracks;
  }

  needs(index: number): number {
    for (const track of this.#tracks) if (track.index === index) return track.at;
    return this.#units.tracks[index]?.headSeq ?? 0;
  }

  /** Does nothing: the same flush calls `mux`, which takes the units. */
  pump(): void {}

  failed(error: Error): void {
    this.#error = error;
    this.#context.mark();
  }

  /**
   * The track whose next unit comes next; the unit is found in its log. `done` follows.
   *
   * @returns undefined when there is none yet
   * @throws {Error} if the output that made the units has failed
   */
  next(): InterleavedTrack | undefined {
    if (this.#units.readers === 0) throw this.#error ?? new EndError("the stream has no more units");
    for (let track = this.#earliest(); track !== undefined; track = this.#earliest()) {
      if (this.#mayWrite(track)) return track;
      this.done(track);
    }
    return undefined;
  }

  /** The unit that `next` found is not needed any more. */
  done(track: InterleavedTrack): void {
    (track as Track).at = (track.at + track.units.entries) | 0;
  }

  /** The track whose next unit is decoded first; undefined when none has one. */
  #earliest(): Track | undefined {
    let best: Track | undefined;
    let bestTime = Number.POSITIVE_INFINITY;
    for (const track of this.#tracks) {
      if (!track.units.find(track.at)) continue;
      const time = this.#units.wallOf(track.index, track.units.dts);
      if (time >= bestTime) continue;
      best = track;
      bestTime = time;
    }
    return best;
  }

  #mayWrite(track: Track): boolean {
    const { units, index } = track;
    const wall = this.#units.wallOf(index, units.dts);
    const isLeading = track === this.#tracks[0];
    const isStart = isLeading && (units.isKey || !track.isVideo);
    if (isStart && this.#options.mayBegin()) {
      if (this.#zero === undefined) this.#zero = wall;
      else if (track.isVideo) this.#realign();
    }
    if (this.#zero === undefined || wall < this.#zero) return false;
    if (!track.hasOrigin) track.origin = this.#originOf(track);
    track.hasOrigin = true;
    return true;
  }

  /** Aligns the tracks again by the sender reports that have arrived since. */
  #realign(): void {
    const leading = this.#tracks[0] as Track;
    const instants: (number | undefined)[] = [];
    for (const { index, units, at } of this.#tracks) if (units.find(at)) instants[index] = units.dts;
    this.#units.realign(instants, leading.index);
    for (const track of this.#tracks) {
      if (track === leading || !track.hasOrigin) continue;
      const origin = this.#originOf(track);
      const shiftMs = (Math.abs(origin - track.origin) * 1000) / track.units.clockRate;
      if (shiftMs >= VISIBLE_SHIFT_MS) track.origin = origin;
    }
  }

  /** Ticks of a track at the time of the first unit. */
  #originOf({ units, index }: Track): number {
    return Math.round((((this.#zero ?? 0) - this.#units.wallOf(index, 0)) * units.clockRate) / 1000);
  }

  close(): void {
    this.#units.remove(this);
  }
}
