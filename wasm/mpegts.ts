import { TS_TRACKS_MAX } from "../assembly/abi.ts";
import type { MediaMemory } from "./core.ts";
import type { RecordLog } from "./records.ts";
import { type PartRange, spanViews, UnitLog, type UnitSetup } from "./units.ts";

/** A track of a transport stream. */
export interface TsTrackSetup {
  readonly units: UnitLog;
  /** TS_* of the ABI. */
  readonly kind: number;
  /** Packet identifier, 32 to 8,186. */
  readonly pid: number;
  /** Bytes written before random access points, with start codes; of AAC the seven bytes of an ADTS header. */
  readonly prefix: Uint8Array;
  /** Its stream type and descriptors, as the program map has them; at most 64 bytes. */
  readonly map: Uint8Array;
  /** Whether it carries the clock; exactly one track does. */
  readonly hasClock: boolean;
}

/** Most bytes written before random access points. */
const PREFIX_MAX = 4_096;
const MAP_MAX = 64;
const SPANS_BYTES = 16 * 1024;
/** The output of one call is a unit, of any size. */
const OUTPUT: UnitSetup = {
  format: 0,
  clockRate: 90_000,
  frameTicks: 0,
  reorderDepth: 0,
  maxBytes: 0x7fff_ffff,
};

/** Writes transport streams. */
export class TsWriter {
  readonly #memory: MediaMemory;
  readonly #address: number;
  readonly #prefixes: number;
  readonly #maps: number;
  readonly #spans: number;
  readonly #out: UnitLog;
  #tracks: readonly TsTrackSetup[] = [];
  #closed = false;

  private constructor(memory: MediaMemory, address: number, out: UnitLog) {
    const { core, u8 } = memory;
    const size = core.TS_SIZE.value;
    this.#memory = memory;
    this.#address = address;
    this.#out = out;
    this.#prefixes = address + size;
    this.#maps = this.#prefixes + TS_TRACKS_MAX * PREFIX_MAX;
    this.#spans = this.#maps + TS_TRACKS_MAX * MAP_MAX;
    u8.fill(0, address, address + size);
    memory.setInt(address, core.TS_MUX_OUT, out.address);
  }

  /**
   * @param repeatMs interval of program tables; 0: only on request
   * @returns undefined when the budget is used up
   */
  static open(memory: MediaMemory, repeatMs = 0): TsWriter | undefined {
    const size = memory.core.TS_SIZE.value + TS_TRACKS_MAX * (PREFIX_MAX + MAP_MAX) + SPANS_BYTES;
    const address = memory.take(size);
    if (address === undefined) return undefined;
    const out = UnitLog.open(memory, OUTPUT);
    if (out !== undefined) {
      const writer = new TsWriter(memory, address, out);
      memory.setFloat(address, memory.core.TS_MUX_REPEAT, repeatMs * 90);
      return writer;
    }
    memory.give(address);
    return undefined;
  }

