import type { MediaMemory } from "./core.ts";

/** How a reader reads a log. */
export interface CursorOptions {
  /** Address of the log. */
  readonly log: number;
  /** Tracks in the log. */
  readonly tracks: number;
  /** RTP channel of each track the reader wants; undefined for the others. */
  readonly channels: readonly (number | undefined)[];
  /** Whether `fill` stops after the first packet of each track. */
  readonly stopsAtFirst?: boolean;
}

/** Where a reader stands in a log, always on a packet boundary; its state is in media memory. */
export class LogCursor {
  readonly address: number;
  readonly #memory: MediaMemory;
  readonly #log: number;
  readonly #position: number;
  readonly #seq: number;
  readonly #plain: number;
  #closed = false;

  private constructor(memory: MediaMemory, address: number, log: number) {
    const { core } = memory;
    this.#memory = memory;
    this.#log = log;
    this.address = address;
    this.#position = (address + core.CURSOR_POSITION.value) >> 2;
    this.#seq = (address + core.CURSOR_SEQ.value) >> 2;
    this.#plain = (address + core.CURSOR_PLAIN.value) >> 2;
  }

  /** A cursor at the live edge; undefined when the budget is used up. */
  static open(memory: MediaMemory, options: CursorOptions): LogCursor | undefined {
    const { core } = memory;
    const address = memory.take(core.CURSOR_SIZE.value);
    if (address === undefined) return undefined;
    const { u8 } = memory;
    const { channels, tracks, log } = options;
    let selected = 0;
    let usual = channels.length === tracks ? 1 : 0;
    channels.forEach((channel, track) => {
      if (channel !== 2 * track) usual = 0;
      if (channel === undefined) return;
      selected |= 1 << track;
      u8[address + core.CURSOR_CHANNELS.value + track] = channel;
    });
    const cursor = new LogCursor(memory, address, log);
    core.cursorOpen(address, log, selected, usual, options.stopsAtFirst === true ? selected : 0);
    return cursor;
  }

  /** Moves to the live edge; skipped packets do not count as lost. */
  toHead(): void {
    this.#memory.core.cursorToHead(this.address);
  }

  /** Moves to the position of another cursor of the same log. */
  follow(leader: LogCursor): void {
    this.#memory.core.cursorFollow(this.address, leader.address);
  }

  /** Moves to an entry; false if the log does not hold it. */
  to(seq: number): boolean {
    return this.#memory.core.cursorTo(this.address, seq) !== 0;
  }

  /** Waits for the first random access points of its video tracks (record logs); earlier records are not lost. */
  await(): void {
    this.#memory.core.cursorAwait(this.address);
  }

  /**
   * Lists the next records for a reader that takes them one by one.
   *
   * @param out address of `limit` rows of RECORD_ROW bytes
   * @param only tracks (bits) to list; records of the others are lost
   * @returns how many were listed
   */
  gather(out: number, limit: number, only = -1): number {
    return this.#memory.core.cursorGather(this.address, out, limit, only);
  }

  /** Moves back to the last random access point; false if the log does not hold it. */
  toRandomAccess(): boolean {
    return this.#memory.core.cursorToRandomAccess(this.address) !== 0;
  }

  /** Whether the bytes of the log are sent as they are, from `position`. */
  get plain(): boolean {
    return this.#memory.i32[this.#plain] !== 0;
  }

  get position(): number {
    return this.#memory.i32[this.#position] as number;
  }

  /** Sequence number of the next packet; wraps at 32 bits. */
  get seq(): number {
    return this.#memory.i32[this.#seq] as number;
  }

  /** Address of the unsent part of a packet, after `move`. */
  get rest(): number {
    return this.#field(this.#memory.core.CURSOR_REST);
  }

  /** Whether the frame in progress is to be finished before dropping starts. */
  get ending(): boolean {
    return this.#field(this.#memory.core.CURSOR_ENDING) !== 0;
  }

  get dropping(): boolean {
    return this.#field(this.#memory.core.CURSOR_DROPPING) !== 0;
  }

  get lostPackets(): number {
    return this.#field(this.#memory.core.CURSOR_LOST_PACKETS) >>> 0;
  }

  get lostFrames(): number {
    return this.#field(this.#memory.core.CURSOR_LOST_FRAMES) >>> 0;
  }

  /** Tracks (bits) after whose first packet `fill` stops: the reader has had none of them yet. */
  get fresh(): number {
    return this.#field(this.#memory.core.CURSOR_FRESH);
  }

  set fresh(tracks: number) {
    this.#memory.i32[(this.address + this.#memory.core.CURSOR_FRESH.value) >> 2] = tracks;
  }

  /** Packets passed to the reader by the last `move` or `fill`. */
  get passed(): number {
    return this.#field(this.#memory.core.CURSOR_PASSED);
  }

  #field(offset: WebAssembly.Global): number {
    return this.#memory.i32[(this.address + offset.value) >> 2] as number;
  }

  /** Bytes that may be sent from `position` in one piece, when plain. */
  span(): number {
    return this.#memory.core.cursorSpan(this.address);
  }

  /** Advances by `size` sent bytes, and to the end of a partly sent packet; returns the unsent bytes of that packet. */
  move(size: number): number {
    return this.#memory.core.cursorMove(this.address, size);
  }

  /**
   * Copies the next packets for a reader that is not plain.
   *
   * @param only tracks (bits) to copy; packets of the others are lost
   * @returns bytes written
   */
  fill(dst: number, limit: number, only = -1): number {
    return this.#memory.core.cursorFill(this.address, dst, limit, only);
  }

  /** Tracks (bits) whose frame in progress is to be finished. */
  get endingTracks(): number {
    return this.#field(this.#memory.core.CURSOR_ENDING);
  }

  /** Drops video up to the next random access points. */
  skip(): void {
    this.#memory.core.cursorSkip(this.address);
  }

  /** Drops everything not sent yet. */
  jump(): void {
    this.#memory.core.cursorJump(this.address);
  }

  /** Age of the oldest packet not sent yet, ms. */
  age(now: number): number {
    return this.#memory.core.cursorAge(this.address, now);
  }

  /** Packets between the cursor and the head of the log. */
  get lag(): number {
    const { core, i32 } = this.#memory;
    return ((i32[(this.#log + core.LOG_HEAD_SEQ.value) >> 2] as number) - this.seq) | 0;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#memory.give(this.address);
  }
}
