import { ERR_BUDGET, FLAG_RANDOM } from "../assembly/abi.ts";
import type { MediaMemory } from "./core.ts";
import { LogCursor } from "./cursor.ts";
import { TrackState } from "./track.ts";

export interface RecordLogOptions {
  /** Of each track: whether a reader that drops frames resumes at the next random access point. */
  readonly video: readonly boolean[];
  /** Records a reader may lag behind at least. */
  readonly lagPackets: number;
}

/**
 * The log of a muxer that serves all readers of a form. A frame is one record or more, which readers get whole and
 * in order; the preamble is what they need first.
 */
export class RecordLog {
  readonly address: number;
  /** Number of the preamble track: after all others. */
  readonly preambleTrack: number;
  readonly #memory: MediaMemory;
  readonly #preamble: TrackState;

  private constructor(memory: MediaMemory, address: number, tracks: number) {
    const { LOG_TRACKS, TRACK_STRIDE } = memory.core;
    this.#memory = memory;
    this.address = address;
    this.preambleTrack = tracks;
    this.#preamble = new TrackState(memory, address + LOG_TRACKS.value + tracks * TRACK_STRIDE.value);
  }

  /** A log without records; undefined when the budget is used up. */
  static open(memory: MediaMemory, { video, lagPackets }: RecordLogOptions): RecordLog | undefined {
    const { core } = memory;
    const size = core.LOG_TRACKS.value + (video.length + 1) * core.TRACK_STRIDE.value;
    const address = memory.take(size);
    if (address === undefined) return undefined;
    const bits = video.reduce((sum, isVideo, i) => (isVideo ? sum | (1 << i) : sum), 0);
    core.recordOpen(address, size, video.length, lagPackets, bits, memory.account);
    return new RecordLog(memory, address, video.length);
  }

  /**
   * A cursor at the live edge; undefined when the budget is used up.
   *
   * @param wanted tracks besides the preamble; all by default
   */
  openCursor(wanted?: readonly boolean[]): LogCursor | undefined {
    const tracks = this.preambleTrack + 1;
    const isWanted = (i: number) => wanted === undefined || i === this.preambleTrack || wanted[i] === true;
    const channels = Array.from({ length: tracks }, (_, i) => (isWanted(i) ? 2 * i : undefined));
    return LogCursor.open(this.#memory, { log: this.address, tracks, channels });
  }

  /**
   * Begins a frame; its records follow.
   *
   * @param time in the clock of the form
   * @param now when it came, monotonic ms
   */
  begin(track: number, isRandomAccess: boolean, time: number, now: number): void {
    this.#memory.core.recordBegin(this.address, track, isRandomAccess ? FLAG_RANDOM : 0, time, now);
  }

  /**
   * Appends a record of media memory to the frame.
   *
   * @param size at most RECORD_MAX
   * @param isLast whether the frame ends with it
   * @returns false when the budget is used up
   */
  put(src: number, size: number, isLast: boolean): boolean {
    this.#memory.prepare();
    return isDone(this.#memory.core.recordPut(this.address, src, size, isLast ? 1 : 0));
  }

  /**
   * Appends the bytes of spans in records of `limit` bytes, the last one shorter; the frame ends with them.
   *
   * @param spans address of the spans (`unitSpans`)
   * @returns false when the budget is used up
   */
  cut(spans: number, count: number, limit: number): boolean {
    const { core, i32 } = this.#memory;
    let size = 0;
    for (let i = 0; i < count; i++) {
      const span = spans + i * core.UNIT_SPAN_STRIDE.value;
      size += i32[(span + core.UNIT_SPAN_SIZE.value) >> 2] as number;
    }
    this.#memory.prepare(Math.ceil(size / BLOCK_BYTES));
    return isDone(core.recordCut(this.address, spans, count, limit, 1));
  }

  /** Publishes the appended records. */
  publish(): void {
    this.#memory.core.recordPublish(this.address);
  }

  /** Records published so far; wraps at 32 bits. */
  get headSeq(): number {
    return this.#read(this.#memory.core.LOG_HEAD_SEQ);
  }

  /** Oldest record from which a lagging reader may continue. */
  get floorSeq(): number {
    return this.#read(this.#memory.core.LOG_FLOOR);
  }

  get blocks(): number {
    return this.#read(this.#memory.core.LOG_BLOCKS);
  }

  /** Where readers can start: the last random access point of the first video track, or the preamble just before it. */
  get startSeq(): number | undefined {
    const { RECORDS_START, RECORDS_STARTED } = this.#memory.core;
    return this.#read(RECORDS_STARTED) === 0 ? undefined : this.#read(RECORDS_START);
  }

  /** Number of the first record of the last preamble; undefined if there is none yet. */
  get preambleSeq(): number | undefined {
    return this.#preamble.randomAccessPoints === 0 ? undefined : this.#preamble.randomAccessSeq;
  }

  #read(offset: WebAssembly.Global): number {
    return this.#memory.i32[(this.address + offset.value) >> 2] as number;
  }

  /** Frees the blocks whose records all precede `keepSeq`. */
  trim(keepSeq: number): void {
    this.#memory.core.logTrim(this.address, keepSeq);
  }

  /** Frees everything. No cursor may use it any more. */
  close(): void {
    this.#memory.core.logClose(this.address);
    this.#memory.give(this.address);
  }
}

/** Least bytes of records in a block. */
const BLOCK_BYTES = 48 * 1024;

function isDone(code: number): boolean {
  if (code === 0) return true;
  if (code === ERR_BUDGET) return false;
  throw new RangeError("a record is empty or too large");
}