  /** Sets up the tracks, at most four; continuity counters continue by position. */
  setUp(tracks: readonly TsTrackSetup[]): void {
    const memory = this.#memory;
    const { core, u8 } = memory;
    this.#tracks = tracks;
    memory.setInt(this.#address, core.TS_MUX_COUNT, tracks.length);
    if (tracks.length > TS_TRACKS_MAX) throw new RangeError(`${tracks.length} tracks`);
    tracks.forEach(({ units, kind, pid, prefix, map, hasClock }, i) => {
      if (map.length > MAP_MAX || map.length === 0) throw new RangeError(`a row of ${map.length} bytes`);
      if (prefix.length > PREFIX_MAX) throw new RangeError(`parameters of ${prefix.length} bytes`);
      const at = this.#trackAt(i);
      const [prefixAt, mapAt] = [this.#prefixes + i * PREFIX_MAX, this.#maps + i * MAP_MAX];
      u8.set(prefix, prefixAt);
      u8.set(map, mapAt);
      memory.setInt(at, core.TS_TRACK_UNITS, units.address);
      memory.setInt(at, core.TS_TRACK_KIND, kind);
      memory.setInt(at, core.TS_TRACK_PID, pid);
      memory.setInt(at, core.TS_TRACK_PREFIX, prefixAt);
      memory.setInt(at, core.TS_TRACK_PREFIX_SIZE, prefix.length);
      memory.setInt(at, core.TS_TRACK_MAP, mapAt);
      memory.setInt(at, core.TS_TRACK_MAP_SIZE, map.length);
      memory.setInt(at, core.TS_TRACK_CLOCK, hasClock ? 1 : 0);
      memory.setFloat(at, core.TS_TRACK_RATE, units.clockRate);
    });
  }

  #trackAt(i: number): number {
    const { TS_TRACKS, TS_TRACK_STRIDE } = this.#memory.core;
    return this.#address + TS_TRACKS.value + i * TS_TRACK_STRIDE.value;
  }

  /**
   * Muxes a range of units of each track into packets: views of media memory, to be copied at once.
   *
   * @param ranges in the order of the tracks
   * @param hasTables whether to start with program tables
   * @returns undefined when the budget is used up
   */
  write(ranges: readonly PartRange[], hasTables: boolean): Uint8Array[] | undefined {
    for (let i = 0; i < this.#tracks.length; i++) {
      const range = ranges[i];
      this.select(i, range?.from ?? 0, range?.to ?? 0, range?.origin ?? 0);
    }
    const count = this.#mux(hasTables);
    return count < 0 ? undefined : spanViews(this.#memory, this.#spans, count);
  }

  /**
   * Selects the units of a track to be written next; writing them clears the selection.
   *
   * @param from first entry of its units
   * @param to end of the entries
   * @param origin ticks subtracted from its times
   */
  select(track: number, from: number, to: number, origin: number): void {
    const memory = this.#memory;
    const { TS_TRACK_SEQ, TS_TRACK_END, TS_TRACK_ORIGIN } = memory.core;
    const at = this.#trackAt(track);
    memory.setInt(at, TS_TRACK_SEQ, from);
    memory.setInt(at, TS_TRACK_END, to);
    memory.setFloat(at, TS_TRACK_ORIGIN, origin);
  }

  /**
   * Writes the selected units, as the rest of the frame in progress.
   *
   * @param limit bytes of a record: whole packets
   * @returns false when the budget is used up
   */
  writeRecords(into: RecordLog, limit: number): boolean {
    const count = this.#mux(false);
    return count >= 0 && into.cut(this.#spans, count, limit);
  }

  /**
   * Writes the program tables alone at an address.
   *
   * @returns their bytes, 376; undefined when the budget is used up
   */
  writeTables(dst: number): number | undefined {
    const count = this.#mux(true);
    if (count < 0) return undefined;
    let done = 0;
    for (const view of spanViews(this.#memory, this.#spans, count)) {
      this.#memory.u8.set(view, dst + done);
      done += view.length;
    }
    return done;
  }

  /** Writes the selected units. @returns the number of spans listed at `#spans`; negative on failure */
  #mux(hasTables: boolean): number {
    const { core } = this.#memory;
    let blocks = 0;
    // packets are slightly larger than their payload
    for (let i = 0; i < this.#tracks.length; i++)
      blocks += 2 * (this.#tracks[i] as TsTrackSetup).units.blocks;
    this.#memory.prepare(blocks);
    const from = this.#out.headSeq;
    this.#out.trim(from);
    if (core.tsWrite(this.#address, hasTables ? 1 : 0) !== 0) return -1;
    return core.unitSpans(
      this.#out.address,
      from,
      this.#out.headSeq,
      this.#spans,
      Math.floor(SPANS_BYTES / core.UNIT_SPAN_STRIDE.value),
    );
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#out.close();
    this.#memory.give(this.#address);
  }
}
