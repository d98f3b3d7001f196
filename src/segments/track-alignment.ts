import type { UnitLog } from "../../wasm/units.ts";
import type { UnitOutput } from "../stream/unit-output.ts";

/** Audio/video shifts below this are not noticeable, ms. */
const VISIBLE_SHIFT_MS = 15;

/** What alignment needs of a track. */
export interface AlignedTrack {
  /** Index in the stream. */
  readonly index: number;
  readonly units: UnitLog;
  /** Ticks of time 0 in the files; undefined before its first unit. */
  origin: number | undefined;
  /** Finds the next unit to look at. */
  find(): boolean;
}

/** Maps track times and file times to the wall clock. */
export class TrackAlignment {
  readonly units: UnitOutput;
  /** Wall clock at time 0 in the files, ms since 1970. */
  zero = 0;

  constructor(units: UnitOutput) {
    this.units = units;
  }

  /** Wall clock of an instant of a track, ms since 1970. */
  wallOf({ index }: AlignedTrack, ticks: number): number {
    return this.units.wallOf(index, ticks);
  }

  /** Ticks of a track at time 0 in the files, by its unit found last. */
  originOf(track: AlignedTrack): number {
    const { dts, clockRate } = track.units;
    return Math.round(dts - ((this.wallOf(track, dts) - this.zero) * clockRate) / 1000);
  }

  /**
   * Aligns the tracks again by the sender reports that have arrived since; called between two segments. Only a visible
   * shift is applied.
   *
   * @param tracks the leading one first, which keeps its place
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
