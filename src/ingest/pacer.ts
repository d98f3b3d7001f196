import type { MediaMemory } from "../../wasm/core.ts";
import type { UnitLog } from "../../wasm/units.ts";
import type { Cancel, Clock } from "../lib/clock.ts";
import { BudgetError, ProtocolError, SourceError } from "../lib/errors.ts";
import type { UnitInput } from "../stream/unit-input.ts";

/** Units later than this move the clock, ms. */
const LATE_MS = 300;
/** Tracks whose times are further apart have no common clock, s. */
const APART_MAX_S = 10;
/** The same for tracks of one container, which begin when they like, s. */
const ALIKE_MAX_S = 120;
/** Shortest time between two releases, ms. */
const STEP_MS = 8;
/** Blocks of memory that units may wait in, and never more than half of the share. */
const BLOCKS_MAX = 256;

const FRAME_FAULT = "frame is larger than 16777216 bytes";

interface PacedTrack {
  readonly units: UnitLog;
  readonly clock: object | undefined;
  /** First entry that has not been released, and first one not looked at. */
  at: number;
  scan: number;
  /** Decoding time of the first and the last unit, ticks. */
  first: number | undefined;
  newest: number;
  /** Its own time, s, that is due when the clock starts. */
  origin: number | undefined;
}

/** Releases units when they are due by their decoding times. */
export class Pacer {
  readonly #clock: Clock;
  readonly #share: MediaMemory;
  readonly #failed: (error: Error) => void;
  readonly #tracks: PacedTrack[] = [];
  readonly #limits: number[] = [];
  #input: UnitInput | undefined;
  /** When the origins of the tracks are due, monotonic ms. */
  #start = 0;
  #timer: Cancel | undefined;
  /** Waiting callers of `room`, and what they wait for. */
  #waiting: { readonly ahead: number; readonly go: () => void }[] = [];
  #closed = false;

  /**
   * @param share what all units are charged to
   * @param failed called when the stream has failed
   */
  constructor(clock: Clock, share: MediaMemory, failed: (error: Error) => void) {
    this.#clock = clock;
    this.#share = share;
    this.#failed = failed;
  }

  /** @param tracks those with the same `clock` have a common one, however far apart they begin */
  add(tracks: readonly { readonly units: UnitLog; readonly clock?: object }[]): void {
    for (const { units, clock } of tracks) {
      this.#tracks.push({ units, clock, at: 0, scan: 0, first: undefined, newest: 0, origin: undefined });
      this.#limits.push(0);
    }
  }

