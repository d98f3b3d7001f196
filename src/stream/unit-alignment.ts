import type { UnitLog } from "../../wasm/units.ts";
import type { StreamTimes } from "./clocks.ts";

/** RTP times repeat after so many ticks. */
const WRAP = 0x1_0000_0000;

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
    return ticks === undefined ? 0 : this.#shift(placed, ticks);
  }

  /** How far a track that is placed has moved by what is known now, ms. */
  #shift(track: number, ticks: number): number {
    const rate = this.#rateOf(track);
    const shift = this.#originOf(track, ticks, rate) - (this.#origins[track] as number);
    // RTP times of long ago come a whole number of wraps too early or too late
    const wrapMs = (WRAP * 1000) / rate;
    return shift - Math.round(shift / wrapMs) * wrapMs;
  }

  #originOf(track: number, ticks: number, rate: number): number {
    this.#reported = this.#times.reportedTracks;
    const rtpTime = this.#tracks[track]?.rtpTimeOf(ticks) ?? 0;
    return this.#times.wallAt(track, rtpTime) - (ticks * 1000) / rate;
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
    const shift = this.#shift(except, stay);
    ticks.forEach((at, track) => {
      if (track === except || at === undefined) return;
      const origin = this.#origins[track];
      this.#origins[track] =
        (origin === undefined
          ? this.#originOf(track, at, this.#rateOf(track))
          : origin + this.#shift(track, at)) - shift;
    });
  }
}
