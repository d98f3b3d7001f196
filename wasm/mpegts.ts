import { TS_TRACK_STRIDE, TS_TRACKS } from "../assembly/abi.ts";
import type { MediaMemory } from "./core.ts";
import type { RecordLog } from "./records.ts";
import { type PartRange, UnitLog, type UnitSetup } from "./units.ts";

/** What a transport stream carries of one track. */
export interface TsTrackSetup {
  readonly units: UnitLog;
  /** TS_* of the ABI. */
  readonly kind: number;
  /** Packet identifier, 32 to 8,186. */
  readonly pid: number;
  /** What goes in front of random access points, with start codes; of AAC the seven bytes of an ADTS header. */
  readonly prefix: Uint8Array;
  /** Its stream type and descriptors, as the program map has them; at most 64 bytes. */
  readonly map: Uint8Array;
  /** Whether it carries the clock; exactly one track does. */
  readonly hasClock: boolean;
}

/** Bytes kept for what goes in front of random access points. */
const PREFIX_MAX = 4_096;
const MAP_MAX = 64;
const SPANS_BYTES = 16 * 1024;
/** Byte offset of the ticks after which tables are repeated (TsMux). */
const REPEAT = 48;
/** Byte offsets of the fields of a track (TsTrack). */
const AT = {
  units: 0,
  seq: 4,
  end: 8,
  kind: 12,
  pid: 16,
  prefix: 24,
  prefixSize: 28,
  clock: 32,
  origin: 40,
  rate: 48,
  map: 56,
  mapSize: 60,
};
const TRACKS_MAX = 4;
/** What is written in one call is a unit, of any size. */
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
    const { core, u8, i32 } = memory;
    const size = core.TS_SIZE.value;
    this.#memory = memory;
    this.#address = address;
    this.#out = out;
    this.#prefixes = address + ((size + 7) & ~7);
    this.#maps = this.#prefixes + TRACKS_MAX * PREFIX_MAX;
    this.#spans = this.#maps + TRACKS_MAX * MAP_MAX;
    u8.fill(0, address, address + size);
    i32[address >> 2] = out.address;
  }

  /**
   * @param repeatMs time after which program tables are repeated; 0: only when they are asked for
   * @returns undefined when the budget is used up
   */
  static open(memory: MediaMemory, repeatMs = 0): TsWriter | undefined {
    const size = memory.core.TS_SIZE.value + 8 + TRACKS_MAX * (PREFIX_MAX + MAP_MAX) + SPANS_BYTES;
    const address = memory.take(size);
    if (address === undefined) return undefined;
    const out = UnitLog.open(memory, OUTPUT);
    if (out !== undefined) {
      const writer = new TsWriter(memory, address, out);
      memory.f64[(address + REPEAT) >> 3] = repeatMs * 90;
      return writer;
    }
    memory.give(address);
    return undefined;
  }

  /** Says what the tracks are, at most four; their continuity goes on by position. */
  setUp(tracks: readonly TsTrackSetup[]): void {
    const { i32, u8, f64 } = this.#memory;
    this.#tracks = tracks;
    i32[(this.#address >> 2) + 1] = tracks.length;
    if (tracks.length > TRACKS_MAX) throw new RangeError(`${tracks.length} tracks`);
    tracks.forEach(({ units, kind, pid, prefix, map, hasClock }, i) => {
      if (map.length > MAP_MAX || map.length === 0) throw new RangeError(`a row of ${map.length} bytes`);
      if (prefix.length > PREFIX_MAX) throw new RangeError(`parameters of ${prefix.length} bytes`);
      const at = this.#trackAt(i);
      const place = this.#prefixes + i * PREFIX_MAX;
      u8.set(prefix, place);
      u8.set(map, this.#maps + i * MAP_MAX);
      i32[(at + AT.units) >> 2] = units.address;
      i32[(at + AT.kind) >> 2] = kind;
      i32[(at + AT.pid) >> 2] = pid;
      i32[(at + AT.prefix) >> 2] = place;
      i32[(at + AT.prefixSize) >> 2] = prefix.length;
      i32[(at + AT.map) >> 2] = this.#maps + i * MAP_MAX;
      i32[(at + AT.mapSize) >> 2] = map.length;
      i32[(at + AT.clock) >> 2] = hasClock ? 1 : 0;
      f64[(at + AT.rate) >> 3] = units.clockRate;
    });
  }

  #trackAt(i: number): number {
    return this.#address + TS_TRACKS + i * TS_TRACK_STRIDE;
  }

  /**
   * The packets of a stretch of all tracks: views of media memory, to be copied at once.
   *
   * @param ranges in the order of the tracks
   * @param hasTables whether program tables go in front
   * @returns undefined when the budget is used up
   */
  write(ranges: readonly PartRange[], hasTables: boolean): Uint8Array[] | undefined {
    for (let i = 0; i < this.#tracks.length; i++) {
      const range = ranges[i];
      this.select(i, range?.from ?? 0, range?.to ?? 0, range?.origin ?? 0);
    }
    const count = this.#mux(hasTables);
    const { i32, u8 } = this.#memory;
    if (count < 0) return undefined;
    return Array.from({ length: count }, (_, i) => {
      const start = i32[(this.#spans >> 2) + 2 * i] as number;
      return u8.subarray(start, start + (i32[(this.#spans >> 2) + 2 * i + 1] as number));
    });
  }

  /**
   * Says what is written next of a track; what is written is no longer selected.
   *
   * @param from first entry of its units
   * @param to the one behind the last
   * @param origin ticks that are taken from its times
   */
  select(track: number, from: number, to: number, origin: number): void {
    const { i32, f64 } = this.#memory;
    const at = this.#trackAt(track);
    i32[(at + AT.seq) >> 2] = from;
    i32[(at + AT.end) >> 2] = to;
    f64[(at + AT.origin) >> 3] = origin;
  }

  /**
   * Writes what is selected, as the rest of the frame in progress.
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
    const { i32, u8 } = this.#memory;
    let done = 0;
    for (let i = 0; i < count; i++) {
      const start = i32[(this.#spans >> 2) + 2 * i] as number;
      const size = i32[(this.#spans >> 2) + 2 * i + 1] as number;
      u8.copyWithin(dst + done, start, start + size);
      done += size;
    }
    return done;
  }

  /** Writes what is selected. @returns how many spans it has, listed at `#spans`; negative when it cannot be done */
  #mux(hasTables: boolean): number {
    const { core } = this.#memory;
    let blocks = 0;
    // packets are a little larger than what they carry
    for (let i = 0; i < this.#tracks.length; i++)
      blocks += 2 * (this.#tracks[i] as TsTrackSetup).units.blocks;
    this.#memory.prepare(blocks);
    const from = this.#out.headSeq;
    this.#out.trim(from);
    if (core.tsWrite(this.#address, hasTables ? 1 : 0) !== 0) return -1;
    return core.unitSpans(this.#out.address, from, this.#out.headSeq, this.#spans, SPANS_BYTES / 8);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#out.close();
    this.#memory.give(this.#address);
  }
}