  /** Starts the clock: the first unit is due now. */
  begin(input: UnitInput): void {
    this.#start = this.#clock.now();
    for (const track of this.#tracks) this.#look(track, this.#start);
    this.#input = input;
    const common = earliest(this.#tracks);
    for (const track of this.#tracks) {
      const own = earliest(this.#tracks.filter((each) => isAlike(each, track))) ?? common;
      if (own === undefined || common === undefined) continue;
      track.origin = Math.abs(own - common) <= APART_MAX_S ? common : own;
    }
    this.#align();
    this.#release();
  }

  /** Called when there may be new units. */
  wake(): void {
    if (this.#closed) return;
    const now = this.#clock.now();
    let late = 0;
    for (const track of this.#tracks) late = Math.max(late, this.#look(track, now));
    if (late > LATE_MS) {
      this.#start += late;
      this.#align();
    }
    if (this.#input !== undefined && this.#timer === undefined) this.#release();
  }

  /** @returns how late the first new unit is, ms */
  #look(track: PacedTrack, now: number): number {
    const { units } = track;
    let late = 0;
    for (let isFirst = true; units.find(track.scan); isFirst = false) {
      track.first ??= units.dts;
      track.newest = units.dts;
      track.scan = (track.scan + units.entries) | 0;
      if (!isFirst || this.#input === undefined) continue;
      if (track.origin === undefined) this.#join(track, now);
      late = now - this.#start - 1000 * (units.dts / units.clockRate - (track.origin ?? 0));
    }
    return late;
  }

  /** Duration of the units that are not due yet, s. */
  get ahead(): number {
    const isRunning = this.#input !== undefined;
    const elapsed = isRunning ? (this.#clock.now() - this.#start) / 1000 : 0;
    let most = 0;
    for (const { first, newest, origin, units } of this.#tracks) {
      if (first === undefined) continue;
      const start = (isRunning ? origin : undefined) ?? first / units.clockRate;
      most = Math.max(most, newest / units.clockRate - start - elapsed);
    }
    return most;
  }

  /** Whether units take so much memory that no more may come. */
  get isFull(): boolean {
    const blocks = this.#tracks.reduce((sum, { units }) => sum + units.blocks, 0);
    return blocks > Math.min(BLOCKS_MAX, this.#share.blocksMax >> 1);
  }

  /**
   * Waits until less than `ahead` seconds lie ready, in bounded memory.
   *
   * @throws {SourceError} if that cannot be
   */
  async room(ahead: number): Promise<void> {
    while (!this.#closed && (this.ahead > ahead || this.isFull)) {
      if (this.#input === undefined && this.isFull) throw new SourceError("a segment is too large");
      await new Promise<void>((go) => this.#waiting.push({ ahead, go }));
    }
  }

  #admit(): void {
    if (this.#waiting.length === 0 || this.isFull) return;
    const now = this.ahead;
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ ahead }) => now > ahead);
    for (const { ahead, go } of waiting) if (now <= ahead) go();
  }

  /** Publishes the units that are due, and schedules the next release. */
  #release(): void {
    if (this.#closed || this.#input === undefined) return;
    this.#timer = undefined;
    const now = this.#clock.now();
    const elapsed = (now - this.#start) / 1000;
    let due = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.#tracks.length; i++) {
      const track = this.#tracks[i] as PacedTrack;
      const { units, origin } = track;
      const limit = origin === undefined ? Number.NEGATIVE_INFINITY : (origin + elapsed) * units.clockRate;
      this.#limits[i] = limit;
      while (units.find(track.at)) {
        if (units.dts > limit) {
          due = Math.min(due, this.#start + 1000 * (units.dts / units.clockRate - (origin ?? 0)));
          break;
        }
        track.at = (track.at + units.entries) | 0;
      }
    }
    const fault = this.#input.pump(this.#limits);
    if (fault !== undefined) {
      const isFrame = fault === "frame";
      this.#failed(isFrame ? new ProtocolError(FRAME_FAULT) : new BudgetError(this.#share.refusal));
      return;
    }
    this.#admit();
    if (due === Number.POSITIVE_INFINITY) return;
    this.#timer = this.#clock.after(Math.max(due - now, STEP_MS), () => this.#release());
  }

  /** The first unit of a track with an unknown clock is due now, unless it fits the clock of the others. */
  #join(track: PacedTrack, now: number): void {
    const own = (track.first as number) / track.units.clockRate;
    const elapsed = (now - this.#start) / 1000;
    const placed = this.#tracks.filter(({ origin }) => origin !== undefined);
    const alike = placed.find(({ clock }) => clock !== undefined && clock === track.clock);
    const other = (alike ?? placed[0])?.origin;
    const apart = alike === undefined ? APART_MAX_S : ALIKE_MAX_S;
    const fits = other !== undefined && Math.abs(own - elapsed - other) <= apart;
    track.origin = fits ? other : own - elapsed;
    this.#align();
  }

  /** Places the tracks on the wall clock. */
  #align(): void {
    const wall = this.#clock.wall() - (this.#clock.now() - this.#start);
    this.#tracks.forEach(({ origin, units }, i) => {
      if (origin !== undefined) this.#input?.align(i, origin * units.clockRate, wall);
    });
  }

  /** Resolves when all units received so far are released. */
  async drained(): Promise<void> {
    await this.room(0);
  }

  /** Resumes all waiting callers. */
  close(): void {
    this.#closed = true;
    this.#timer?.();
    for (const { go } of this.#waiting.splice(0)) go();
  }
}

/** Whether two tracks, or the same one, have a common clock because their container has. */
function isAlike(a: PacedTrack, b: PacedTrack): boolean {
  if (a === b) return true;
  if (a.clock === undefined || a.clock !== b.clock || a.first === undefined) return false;
  if (b.first === undefined) return true;
  return Math.abs(a.first / a.units.clockRate - b.first / b.units.clockRate) <= ALIKE_MAX_S;
}

/** The first time of these tracks, s; undefined before there is one. */
function earliest(tracks: readonly PacedTrack[]): number | undefined {
  const firsts = tracks.flatMap(({ first, units }) => (first === undefined ? [] : [first / units.clockRate]));
  return firsts.length === 0 ? undefined : Math.min(...firsts);
}
