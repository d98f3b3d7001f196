import {
  MAX_AUDIO_BYTES,
  MAX_FRAME_BYTES,
  UNIT_KEY,
  UNITS_AC3,
  UNITS_FRAMES,
  UNITS_GENERIC,
  UNITS_LATM,
  UNITS_MPEG12_AUDIO,
  UNITS_SAMPLES,
} from "../assembly/abi.ts";
import type { MediaMemory } from "./core.ts";
import type { LogCursor } from "./cursor.ts";

/** How the RTP payloads of a track are depacketized. */
export interface UnitSetup {
  /** UNITS_* of the ABI. */
  readonly format: number;
  /** Ticks per second. */
  readonly clockRate: number;
  /** Ticks per frame, if known before the first one. */
  readonly frameTicks: number;
  /** Reorder depth, if known: most frames that precede another one in decoding order and follow it in output order. */
  readonly reorderDepth: number;
  /** MPEG-4 Audio in LATM: frames per element; bytes of each, 0 if variable; whether the configuration is in band. */
  readonly latm?: { readonly subFrames: number; readonly frameBytes: number; readonly isInBand: boolean };
  /** Bits of AU size, index and index difference (RFC 3640 §4.1). */
  readonly sizeBits?: number;
  readonly indexBits?: number;
  readonly deltaBits?: number;
  /** Bytes per tick of all channels: samples of a fixed size. */
  readonly sampleBytes?: number;
  /** Largest unit, bytes; by default the limit for video or audio, by the format. */
  readonly maxBytes?: number;
}

const SOUND_FORMATS = [UNITS_GENERIC, UNITS_FRAMES, UNITS_LATM, UNITS_MPEG12_AUDIO, UNITS_AC3, UNITS_SAMPLES];

/** The units of one track: access units or audio frames, in media memory. */
export class UnitLog {
  readonly address: number;
  readonly clockRate: number;
  readonly #memory: MediaMemory;
  readonly #result: number;
  #closed = false;
  /** The unit found last: number of its entries, bytes, times in ticks, whether it is a random access point. */
  entries = 0;
  size = 0;
  pts = 0;
  dts = 0;
  isKey = false;

  private constructor(memory: MediaMemory, address: number, setup: UnitSetup) {
    const { core } = memory;
    this.#memory = memory;
    this.address = address;
    this.clockRate = setup.clockRate;
    this.#result = address + core.UNIT_RESULT.value;
    const usual = SOUND_FORMATS.includes(setup.format) ? MAX_AUDIO_BYTES : MAX_FRAME_BYTES;
    core.unitOpen(address, setup.maxBytes ?? usual, memory.account);
    this.#set(core.UNIT_FORMAT, setup.format);
    this.#set(core.UNIT_FRAME_TICKS, Math.round(setup.frameTicks));
    this.#set(core.UNIT_DEPTH, setup.reorderDepth);
    this.#set(core.UNIT_SIZE_BITS, setup.sizeBits ?? 0);
    this.#set(core.UNIT_INDEX_BITS, setup.indexBits ?? 0);
    this.#set(core.UNIT_DELTA_BITS, setup.deltaBits ?? 0);
    if (setup.latm !== undefined) {
      this.#set(core.UNIT_SIZE_BITS, setup.latm.subFrames);
      this.#set(core.UNIT_INDEX_BITS, setup.latm.frameBytes);
      this.#set(core.UNIT_DELTA_BITS, setup.latm.isInBand ? 1 : 0);
    }
    memory.f64[(address + core.UNIT_CLOCK_RATE.value) >> 3] = setup.clockRate;
  }

  /** Undefined when the budget is used up. */
  static open(memory: MediaMemory, setup: UnitSetup): UnitLog | undefined {
    const address = memory.take(memory.core.UNIT_TRACK_SIZE.value);
    return address === undefined ? undefined : new UnitLog(memory, address, setup);
  }

  /** Takes what has become known of the order and the distance of frames; before the units that it is true of. */
  learn({ frameTicks, reorderDepth }: UnitSetup): void {
    const { core } = this.#memory;
    this.#set(core.UNIT_FRAME_TICKS, Math.round(frameTicks));
    this.#set(core.UNIT_DEPTH, Math.max(this.#get(core.UNIT_DEPTH), reorderDepth));
  }

