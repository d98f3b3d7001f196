import type { UnitLog } from "../../wasm/units.ts";
import type { UnitStream } from "../stream/units.ts";

/** Sound and picture may be apart by less, ms. */
const VISIBLE_SHIFT_MS = 15;

/** A track as far as its place on the wall clock matters. */
export interface AlignedTrack {
  /** Index in the stream. */
  readonly index: number;
  readonly units: UnitLog;
  /** Ticks that are 0 in the files; undefined before its first unit there. */
  origin: number | undefined;
  /** Finds the next unit to be looked at. */
  find(): boolean;
}

/** Where the times of the tracks, and those in the files, are on the wall clock. */
export class TrackAlignment {
  readonly units: UnitStream;
  /** What is 0 in the files, ms since 1970. */
  zero = 0;

  constructor(units: UnitStream) {
    this.units = units;
  }

  /** Wall clock of an instant of a track, ms since 1970. */
  wallOf({ index }: AlignedTrack, ticks: number): number {
    return this.units.wallOf(index, ticks);
  }

  /** Ticks of a track at the time that is 0 in the files. */
  originOf(track: AlignedTrack): number {
    return Math.round(((this.zero - this.wallOf(track, 0)) * track.units.clockRate) / 1000);
  }

  /**
   * With more sender reports the tracks may lie better: a visible shift is taken over, to be called between two
   * segments.
   *
   * @param tracks the leading one first, which stays where it is
   */
  renew(tracks: readonly AlignedTrack[]): void {
    const instants: (number | undefined)[] = [];
    for (const track of tracks) if (track.find()) instants[track.index] = track.units.dts;
    const [leading, ...others] = tracks;
    if (leading !== undefined) this.units.realign(instants, leading.index);
    for (const track of others) {
      if (track.origin === undefined) continue;
      const origin = this.originOf(track);
      const shiftMs = (Math.abs(origin - track.origin) * 1000) / track.units.clockRate;
      if (shiftMs >= VISIBLE_SHIFT_MS) track.origin = origin;
    }
  }
}
