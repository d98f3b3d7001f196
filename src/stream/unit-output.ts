import { LogCursor } from "../../wasm/cursor.ts";
import { UnitLog, UnitPull } from "../../wasm/units.ts";
import { unitSetup } from "../formats/rtp/units.ts";
import { BudgetError } from "../lib/errors.ts";
import type { Format } from "../media/track.ts";
import type { Stream } from "./stream.ts";

/** Somebody who takes a stream as units. */
export interface UnitReader {
  /** There may be new units. */
  pump(now: number): void;
  /** Entry of a track from which on it needs the units. */
  needs(track: number): number;
}

/** A stream as access units and audio frames, made of its packets while somebody wants it (design: units). */
export class UnitOutput {
  /** By track of the stream; undefined for those whose codec does not come in units. */
  readonly tracks: readonly (UnitLog | undefined)[];
  readonly #stream: Stream;
  readonly #cursor: LogCursor;
  readonly #pull: UnitPull;
  readonly #readers = new Set<UnitReader>();
  /** Wall clock at tick 0 of each track, ms since 1970; undefined before its first unit. */
  readonly #origins: (number | undefined)[];
  /** Ticks of each track that were asked for last. */
  readonly #asked: (number | undefined)[] = [];
  /** Tracks with a report of the publisher when the origins were set. */
  #reported = 0;

  /**
   * Begins with the last random access point, where the log still has it.
   *
   * @throws {BudgetError} if the media memory is used up
   */
  constructor(stream: Stream) {
    const { memory, log, description } = stream;
    const opened: { close(): void }[] = [];
    const open = <Part extends { close(): void }>(part: Part | undefined): Part => {
      if (part === undefined) {
        for (const each of opened) each.close();
        throw new BudgetError("the media memory is used up");
      }
      opened.push(part);
      return part;
    };
    this.#stream = stream;
    const channels = log.tracks.map((_, i) => 2 * i);
    this.#cursor = open(LogCursor.open(memory, { log: log.address, tracks: channels.length, channels }));
    this.tracks = description.tracks.map(({ formats }, i) => {
      const sets = log.tracks[i]?.parameterSets ?? { sps: undefined, pps: undefined, vps: undefined };
      const setup = unitSetup(formats[0] as Format, sets);
      return setup === undefined ? undefined : open(UnitLog.open(memory, setup));
    });
    this.#pull = open(UnitPull.open(memory, this.#cursor, this.tracks));
    this.#origins = this.tracks.map(() => undefined);
    this.#cursor.toRandomAccess();
  }

  get readers(): number {
    return this.#readers.size;
  }

  add(reader: UnitReader): void {
    this.#readers.add(reader);
  }

  remove(reader: UnitReader): void {
    this.#readers.delete(reader);
  }

  /** Makes units of what is new, and tells the readers. */
  pull(now: number): void {
    for (let isMore = true; isMore; ) {
      isMore = this.#pull.pull();
      for (const reader of this.#readers) reader.pump(now);
      this.#trim();
    }
  }

  #trim(): void {
    for (const [i, track] of this.tracks.entries()) {
      if (track === undefined) continue;
      let keep = track.headSeq;
      for (const reader of this.#readers) {
        const needs = reader.needs(i);
        if (((needs - keep) | 0) < 0) keep = needs;
      }
      track.trim(keep);
    }
  }

  /**
   * Wall clock of an instant of a track, ms since 1970. Tracks are aligned by the publisher's sender reports when they
   * have come by the first unit, by arrival otherwise.
   */
  wallOf(track: number, ticks: number): number {
    const rate = this.tracks[track]?.clockRate ?? 1;
    this.#origins[track] ??= this.#originOf(track, ticks, rate) - this.#moved();
    this.#asked[track] = ticks;
    return this.#origins[track] + (ticks * 1000) / rate;
  }

  /** How far the clock of the tracks that are placed already has moved since then, ms: the others keep their distance. */
  #moved(): number {
    const placed = this.#origins.findIndex((origin) => origin !== undefined);
    const ticks = this.#asked[placed];
    const units = this.tracks[placed];
    if (ticks === undefined || units === undefined || units.jumps > 0) return 0;
    return this.#originOf(placed, ticks, units.clockRate) - (this.#origins[placed] as number);
  }

  #originOf(track: number, ticks: number, rate: number): number {
    this.#reported = this.#stream.reportedTracks;
    return this.#stream.wallAt(track, ticks % 0x1_0000_0000) - (ticks * 1000) / rate;
  }

  /**
   * Looks whether the tracks could be aligned better now that there are more sender reports, and does so.
   *
   * @param ticks an instant of each track, undefined for those that do not matter
   * @param except a track whose times stay as they are
   */
  realign(ticks: readonly (number | undefined)[], except: number): void {
    if (this.#stream.reportedTracks <= this.#reported) return;
    const stay = ticks[except];
    const rateOf = (track: number) => this.tracks[track]?.clockRate ?? 1;
    if (stay === undefined || this.#origins[except] === undefined) return;
    const shift = this.#originOf(except, stay, rateOf(except)) - this.#origins[except];
    ticks.forEach((at, track) => {
      if (track === except || at === undefined || (this.tracks[track]?.jumps ?? 1) > 0) return;
      this.#origins[track] = this.#originOf(track, at, rateOf(track)) - shift;
    });
  }

  close(): void {
    this.#pull.close();
    this.#cursor.close();
    for (const track of this.tracks) track?.close();
  }
}
