import type { MediaMemory } from "../../wasm/core.ts";
import type { LogCursor } from "../../wasm/cursor.ts";
import { usedUp } from "./budget.ts";
import { type ByteSink, OUTBOX_MAX, type Outbox } from "./outbox.ts";
import type { OutputContext, ReaderFault } from "./output.ts";
import type { SentGroup } from "./sent-bytes.ts";

/** How far a reader may lag, ms; the second limit applies once nine tenths of the budget are taken. */
const LAG_MAX_MS = 5_000;
const LAG_MIN_MS = 500;
/** Blocks a log keeps for readers that are behind: 32 MB, and no more than half of what its stream may take. */
const LAG_MAX_BLOCKS = 256;
/** Below this share of free budget, readers do not finish their frame: what is left is for publishers. */
const LEFT_MIN = 0.02;
/** Bytes copied at once for a reader with its own channels: more than the largest packet. */
const FILL_BYTES = 72 * 1024;

/** A log that readers have cursors on. */
export interface ReadLog {
  /** Oldest entry from which a lagging reader may continue. */
  readonly floorSeq: number;
  readonly blocks: number;
}

/** Bytes a reader gets besides those of the log: sender reports, the preamble of a form. */
export interface OwnBytes {
  /** Whether the reader may be in the group, where due bytes wait for their turn. */
  readonly isSettled: boolean;
  /** Whether something must be sent before the log's next bytes. */
  isDue(now: number): boolean;
  /** Writes the due bytes at `dst`. @returns bytes written */
  write(dst: number, now: number): number;
  /** How many bytes of the last `write` were framing. */
  readonly framing: number;
  /** The reader has got the first packets of some tracks; it has none yet of `fresh` (bits). */
  started(fresh: number): void;
  /** The reader has skipped the entries of the log from `from` up to `to`, not included. */
  jumped(from: number, to: number): void;
}

/** What a reader is made of. */
export interface CursorParts {
  /** Its place in the log; the reader closes it. */
  readonly cursor: LogCursor;
  readonly outbox: Outbox;
  readonly own: OwnBytes;
  readonly fault: ReaderFault;
}

/** The readers of a log that one belongs to. */
export interface CursorOwner extends SentGroup {
  readonly context: OutputContext;
  readonly log: ReadLog;
  /** Bytes of framing in front of each packet of the log; they do not count as media. */
  readonly framing: number;
  /** Takes the reader out of the group. */
  separate(cursor: StreamCursor): void;
  /** Ends a reader that has failed. */
  failed(cursor: StreamCursor, error: Error): void;
}

/** Figures of a reader that is closed. */
interface Final {
  readonly bytesSent: number;
  readonly lostPackets: number;
  readonly lostFrames: number;
}

/** Whether a blocked reader must be moved to the live edge. */
export function isTooFarBehind(cursor: LogCursor, log: ReadLog, memory: MediaMemory, now: number): boolean {
  if (cursor.lag === 0) return false;
  const limit = memory.hasRoom ? LAG_MAX_MS : LAG_MIN_MS;
  const blocks = Math.min(LAG_MAX_BLOCKS, memory.blocksMax >> 1);
  return cursor.age(now | 0) > limit || log.blocks > blocks || memory.isScarce;
}

/** A reader over a stream of bytes: where it is in the log, what it may send next, what it lost. */
export class StreamCursor {
  readonly #owner: CursorOwner;
  readonly #outbox: Outbox;
  readonly #cursor: LogCursor;
  readonly #own: OwnBytes;
  /** Undefined once it has been called. */
  #fault: ReaderFault | undefined;
  /** When it last made progress while data was waiting. */
  #progress = 0;
  /** Media bytes already sent on the connection when the reader started. */
  readonly #sentBefore: number;
  /** Place in the group; undefined while it is solo. */
  index: number | undefined;
  #final: Final | undefined;

  constructor(owner: CursorOwner, { cursor, outbox, own, fault }: CursorParts) {
    this.#owner = owner;
    this.#outbox = outbox;
    this.#sentBefore = outbox.sent.media;
    this.#cursor = cursor;
    this.#own = own;
    this.#fault = fault;
    outbox.onBlocked = () => this.#owner.separate(this);
  }

  /** Packets between it and the live edge; the group stands there after each flush. */
  get lag(): number {
    return this.index !== undefined || this.#isOver ? 0 : this.#cursor.lag;
  }

  /** Age of the oldest packet waiting for it, ms. */
  get lagMs(): number {
    return this.lag === 0 ? 0 : this.#cursor.age(this.#owner.context.clock.now() | 0);
  }

  get lostPackets(): number {
    return this.#final?.lostPackets ?? this.#cursor.lostPackets;
  }

  get lostFrames(): number {
    return this.#final?.lostFrames ?? this.#cursor.lostFrames;
  }

  /** Bytes sent, of the log and its own, without framing. */
  get bytesSent(): number {
    return this.#final?.bytesSent ?? this.#outbox.sent.media - this.#sentBefore;
  }

  /** The socket, for writes to many readers at once. */
  get sink(): ByteSink {
    return this.#outbox.sink;
  }

