import type { LogCursor } from "../../wasm/cursor.ts";
import { type CursorOwner, type CursorParts, type ReadLog, StreamCursor } from "./cursor.ts";
import type { OutputContext } from "./output.ts";
import type { SinkGroup } from "./sink-group.ts";

/** Time in which every reader of the group is checked once for own bytes to send, ms. */
const ROUND_MS = 2_000;

/**
 * Readers of one log over byte streams. Those at the head with nothing of their own to send are in the
 * group: they get the same bytes at the same time. The others are solo: each is written to from its own cursor.
 */
export class FanOut implements CursorOwner {
  readonly context: OutputContext;
  readonly log: ReadLog;
  readonly framing: number;
  readonly #solo: StreamCursor[] = [];
  readonly #group: StreamCursor[] = [];
  readonly #sinks: SinkGroup;
  /** Where the group stands. */
  readonly #leader: LogCursor;
  /** Readers that accepted only part of the write in progress, and how many bytes. */
  readonly #shortIndexes: number[] = [];
  readonly #shortTaken: number[] = [];
  /** Next reader of the group to check for own bytes, and when the last one was checked. */
  #turn = 0;
  #turnTime = 0;
  /** Bytes sent to the group since it exists, and those of them that are not framing. */
  groupBytes = 0;
  groupMedia = 0;
  /** Entries between the head and the reader that is furthest behind, as of the last flush. */
  lag = 0;

  /**
   * @param leader takes all tracks, as they are; the fan-out closes it
   * @param framing bytes in front of each packet of the log that are not media
   */
  constructor(context: OutputContext, log: ReadLog, leader: LogCursor, framing = 0) {
    this.context = context;
    this.log = log;
    this.framing = framing;
    this.#leader = leader;
    this.#sinks = context.createGroup();
  }

  get size(): number {
    return this.#solo.length + this.#group.length;
  }

  /** Adds a reader at the position of its cursor; nothing is sent before the next flush or `pump`. */
  add(parts: CursorParts): StreamCursor {
    const cursor = new StreamCursor(this, parts);
    this.#solo.push(cursor);
    return cursor;
  }

  /** Removes a reader and closes it. */
  remove(cursor: StreamCursor): void {
    this.separate(cursor);
    const i = this.#solo.indexOf(cursor);
    if (i >= 0) this.#takeSolo(i);
    cursor.close();
  }

  /** Moves a reader out of the group, because it has bytes of its own to send first. */
  separate(cursor: StreamCursor): void {
    const { index } = cursor;
    if (index === undefined) return;
    const last = this.#group.pop() as StreamCursor;
    this.#sinks.remove(index);
    if (last !== cursor) {
      this.#group[index] = last;
      last.index = index;
    }
    this.#solo.push(cursor);
    cursor.part(this.#leader);
  }

  failed(cursor: StreamCursor, error: Error): void {
    if (cursor.fail(error)) this.context.fault(error, "reader of a stream");
  }

  /** Sends every reader what is new for it. */
  flush(now: number): void {
    if (this.#group.length > 0) this.#flushGroup(now);
    else this.#leader.toHead();
    this.#flushSolo(now);
  }

  #flushGroup(now: number): void {
    const leader = this.#leader;
    for (let size = leader.span(); size > 0; size = leader.span()) {
      this.#sinks.write(this.context.memory.u8, leader.position, size, this.#noteShort);
      while (this.#shortIndexes.length > 0) {
        const cursor = this.#group[this.#shortIndexes.pop() as number] as StreamCursor;
        this.separate(cursor);
        cursor.fallBehind(this.#shortTaken.pop() as number, now);
      }
      leader.move(size);
      this.groupBytes += size;
      this.groupMedia += size - leader.passed * this.framing;
    }
    this.#askInTurn(now);
  }

  readonly #noteShort = (index: number, taken: number, error?: unknown): void => {
    this.#shortIndexes.push(index);
    this.#shortTaken.push(taken);
    if (error !== undefined) this.failed(this.#group[index] as StreamCursor, error as Error);
  };

  /** Lets readers of the group send their own due bytes: each is checked once in ROUND_MS. */
  #askInTurn(now: number): void {
    const due = Math.ceil((this.#group.length * (now - this.#turnTime)) / ROUND_MS);
    const count = Math.min(due, this.#group.length);
    this.#turnTime = now;
    for (let i = 0; i < count; i++) {
      if (this.#turn >= this.#group.length) this.#turn = 0;
      const cursor = this.#group[this.#turn];
      if (cursor !== undefined) this.#ask(cursor, now);
      this.#turn += 1;
    }
  }

  #ask(cursor: StreamCursor, now: number): void {
    try {
      cursor.sendOwn(now);
    } catch (error) {
      this.failed(cursor, error as Error);
    }
  }

  #flushSolo(now: number): void {
    this.lag = 0;
    for (let i = this.#solo.length - 1; i >= 0; i--) {
      const cursor = this.#solo[i];
      if (cursor === undefined) continue; // a socket that was closed meanwhile
      try {
        cursor.pump(now);
      } catch (error) {
        this.failed(cursor, error as Error);
      }
      if (cursor.isLike(this.#leader.seq)) this.#regroup(i);
      else this.lag = Math.max(this.lag, cursor.lag);
    }
  }

  /** Moves solo reader number `i` to the group. */
  #regroup(i: number): void {
    const cursor = this.#takeSolo(i);
    cursor.join(this.#group.push(cursor) - 1);
    this.#sinks.push(cursor.sink);
  }

  #takeSolo(i: number): StreamCursor {
    const cursor = this.#solo[i] as StreamCursor;
    const last = this.#solo.pop() as StreamCursor;
    if (i < this.#solo.length) this.#solo[i] = last;
    return cursor;
  }

  /** Fails every reader. */
  fail(error: Error): void {
    for (const cursor of this.#solo) cursor.fail(error);
    for (const cursor of this.#group) cursor.fail(error);
  }

  /** Releases everything; the remaining readers get nothing more. */
  close(): void {
    for (const cursor of this.#group) cursor.close();
    for (const cursor of this.#solo) cursor.close();
    this.#group.length = 0;
    this.#solo.length = 0;
    this.#leader.close();
  }
}
