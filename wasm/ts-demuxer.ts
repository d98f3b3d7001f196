import { TS_EVENT_SECTION, TS_TARGETS_MAX } from "../assembly/abi.ts";
import type { MediaMemory } from "./core.ts";
import { TsSections, type TsStream, type TsTables } from "./ts-sections.ts";
import { type TsStreamKind, TsTrack } from "./ts-track.ts";

/** Packet counters. */
export interface TsCounters {
  readonly packets: number;
  /** Times that sync was lost. */
  readonly syncLosses: number;
  /** Continuity counter errors. */
  readonly continuityErrors: number;
  readonly duplicates: number;
  readonly scrambled: number;
  readonly malformed: number;
  /** Timestamp discontinuities. */
  readonly jumps: number;
  /** Oversized frames dropped. */
  readonly oversized: number;
}

/** Most input bytes per call of the core. */
const INPUT_BYTES = 16_384;
/** Most elementary streams of a program that are read. */
const TRACKS_MAX = 16;

/**
 * Demuxes transport streams: finds packets in any bytes, and makes units of the streams that the tables choose. All
 * tracks share one timeline without wraps: tick 0 is the same instant in all of them.
 */
export class TsDemuxer {
  readonly #memory: MediaMemory;
  readonly #tables: TsTables;
  readonly #address: number;
  readonly #input: number;
  readonly #sections: TsSections;
  /** Bytes left at `#input`. */
  #fill = 0;
  readonly #tracks: TsTrack[] = [];
  #unknown: readonly TsStream[] = [];
  #changes = 0;
  #closed = false;