  /** Whether it has failed or is closed: it sends nothing and holds nothing in the log. */
  get #isOver(): boolean {
    return this.#fault === undefined || this.#final !== undefined;
  }

  /** Whether it needs nothing but the bytes of the log from `seq` on. */
  isLike(seq: number): boolean {
    const outbox = this.#outbox;
    if (outbox.blocked || outbox.pending > 0 || !this.#own.isSettled || this.#isOver) return false;
    return this.#cursor.plain && this.#cursor.seq === seq;
  }

  /** Joins the group as number `index`. */
  join(index: number): void {
    this.index = index;
    this.#outbox.sent.join(this.#owner);
  }

  /** Leaves the group, from the position of `leader`. */
  part(leader: LogCursor): void {
    this.index = undefined;
    this.#outbox.sent.leave();
    this.#cursor.follow(leader);
  }

  /** After a partial write of the group: this reader took only `taken` bytes, or is closed (-1). */
  fallBehind(taken: number, now: number): void {
    this.#progress = now;
    this.#outbox.tookLess(taken);
    if (taken < 0) return;
    this.#moved(taken);
  }

  /** Sends its own bytes that are due. */
  sendOwn(now: number): void {
    if (!this.#own.isDue(now)) return;
    const { scratch } = this.#owner.context;
    const size = this.#own.write(scratch, now);
    if (size > 0) this.#sendOrHold(scratch, size, this.#own.framing);
  }

  /** When it last made progress, monotonic ms, while it is blocked; undefined when it is not. */
  get stalledSince(): number | undefined {
    return this.#outbox.blocked ? this.#progress : undefined;
  }

  /** Sends what it may send now; does nothing while it is in the group, which writes for all its readers. */
  pump(now: number): void {
    if (this.index !== undefined || this.#isOver) return;
    if (this.#outbox.blocked) {
      this.#watchLag(now);
      return;
    }
    this.#progress = now;
    this.sendOwn(now);
    while (!this.#outbox.blocked) {
      const sent = this.#cursor.plain ? this.#sendPlain() : this.#sendCopy(now);
      if (!sent) return;
    }
  }

  /** Called when the socket has room again and the outbox has written what it could. */
  drained(now: number): void {
    this.#progress = now;
    if (this.#outbox.blocked || this.index !== undefined || this.#isOver) return;
    const { seq } = this.#cursor;
    if (((seq - this.#owner.log.floorSeq) | 0) < 0) {
      this.#cursor.skip();
      this.#own.jumped(seq, this.#cursor.seq);
    }
    this.pump(now);
  }

  #sendPlain(): boolean {
    const cursor = this.#cursor;
    const size = cursor.span();
    if (size === 0) return false;
    this.#moved(this.#outbox.write(cursor.position, size));
    return true;
  }

  /** Moves behind bytes that were sent; the rest of a partly sent packet is held. */
  #moved(taken: number): void {
    const cursor = this.#cursor;
    const rest = cursor.move(taken);
    if (rest > 0) this.#hold(cursor.rest, rest);
    this.#deduct(cursor.passed * this.#owner.framing);
  }

  #deduct(framing: number): void {
    if (framing > 0 && !this.#outbox.isGone) this.#outbox.sent.deductFraming(framing);
  }

  #sendCopy(now: number): boolean {
    const cursor = this.#cursor;
    const { scratch } = this.#owner.context;
    if (cursor.fresh !== 0 && this.#own.isSettled) cursor.fresh = 0;
    const { fresh } = cursor;
    const size = cursor.fill(scratch, FILL_BYTES);
    if (size === 0) return cursor.plain && cursor.span() > 0;
    this.#sendOrHold(scratch, size, cursor.passed * this.#owner.framing);
    if (cursor.fresh === fresh) return true;
    this.#own.started(cursor.fresh);
    if (!this.#outbox.blocked) this.sendOwn(now);
    return true;
  }

  #sendOrHold(address: number, size: number, framing: number): void {
    const taken = this.#outbox.write(address, size);
    if (taken < size) this.#hold(address + taken, size - taken);
    this.#deduct(framing);
  }

  #hold(address: number, size: number): void {
    if (!this.#outbox.hold(address, size)) this.#owner.failed(this, usedUp());
  }

  /** A reader whose socket stays full too long finishes its frame and is moved to the live edge. */
  #watchLag(now: number): void {
    const { context, log } = this.#owner;
    if (!isTooFarBehind(this.#cursor, log, context.memory, now)) return;
    const { seq } = this.#cursor;
    this.#cursor.skip();
    this.#finishFrame();
    // otherwise the frame in progress is still being received
    if (this.#cursor.lag > 0) this.#cursor.jump();
    this.#own.jumped(seq, this.#cursor.seq);
  }

  /** Puts the rest of the frame in progress into the outbox, as far as there is room. */
  #finishFrame(): void {
    const ending = this.#cursor.endingTracks;
    if (ending === 0 || this.#owner.context.memory.left < LEFT_MIN) return;
    const limit = OUTBOX_MAX - this.#outbox.pending;
    const room = this.#outbox.reserve(limit);
    if (room === 0) return;
    const size = this.#cursor.fill(room, limit, ending);
    this.#outbox.extend(size);
    this.#deduct(this.#cursor.passed * this.#owner.framing);
  }

  /** Reports a failure to its owner after this turn. @returns false if that was done before */
  fail(error: Error): boolean {
    const fault = this.#fault;
    if (fault === undefined) return false;
    this.#fault = undefined;
    this.#owner.context.clock.soon(() => fault(error));
    return true;
  }

  /** Releases its cursor; its counters keep their values. */
  close(): void {
    if (this.#final !== undefined) return;
    if (this.index !== undefined) this.#outbox.sent.leave();
    this.index = undefined;
    const { bytesSent } = this;
    const { lostPackets, lostFrames } = this.#cursor;
    this.#final = { bytesSent, lostPackets, lostFrames };
    this.#outbox.onBlocked = undefined;
    this.#cursor.close();
  }
}
