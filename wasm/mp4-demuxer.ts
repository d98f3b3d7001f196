import {
  MP4_ERROR_BOX,
  MP4_ERROR_FRAGMENT,
  MP4_ERROR_RUNS,
  MP4_ERROR_SAMPLE,
  MP4_ERROR_SAMPLES,
  MP4_ERROR_TIME,
  MP4_INPUT_MAX,
  MP4_MOOF_MAX,
  MP4_TRACKS_MAX,
} from "../assembly/abi.ts";
import type { MediaMemory } from "./core.ts";
import type { UnitLog } from "./units.ts";

/** What the demuxer needs to know about a track. */
export interface Mp4TrackSetup {
  readonly id: number;
  /** SAMPLE_* of the ABI. */
  readonly kind: number;
  /** Receives its samples, at most 768,000 ticks per second; undefined if they are not wanted. */
  readonly units: UnitLog | undefined;
  /** Bytes of the length of a NAL unit, 1 to 4. */
  readonly lengthSize: number;
  /** NAL units to insert before random access points, each with a length of four bytes in front; at most 16 KB. */
  readonly sets: Uint8Array;
  /** Ticks per second in the file, from 1. */
  readonly timescale: number;
  /** Ticks of the file added to all times; an integer. */
  readonly offset: number;
  /** Default of samples that do not specify it. */
  readonly duration: number;
  readonly size: number;
  readonly flags: number;
}

/** Called once per fragment, which lasts from `first` to `end`, s: returns the offset added to its times, s. */
export type PlaceFragment = (first: number, end: number) => number;

/** Why a segment cannot be read. */
const ERRORS: Readonly<Record<number, (detail: number) => string>> = {
  [MP4_ERROR_BOX]: () => "invalid box size",
  [MP4_ERROR_FRAGMENT]: (size) => `moof of ${size} bytes is too large`,
  [MP4_ERROR_RUNS]: () => "too many runs in a fragment",
  [MP4_ERROR_SAMPLES]: () => "too many samples in a fragment",
  [MP4_ERROR_SAMPLE]: (size) => `sample of ${size >>> 0} bytes is too large`,
  [MP4_ERROR_TIME]: () => "timestamp out of range",
};

/** Highest clock rate of units, Hz. */
const MAX_RATE = 768_000;

/** Demuxes segments of fragmented MP4 files into units (ISO/IEC 14496-12). */
export class Mp4Demuxer {
  readonly #memory: MediaMemory;
  readonly #address: number;
  readonly #input: number;
  /** Memory of the parameter sets. */
  #sets: number[] = [];
  #closed = false;

  private constructor(memory: MediaMemory, address: number) {
    this.#memory = memory;
    this.#address = address;
    this.#input = address + memory.core.MP4_MOOF.value + MP4_MOOF_MAX;
    memory.core.mp4Open(address);
  }

  /** Undefined when the budget is used up. */
  static open(memory: MediaMemory): Mp4Demuxer | undefined {
    const address = memory.take(memory.core.MP4_MOOF.value + MP4_MOOF_MAX + MP4_INPUT_MAX);
    return address === undefined ? undefined : new Mp4Demuxer(memory, address);
  }

  /** Samples demuxed, dropped ones included; samples whose bytes were missing. */
  get samples(): number {
    return this.#get(this.#memory.core.MP4_SAMPLES);
  }

  get missing(): number {
    return this.#get(this.#memory.core.MP4_MISSING);
  }

