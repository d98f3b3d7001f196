import type { PartRange, UnitLog } from "../../wasm/units.ts";
import type { Format } from "../media/track.ts";
import { ArrivalMarks } from "./arrival-marks.ts";
import type { TrackAlignment } from "./track-alignment.ts";
import type { ChosenTrack } from "./track-choice.ts";

/** What waits longer for the parts that it belongs to is left out, ms. */
const WAIT_MAX_MS = 15_000;

/** A track of a muxer, and which of its units are in parts. */
export class MuxerTrack implements ChosenTrack {
  readonly index: number;
  readonly format: Format;
  readonly isVideo: boolean;
  readonly units: UnitLog;
  /** Number in the files, from 1. */
  readonly id: number;
  readonly #marks = new ArrivalMarks(WAIT_MAX_MS);
  /** First entry that is in no part, and the next one to be looked at. */
  #from: number;
  #at: number;
  /** Ticks that are 0 in the files; undefined before its first unit there. */
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

  /** First entry that is in no part. */
  get from(): number {
    return this.#from;
  }

  /** Finds the next unit to be looked at; false when it is not there yet. */
  find(): boolean {
    return this.units.find(this.#at);
  }

  /** The unit that was found last, of `entries`, will be in the part in progress. */
  take(entries: number): void {
    this.#at = (this.#at + entries) | 0;
  }

  /** The unit that was found last, of `entries`, will be in no part, and none before it. */
  leaveOut(entries: number): void {
    this.take(entries);
    this.#from = this.#at;
  }

  /** What is in a part need not be kept any more. */
  written({ to }: PartRange): void {
    this.#from = to;
  }

  /** What has been looked at and is in no part. @param endDts decoding time of what comes next, ticks */
  range(endDts: number): PartRange {
    const { units, id, isVideo, origin } = this;
    return { units, id, isVideo, from: this.#from, to: this.#at, origin: origin ?? 0, endDts };
  }

  /** What has come before `time`, ms since 1970, and is known to its end. */
  rangeUntil(time: number, alignment: TrackAlignment): PartRange {
    const { units } = this;
    let endDts = 0;
    // what belongs before the first picture may come after it
    while (this.#from === this.#at && this.find() && alignment.wallOf(this, units.dts) < alignment.zero) {
      this.leaveOut(units.entries);
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

  /** Leaves out what has waited too long: a track that goes on while the leading one is silent must not fill the memory. */
  forget(now: number): void {
    const oldest = this.#marks.note(this.units.headSeq, now);
    if (oldest === undefined) return;
    while (((oldest - this.#at) | 0) > 0 && this.find()) this.leaveOut(this.units.entries);
  }
}
