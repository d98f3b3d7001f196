import type { LogCursor } from "../../wasm/cursor.ts";
import { HeldRecords, type RecordBatch } from "../../wasm/record-batch.ts";
import { isTooFarBehind } from "./cursor.ts";
import type { OutputContext, ReaderFault } from "./output.ts";
import type { Preamble } from "./preamble.ts";
import type { RecordWriter } from "./record-writer.ts";

/** Takes the records of a form one by one: a sender of datagrams that encrypts or retransmits them. */
export interface RecordSink {
  /** Number of records it can take now. After 0 it calls `drained` on its reader as soon as it has room. */
  readonly room: number;
  /**
   * Takes the rows from `from` up to `to`, not included: never more than it has room for. Bytes and rows are borrowed;
   * `find` returns a record again by its number while `keepFrom` holds it in the log.
   */
  send(records: RecordBatch, from: number, to: number): void;
}

/** What the readers of a form share. */
export interface RecordReaderOwner {
  readonly context: OutputContext;
  readonly records: RecordWriter;
  /** Rows of the records that are sent now, and of one that is looked up. */
  readonly batch: RecordBatch;
  readonly found: RecordBatch;
}

export interface RecordReaderParts {
  /** Its place in the log; the reader closes it. */
  readonly cursor: LogCursor;
  readonly preamble: Preamble;
  readonly sink: RecordSink;
  readonly fault: ReaderFault;
}

/** A reader that takes records one by one: where it is in the log, what it may take next, what it lost. */
export class RecordReader {
  readonly #owner: RecordReaderOwner;
  readonly #parts: RecordReaderParts;
  /** When it last accepted a record. */
  #progress: number;
  #bytesSent = 0;
  /** Oldest record that may be retransmitted. */
  #kept: number | undefined;
  /** The rest of the frame that was in progress when it stalled. */
  #held: HeldRecords | undefined;
  #isFailed = false;
  /** Figures once it is closed. */
  #final: { readonly lostPackets: number; readonly lostFrames: number } | undefined;

  constructor(owner: RecordReaderOwner, parts: RecordReaderParts) {
    this.#owner = owner;
    this.#parts = parts;
    this.#progress = owner.context.clock.now();
  }

  /** Records between it and the live edge. */
  get lag(): number {
    return this.#isOver ? 0 : this.#parts.cursor.lag;
  }

  /** Age of the oldest record waiting for it, ms. */
  get lagMs(): number {
    return this.lag === 0 ? 0 : this.#parts.cursor.age(this.#owner.context.clock.now() | 0);
  }

  get lostPackets(): number {
    return this.#final?.lostPackets ?? this.#parts.cursor.lostPackets;
  }

  get lostFrames(): number {
    return this.#final?.lostFrames ?? this.#parts.cursor.lostFrames;
  }

  /** Bytes of the records given to its sink. */
  get bytesSent(): number {
    return this.#bytesSent;
  }

  get #isOver(): boolean {
    return this.#isFailed || this.#final !== undefined;
  }

  /** When it last made progress, monotonic ms, while its sink is full; undefined when it is not. */
  get stalledSince(): number | undefined {
    return this.#parts.sink.room > 0 ? undefined : this.#progress;
  }

  /** Oldest record that the log keeps for it, `head` being the next one. */
  oldest(head: number): number {
    if (this.#isOver) return head;
    const { seq } = this.#parts.cursor;
    return this.#kept !== undefined && ((this.#kept - seq) | 0) < 0 ? this.#kept : seq;
  }

  /** Holds the records from `seq` on in the log for retransmission, up to 32 MB; undefined: none. */
  keepFrom(seq: number | undefined): void {
    this.#kept = seq;
  }

  /** A record by its number, as the only row, valid until the next call; undefined when the log no longer has it. */
  find(seq: number): RecordBatch | undefined {
    const { found, records } = this.#owner;
    return !this.#isOver && found.find(records.log, seq) ? found : undefined;
  }

  /** Gives its sink what it may have now. */
  pump(now: number): void {
    if (this.#isOver) return;
    const { sink, preamble, cursor } = this.#parts;
    if (sink.room <= 0) {
      this.#watchLag(now);
      return;
    }
    this.#progress = now;
    if (this.#held !== undefined && !this.#sendHeld(this.#held)) return;
    if (preamble.isDue()) this.#sendPreamble();
    const { batch } = this.#owner;
    while (sink.room > 0 && batch.gather(cursor, sink.room) > 0) this.#send(batch, 0, batch.length);
  }

  #send(batch: RecordBatch, from: number, to: number): void {
    for (let row = from; row < to; row++) this.#bytesSent += batch.size(row);
    this.#parts.sink.send(batch, from, to);
  }

  /** @returns whether all of it is sent */
  #sendHeld(held: HeldRecords): boolean {
    const from = held.next;
    held.next = Math.min(from + this.#parts.sink.room, held.batch.length);
    this.#send(held.batch, from, held.next);
    if (held.next < held.batch.length) return false;
    held.close();
    this.#held = undefined;
    return true;
  }

  #sendPreamble(): void {
    const { batch, records, context } = this.#owner;
    const { scratch } = context;
    const size = this.#parts.preamble.write(scratch);
    batch.single(scratch, size, records.log.preambleTrack, records.log.preambleSeq ?? 0);
    this.#send(batch, 0, 1);
  }

  /** The sink has room again. */
  drained(now: number): void {
    if (this.#isOver) return;
    const { cursor, preamble } = this.#parts;
    const { seq } = cursor;
    if (((seq - this.#owner.records.log.floorSeq) | 0) < 0) {
      cursor.skip();
      preamble.jumped(seq, cursor.seq);
    }
    this.pump(now);
  }

  /** A reader whose sink stays full keeps the rest of its frame, and moves to the live edge. */
  #watchLag(now: number): void {
    const { cursor, preamble } = this.#parts;
    const { context, records } = this.#owner;
    if (!isTooFarBehind(cursor, records.log, context.memory, now)) return;
    const { seq } = cursor;
    cursor.skip();
    if (cursor.endingTracks !== 0 && this.#held === undefined) {
      this.#held = HeldRecords.take(context.memory, cursor, cursor.endingTracks);
    }
    // otherwise the frame in progress is still being received
    if (cursor.lag > 0) cursor.jump();
    preamble.jumped(seq, cursor.seq);
  }

  /** Reports a failure to its owner after this turn. @returns false if that was done before */
  fail(error: Error): boolean {
    if (this.#isOver) return false;
    this.#isFailed = true;
    this.#owner.context.clock.soon(() => this.#parts.fault(error));
    return true;
  }

  /** Releases its cursor; its counters keep their values. */
  close(): void {
    if (this.#final !== undefined) return;
    const { cursor } = this.#parts;
    const { lostPackets, lostFrames } = cursor;
    this.#final = { lostPackets, lostFrames };
    this.#held?.close();
    this.#held = undefined;
    cursor.close();
  }
}