  #set(offset: WebAssembly.Global, value: number): void {
    this.#memory.i32[(this.address + offset.value) >> 2] = value;
  }

  #get(offset: WebAssembly.Global): number {
    return this.#memory.i32[(this.address + offset.value) >> 2] as number;
  }

  /** Number of the next entry; wraps at 32 bits. */
  get headSeq(): number {
    return this.#get(this.#memory.core.UNIT_HEAD_SEQ);
  }

  /** Blocks of memory that it holds. */
  get blocks(): number {
    return this.#get(this.#memory.core.UNIT_BLOCKS);
  }

  /** Units that were incomplete or too large, and those of them that were too large. */
  get dropped(): number {
    return this.#get(this.#memory.core.UNIT_DROPPED);
  }

  get oversized(): number {
    return this.#get(this.#memory.core.UNIT_OVERSIZED);
  }

  /** Invalid packets; timestamp jumps. */
  get malformed(): number {
    return this.#get(this.#memory.core.UNIT_MALFORMED);
  }

  /** The RTP time, 32 bits, of an instant in the ticks of the units, which go on evenly where RTP times jump. */
  rtpTimeOf(ticks: number): number {
    const { core, f64, u32 } = this.#memory;
    const last = f64[(this.address + core.UNIT_TICKS.value) >> 3] as number;
    const time = u32[(this.address + core.UNIT_LAST_TIME.value) >> 2] as number;
    return (time + (ticks - last)) % 0x1_0000_0000;
  }

  get jumps(): number {
    return this.#get(this.#memory.core.UNIT_JUMPS);
  }

  /** The last in-band AudioSpecificConfig, a copy; undefined if there is none yet. */
  get audioConfig(): Uint8Array | undefined {
    const { core, u8 } = this.#memory;
    const size = this.#get(core.UNIT_CONFIG);
    const start = this.address + core.UNIT_CONFIG_DATA.value;
    return size === 0 ? undefined : u8.slice(start, start + size);
  }

  /**
   * Looks up the unit that begins with entry `seq`.
   *
   * @returns false when it is not there yet
   * @throws {Error} if it is not kept any more
   */
  find(seq: number): boolean {
    const { core } = this.#memory;
    const entries = core.unitAt(this.address, seq, this.#result);
    if (entries === 0) return false;
    if (entries < 0) throw new Error(`the unit ${seq} is gone`);
    const { i32, f64 } = this.#memory;
    const entry = i32[this.#result >> 2] as number;
    this.entries = entries;
    this.isKey = ((i32[(entry + core.UNIT_ENTRY_FLAGS.value) >> 2] as number) & UNIT_KEY) !== 0;
    this.size = i32[(entry + core.UNIT_ENTRY_BYTES.value) >> 2] as number;
    this.pts = f64[(entry + core.UNIT_ENTRY_PTS.value) >> 3] as number;
    this.dts = f64[(entry + core.UNIT_ENTRY_DTS.value) >> 3] as number;
    return true;
  }

  /** The first `limit` bytes of the unit found last; a view. */
  head(limit: number): Uint8Array {
    const { core, i32, u8 } = this.#memory;
    const entry = i32[this.#result >> 2] as number;
    const start = i32[(entry + core.UNIT_ENTRY_START.value) >> 2] as number;
    const size = i32[(entry + core.UNIT_ENTRY_SIZE.value) >> 2] as number;
    return u8.subarray(start, start + Math.min(limit, size));
  }

  /** Frees the entries before `seq`. */
  trim(seq: number): void {
    this.#memory.core.unitTrim(this.address, seq);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#memory.core.unitClose(this.address);
    this.#memory.give(this.address);
  }
}

/** Depacketizes the packets that a cursor of the RTP log has not seen. */
export class UnitPull {
  readonly #memory: MediaMemory;
  readonly #cursor: LogCursor;
  readonly #table: number;
  #closed = false;

  private constructor(memory: MediaMemory, cursor: LogCursor, table: number) {
    this.#memory = memory;
    this.#cursor = cursor;
    this.#table = table;
  }

  /** @param tracks by track of the log; undefined for tracks without units */
  static open(
    memory: MediaMemory,
    cursor: LogCursor,
    tracks: readonly (UnitLog | undefined)[],
  ): UnitPull | undefined {
    const table = memory.take(Int32Array.BYTES_PER_ELEMENT * tracks.length);
    if (table === undefined) return undefined;
    const pull = new UnitPull(memory, cursor, table);
    tracks.forEach((track, i) => {
      pull.setTrack(i, track);
    });
    return pull;
  }

  /** Sets the unit log of a track; undefined: its packets are skipped. */
  setTrack(index: number, track: UnitLog | undefined): void {
    this.#memory.i32[(this.#table >> 2) + index] = track?.address ?? 0;
  }

  /** Depacketizes some of the new packets; true if there are more. */
  pull(): boolean {
    this.#memory.prepare();
    return this.#memory.core.unitPull(this.#cursor.address, this.#table) === 1;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#memory.give(this.#table);
  }
}

/** The units of one track in a part. */
export interface PartRange {
  readonly units: UnitLog;
  /** Number of the track in the file. */
  readonly id: number;
  readonly isVideo: boolean;
  /** First entry, and the end. */
  readonly from: number;
  readonly to: number;
  /** Ticks subtracted from decoding times; an integer. */
  readonly origin: number;
  /** Decoding time after the last unit. */
  readonly endDts: number;
}

/** Of the block for headers of parts: room for the tracks, and for the list of spans; the rest is for the header. */
const TRACKS_BYTES = 2 * 1024;
const SPANS_BYTES = 48 * 1024;

/** Writes parts of fragmented MP4 files, without copying their media. */
export class PartWriter {
  readonly #memory: MediaMemory;
  readonly #block: number;
  #closed = false;

  private constructor(memory: MediaMemory, block: number) {
    this.#memory = memory;
    this.#block = block;
  }

  /** Undefined when the budget is used up. */
  static open(memory: MediaMemory): PartWriter | undefined {
    const block = memory.take(memory.core.blockCapacity());
    return block === undefined ? undefined : new PartWriter(memory, block);
  }

  /**
   * The bytes of a part (ISO/IEC 14496-12 §8.8): views of media memory, to be copied at once.
   *
   * @param sequence number of the fragment, from 1
   * @param front is inserted before the first unit of the first track, a video track, and becomes part of that unit
   * @returns undefined when it has more samples or pieces than a part can have
   */
  write(
    ranges: readonly PartRange[],
    sequence: number,
    front: Uint8Array = NOTHING,
  ): Uint8Array[] | undefined {
    const { core, u8 } = this.#memory;
    this.#describe(ranges, front.length);
    const spans = this.#block + TRACKS_BYTES;
    const header = spans + SPANS_BYTES;
    const limit = core.blockCapacity() - TRACKS_BYTES - SPANS_BYTES;
    const size = core.fmp4Part(this.#block, sequence, header, limit);
    if (size < 0) return undefined;
    const views = [u8.subarray(header, header + size)];
    if (front.length > 0) views.push(front);
    const most = Math.floor(SPANS_BYTES / core.UNIT_SPAN_STRIDE.value);
    for (const { units, from, to } of ranges) {
      if (((to - from) | 0) <= 0) continue;
      const count = core.unitSpans(units.address, from, to, spans, most);
      if (count < 0) return undefined;
      views.push(...spanViews(this.#memory, spans, count));
    }
    return views;
  }

  #describe(ranges: readonly PartRange[], front: number): void {
    const memory = this.#memory;
    const { core } = memory;
    memory.setInt(this.#block, core.PART_COUNT, ranges.length);
    memory.setInt(this.#block, core.PART_FRONT, front);
    ranges.forEach(({ units, from, to, id, isVideo, origin, endDts }, i) => {
      const at = this.#block + core.PART_TRACKS.value + i * core.PART_TRACK_STRIDE.value;
      memory.setInt(at, core.PART_TRACK_UNITS, units.address);
      memory.setInt(at, core.PART_TRACK_SEQ, from);
      memory.setInt(at, core.PART_TRACK_END, to);
      memory.setInt(at, core.PART_TRACK_ID, id);
      memory.setInt(at, core.PART_TRACK_VIDEO, isVideo ? 1 : 0);
      memory.setFloat(at, core.PART_TRACK_ORIGIN, origin);
      memory.setFloat(at, core.PART_TRACK_END_DTS, endDts);
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#memory.give(this.#block);
  }
}

const NOTHING = new Uint8Array(0);

/** The bytes of a list of spans: views of media memory. */
export function spanViews({ core, i32, u8 }: MediaMemory, spans: number, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const at = spans + i * core.UNIT_SPAN_STRIDE.value;
    const start = i32[(at + core.UNIT_SPAN_START.value) >> 2] as number;
    return u8.subarray(start, start + (i32[(at + core.UNIT_SPAN_SIZE.value) >> 2] as number));
  });
}