  #get(offset: WebAssembly.Global): number {
    return this.#memory.i32[(this.#address + offset.value) >> 2] as number;
  }

  /**
   * Sets up the tracks, at most eight; called between two segments. The times of their units continue.
   *
   * @returns false when the budget is used up
   */
  setUp(tracks: readonly Mp4TrackSetup[]): boolean {
    if (tracks.length > MP4_TRACKS_MAX) throw new RangeError(`${tracks.length} tracks`);
    const memory = this.#memory;
    const { core } = memory;
    const slots = tracks.map(({ sets }) => (sets.length === 0 ? 0 : memory.take(sets.length)));
    const old = this.#sets;
    this.#sets = slots.filter((slot) => slot !== undefined && slot !== 0) as number[];
    for (const slot of old) memory.give(slot);
    const isRoom = slots.every((slot) => slot !== undefined);
    tracks.forEach((track, i) => {
      const at = this.#address + core.MP4_TRACKS.value + i * core.MP4_TRACK_STRIDE.value;
      const set = slots[i] ?? 0;
      const { units, id, kind, lengthSize, sets, duration, size, flags, timescale, offset } = track;
      const rate = units?.clockRate ?? 1;
      if (rate < 1 || rate > MAX_RATE || timescale < 1) throw new RangeError(`${rate} of ${timescale} ticks`);
      if (set !== 0) memory.u8.set(sets, set);
      memory.setInt(at, core.MP4_TRACK_UNITS, units?.address ?? 0);
      memory.setInt(at, core.MP4_TRACK_ID, id);
      memory.setInt(at, core.MP4_TRACK_KIND, kind);
      memory.setInt(at, core.MP4_TRACK_LENGTH_SIZE, lengthSize);
      memory.setInt(at, core.MP4_TRACK_SETS, set);
      memory.setInt(at, core.MP4_TRACK_SETS_SIZE, set === 0 ? 0 : sets.length);
      memory.setInt(at, core.MP4_TRACK_DURATION, duration);
      memory.setInt(at, core.MP4_TRACK_SIZE, size);
      memory.setInt(at, core.MP4_TRACK_FLAGS, flags);
      memory.setFloat(at, core.MP4_TRACK_SCALE, timescale);
      memory.setFloat(at, core.MP4_TRACK_RATE, rate);
      memory.setFloat(at, core.MP4_TRACK_OFFSET, offset);
    });
    memory.i32[(this.#address + core.MP4_TRACK_COUNT.value) >> 2] = isRoom ? tracks.length : 0;
    return isRoom;
  }

  /** Starts a segment whose first byte is at this position of its file. */
  begin(position: number): void {
    this.#memory.core.mp4Begin(this.#address, position);
  }

  /**
   * Receives bytes of the segment; they are copied.
   *
   * @returns why it cannot be read; undefined if there is no error
   */
  push(chunk: Uint8Array, place: PlaceFragment): string | undefined {
    const memory = this.#memory;
    for (let at = 0; at < chunk.length; ) {
      memory.prepare();
      const size = Math.min(chunk.length - at, MP4_INPUT_MAX);
      memory.u8.set(at === 0 && size === chunk.length ? chunk : chunk.subarray(at, at + size), this.#input);
      const fault = this.#read(size, place);
      if (fault !== undefined) return fault;
      at += size;
    }
    return undefined;
  }

  #read(size: number, place: PlaceFragment): string | undefined {
    const { core, f64 } = this.#memory;
    for (let done = 0; done < size; ) {
      const taken = core.mp4Read(this.#address, this.#input + done, size - done);
      if (taken < 0) return this.#fault();
      done += taken;
      const at = (this.#address + core.MP4_FIRST.value) >> 3;
      const first = f64[at] as number;
      if (!Number.isFinite(first)) continue;
      f64[at] = Number.POSITIVE_INFINITY;
      f64[(this.#address + core.MP4_SHIFT.value) >> 3] = place(
        first,
        f64[(this.#address + core.MP4_END.value) >> 3] as number,
      );
    }
    return undefined;
  }

  #fault(): string {
    const { core } = this.#memory;
    const text = ERRORS[this.#get(core.MP4_ERROR)];
    return text === undefined ? "unknown" : text(this.#get(core.MP4_DETAIL));
  }

  /**
   * Ends the segment.
   *
   * @returns the error at its end, if any
   */
  end(): string | undefined {
    return this.#memory.core.mp4End(this.#address) === 0 ? undefined : this.#fault();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const slot of this.#sets) this.#memory.give(slot);
    this.#sets = [];
    this.#memory.give(this.#address);
  }
}