  private constructor(memory: MediaMemory, addresses: readonly number[], tables: TsTables) {
    const [address, input] = addresses as [number, number];
    this.#memory = memory;
    this.#tables = tables;
    this.#address = address;
    this.#input = input;
    memory.u8.fill(0, address, address + memory.core.TS_DEMUX_SIZE.value);
    this.#sections = new TsSections(memory, {
      listen: (pid, target) => this.#listen(pid, target),
      ignore: (pid) => this.#ignore(pid),
    });
    this.#sections.follow(tables);
  }

  /**
   * @param tables of this transport stream alone
   * @returns undefined when the budget is used up
   */
  static open(memory: MediaMemory, tables: TsTables): TsDemuxer | undefined {
    const address = memory.take(memory.core.TS_DEMUX_SIZE.value);
    const input = address === undefined ? undefined : memory.take(INPUT_BYTES);
    if (address === undefined || input === undefined) {
      if (address !== undefined) memory.give(address);
      return undefined;
    }
    return new TsDemuxer(memory, [address, input], tables);
  }

  /**
   * The supported streams of the program, in the order in which they were first seen. A stream that gets
   * another PID stays the same track; one that is no longer in the program stays in the list.
   */
  get tracks(): readonly TsTrack[] {
    return this.#tracks;
  }

  /** The unsupported streams of the program. */
  get unknown(): readonly TsStream[] {
    return this.#unknown;
  }

  /** Grows when tracks come or go. */
  get changes(): number {
    return this.#changes;
  }

  get counters(): TsCounters {
    const { core, i32 } = this.#memory;
    const get = (offset: WebAssembly.Global) => i32[(this.#address + offset.value) >> 2] as number;
    return {
      packets: get(core.TS_DEMUX_PACKETS),
      syncLosses: get(core.TS_DEMUX_SYNC_LOSSES),
      continuityErrors: get(core.TS_DEMUX_CONTINUITY),
      duplicates: get(core.TS_DEMUX_DUPLICATES),
      scrambled: get(core.TS_DEMUX_SCRAMBLED),
      malformed: get(core.TS_DEMUX_MALFORMED),
      jumps: get(core.TS_DEMUX_JUMPS),
      oversized: this.#tracks.reduce((sum, { units }) => sum + (units?.oversized ?? 0), 0),
    };
  }

  /** The latest presentation time of all units, 90 kHz. */
  get latest(): number {
    return this.#memory.f64[(this.#address + this.#memory.core.TS_DEMUX_LATEST.value) >> 3] as number;
  }

  /** Receives bytes of the stream, in order, cut anywhere. They are borrowed. */
  push(chunk: Uint8Array): void {
    const { u8 } = this.#memory;
    for (let at = 0; at < chunk.length; ) {
      const size = Math.min(INPUT_BYTES - this.#fill, chunk.length - at);
      u8.set(size === chunk.length ? chunk : chunk.subarray(at, at + size), this.#input + this.#fill);
      this.#fill += size;
      at += size;
      this.#run(false);
    }
  }

  /** Ends all units in progress: the stream ends, or something else follows. */
  flush(): void {
    this.#run(true);
    this.#fill = 0;
    this.#memory.prepare();
    this.#memory.core.tsFlush(this.#address);
  }

  /** Marks a discontinuity: the timestamps that follow continue after the latest one. */
  restart(): void {
    this.#run(true);
    this.#fill = 0;
    this.#memory.prepare();
    this.#memory.core.tsRestart(this.#address);
  }

  #run(isLast: boolean): void {
    const { core } = this.#memory;
    const events = (this.#address + core.TS_DEMUX_EVENTS.value) >> 2;
    let from = 0;
    for (;;) {
      this.#memory.prepare();
      from += core.tsDemux(this.#address, this.#input + from, this.#fill - from, isLast ? 1 : 0);
      const bits = this.#memory.i32[events] as number;
      if (bits === 0) break;
      if ((bits & TS_EVENT_SECTION) !== 0) this.#sections.deliver(this.#receive);
      for (const track of this.#tracks) track.openUnits();
    }
    this.#memory.u8.copyWithin(this.#input, this.#input + from, this.#input + this.#fill);
    this.#fill -= from;
  }

  readonly #receive = (pid: number, sections: Uint8Array): void => {
    const streams = this.#tables.receive(pid, sections);
    this.#sections.follow(this.#tables);
    if (streams !== undefined) this.#take(streams);
  };

  /** @returns whether there was room, and the PID was free */
  #listen(pid: number, target: number): boolean {
    const { core, u8, i32 } = this.#memory;
    const targets = (this.#address + core.TS_TARGETS.value) >> 2;
    const place = this.#address + core.TS_PIDS.value + pid;
    // index 0 means no target
    const free = i32.subarray(targets, targets + TS_TARGETS_MAX).indexOf(0, 1);
    if (u8[place] !== 0 || free < 0) return false;
    i32[targets + free] = target;
    u8[place] = free;
    return true;
  }

  #ignore(pid: number): void {
    const { core, u8, i32 } = this.#memory;
    const place = this.#address + core.TS_PIDS.value + pid;
    i32[((this.#address + core.TS_TARGETS.value) >> 2) + (u8[place] as number)] = 0;
    u8[place] = 0;
  }

  /** Updates the streams of the program: known ones continue, even with another PID. */
  #take(streams: readonly TsStream[]): void {
    const known = streams.flatMap(({ pid, kind }) =>
      kind === undefined ? [] : [{ pid, kind, track: undefined as TsTrack | undefined }],
    );
    this.#unknown = streams.filter(({ kind }) => kind === undefined);
    const before = this.#tracks.filter(({ isPresent }) => isPresent);
    for (const samePid of [true, false]) {
      for (const entry of known.filter(({ track }) => track === undefined)) {
        const taken = known.map(({ track }) => track);
        entry.track = this.#tracks.find(
          (track) =>
            !taken.includes(track) &&
            isAlike(track.kind, entry.kind) &&
            (track.pid === entry.pid || !samePid),
        );
      }
    }
    for (const track of before) if (track.isWanted) this.#ignore(track.pid);
    for (const track of this.#tracks) track.isPresent = false;
    for (const { pid, kind, track } of known) this.#enter(pid, kind, track);
    const after = this.#tracks.filter(({ isPresent }) => isPresent);
    if (after.length !== before.length || after.some((track) => !before.includes(track))) this.#changes += 1;
  }

  #enter(pid: number, kind: TsStreamKind, old: TsTrack | undefined): void {
    if (old === undefined && this.#tracks.length >= TRACKS_MAX) return;
    const track = old ?? TsTrack.open(this.#memory, pid, kind);
    if (track === undefined) return;
    if (old === undefined) this.#tracks.push(track);
    else if (old.pid !== pid) old.move(pid);
    track.isPresent = !track.isWanted || this.#listen(pid, track.address);
  }

  /** Skips a track from now on; its units stay as they are. */
  skip(track: TsTrack): void {
    if (track.isPresent && track.isWanted) this.#ignore(track.pid);
    track.isWanted = false;
    this.#memory.core.tsLose(track.address);
  }

  /** Frees everything, including the units of the tracks. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#sections.close();
    for (const track of this.#tracks) track.close();
    this.#memory.give(this.#input);
    this.#memory.give(this.#address);
  }
}

function isAlike(a: TsStreamKind, b: TsStreamKind): boolean {
  return a.kind === b.kind && a.clockRate === b.clockRate && a.channels === b.channels;
}
