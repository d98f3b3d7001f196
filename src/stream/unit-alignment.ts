import type { UnitLog } from "../../wasm/units.ts";
import type { StreamTimes } from "./clocks.ts";

/** Maps the units of a stream's tracks to the wall clock. */
export class UnitAlignment {
  readonly #times: StreamTimes;
  readonly #tracks: readonly (UnitLog | undefined)[];
  /** Wall clock at tick 0 of each track, ms since 1970; undefined before its first unit. */
  readonly #origins: (number | undefined)[];
  /** Ticks of each track in the last call of `wallOf`. */
  readonly #asked: (number | undefined)[];
  /** Number of tracks with a sender report when the origins were set. */
  #reported = 0;

  /** @param tracks by track of the stream; may change */
  constructor(times: StreamTimes, tracks: readonly (UnitLog | undefined)[]) {
    this.#times = times;
    this.#tracks = tracks;
    this.#origins = tracks.map(() => undefined);
    this.#asked = tracks.map(() => undefined);
  }

  /** The ticks of a track restart. */
  forget(track: number): void {
    this.#origins[track] = undefined;
    this.#asked[track] = undefined;
  }

  /**
   * Wall clock of an instant of a track, ms since 1970. Tracks are aligned by the publisher's sender reports if they
   * arrive before the first unit, by arrival otherwise.
   */
  wallOf(track: number, ticks: number): number {
    const rate = this.#rateOf(track);
    this.#origins[track] ??= this.#originOf(track, ticks, rate) - this.#moved();
    this.#asked[track] = ticks;
    return this.#origins[track] + (ticks * 1000) / rate;
  }

  #rateOf(track: number): number {
    return this.#tracks[track]?.clockRate ?? 1;
  }

  /** Clock shift of the tracks that are already aligned, ms: a new track is shifted with them. */
  #moved(): number {
    const placed = this.#origins.findIndex((origin) => origin !== undefined);
    const ticks = this.#asked[placed];
    const units = this.#tracks[placed];
    if (ticks === undefined || units === undefined || units.jumps > 0) return 0;
    return this.#originOf(placed, ticks, units.clockRate) - (this.#origins[placed] as number);
  }

  #originOf(track: number, ticks: number, rate: number): number {
    this.#reported = this.#times.reportedTracks;
    return this.#times.wallAt(track, ticks % 0x1_0000_0000) - (ticks * 1000) / rate;
  }

  /**
   * Realigns the tracks when more of them have sender reports than before.
   *
   * @param ticks an instant of each track, undefined for tracks to ignore
   * @param except a track whose times stay as they are
   */
  realign(ticks: readonly (number | undefined)[], except: number): void {
    if (this.#times.reportedTracks <= this.#reported) return;
    const stay = ticks[except];
    if (stay === undefined || this.#origins[except] === undefined) return;
    const shift = this.#originOf(except, stay, this.#rateOf(except)) - this.#origins[except];
    ticks.forEach((at, track) => {
      if (track === except || at === undefined || (this.#tracks[track]?.jumps ?? 1) > 0) return;
      this.#origins[track] = this.#originOf(track, at, this.#rateOf(track)) - shift;
    });
  }
}
