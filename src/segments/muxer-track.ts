import type { PartRange, UnitLog } from "../../wasm/units.ts";
import type { Format } from "../media/track.ts";
import { ArrivalMarks } from "./arrival-marks.ts";
import type { TrackAlignment } from "./track-alignment.ts";
import type { ChosenTrack } from "./track-choice.ts";

/** Units that wait longer for the leading track are dropped, ms. */
const WAIT_MAX_MS = 15_000;

/** A track of a muxer and its position in the log of units. */
export class MuxerTrack implements ChosenTrack {
  readonly index: number;
  readonly format: Format;
  readonly isVideo: boolean;
  readonly units: UnitLog;
  /** Number in the files, from 1. */
  readonly id: number;
  readonly #marks = new ArrivalMarks(WAIT_MAX_MS);
  /** First entry that is not in a finished part, and the next one to look at. */
  #from: number;
  #at: number;
  /** Ticks of time 0 in the files; undefined before its first unit. */
  origin: number | undefined;

  constructor({ index, format, isVideo }: ChosenTrack, units: UnitLog, id: number) {
    this.index = index;
    this.format = format;
    this.isVideo = isVideo;
    this.units = units;
    this.id = id;
    this.#from = units.headSeq;
    this.#at = this.#from;
  }

  /** First entry that is not in a finished part. */
  get from(): number {
    return this.#from;
  }

  /** Finds the next unit to look at; false when it has not arrived. */
  find(): boolean {
    return this.units.find(this.#at);
  }

  /** Moves past the unit found last, of `entries`: it belongs to the part in progress. */
  take(entries: number): void {
    this.#at = (this.#at + entries) | 0;
  }

  /** Drops the unit found last, of `entries`, and everything in front of it. */
  drop(entries: number): void {
    this.take(entries);
    this.#from = this.#at;
  }

  /** Releases the units of a finished part. */
  written({ to }: PartRange): void {
    this.#from = to;
  }

  /**
   * The units of the part in progress.
   *
   * @param endDts decoding time of the unit behind them, ticks
   */
  range(endDts: number): PartRange {
    const { units, id, isVideo, origin } = this;
    return { units, id, isVideo, from: this.#from, to: this.#at, origin: origin ?? 0, endDts };
  }

  /** The units in front of `time`, ms since 1970, whose duration is known. */
  rangeUntil(time: number, alignment: TrackAlignment): PartRange {
    const { units } = this;
    let endDts = 0;
    // audio from before the first picture may arrive after it
    while (this.#from === this.#at && this.find() && alignment.wallOf(this, units.dts) < alignment.zero) {
      this.drop(units.entries);
    }
    if (this.find()) this.origin ??= alignment.originOf(this);
    while (this.find() && alignment.wallOf(this, units.dts) < time) {
      const next = (this.#at + units.entries) | 0;
      if (!units.find(next)) break;
      this.#at = next;
      endDts = units.dts;
    }
    return this.range(endDts);
  }

  /** Drops units that have waited too long: a track that runs ahead of the leading one must not fill the memory. */
  bound(now: number): void {
    const oldest = this.#marks.note(this.units.headSeq, now);
    if (oldest === undefined) return;
    while (((oldest - this.#at) | 0) > 0 && this.find()) this.drop(this.units.entries);
  }
}
