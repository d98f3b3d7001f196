import type { LogCursor } from "../../wasm/cursor.ts";
import { RecordBatch } from "../../wasm/record-batch.ts";
import { runAll } from "../lib/guard.ts";
import { orUsedUp } from "./budget.ts";
import type { StreamCursor } from "./cursor.ts";
import { FanOut } from "./fan-out.ts";
import type { Outbox } from "./outbox.ts";
import type { OutputContext, OutputHost, ReaderFault, StreamOutput } from "./output.ts";
import { Preamble } from "./preamble.ts";
import { RecordReader, type RecordReaderOwner, type RecordSink } from "./record-reader.ts";
import { RecordWriter } from "./record-writer.ts";

/** Records given to a reader at once. */
const BATCH_ROWS = 64;
/** Most blocks kept only so that readers can start at the last random access point: 16 MB. */
const WINDOW_MAX_BLOCKS = 128;
/** Most blocks that are kept for retransmission: 32 MB. */
const KEEP_MAX_BLOCKS = 256;

/** Makes the records of a form from units or from packets of the log. If it throws, its output is closed. */
export interface RecordMuxer {
  /** Packets between the oldest one that it still needs and the head of the stream's log. */
  readonly lag: number;
  /** Appends the records of what is new; each flush begins with it. */
  mux(now: number): void;
  close(): void;
}

/** A form of a stream that is muxed once for all its readers: RTMP chunks, MPEG-TS, RTP of another packet size. */
export interface MuxedForm {
  /** Name in reports of internal errors. */
  readonly name: string;
  /** Of each track: whether a reader that drops frames resumes at the next random access point. */
  readonly video: readonly boolean[];
  /** @throws {BudgetError} if the media memory is used up */
  readonly open: (records: RecordWriter, context: OutputContext) => RecordMuxer;
}

/** What a reader of a form wants. */
export interface FormOptions {
  /** Whether it wants each track; all by default. */
  readonly tracks?: readonly boolean[];
  /**
   * `live`: at the live edge, where video waits for its next random access point. `randomAccess`: at the last random
   * access point if the log still has it; the log keeps it once a reader has asked for this.
   */
  readonly start?: "live" | "randomAccess";
  readonly fault: ReaderFault;
}

/** A form of a stream: the log of its records, and its readers. */
export class MuxedOutput implements StreamOutput, RecordReaderOwner {
  readonly context: OutputContext;
  readonly records: RecordWriter;
  readonly batch: RecordBatch;
  readonly found: RecordBatch;
  readonly #form: MuxedForm;
  readonly #muxer: RecordMuxer;
  /** Readers over streams of bytes, and readers that take records one by one. */
  readonly #fanOut: FanOut;
  readonly #takers: RecordReader[] = [];
  /** Whether a reader has asked to start at a random access point. */
  #hasWindow = false;

  private constructor(context: OutputContext, form: MuxedForm, opened: { close(): void }[]) {
    const { memory, lagPackets } = context;
    const keep = <Part extends { close(): void }>(part: Part): Part => {
      opened.push(part);
      return part;
    };
    this.context = context;
    this.#form = form;
    this.records = keep(RecordWriter.open(memory, { video: form.video, lagPackets }));
    this.batch = keep(orUsedUp(RecordBatch.open(memory, BATCH_ROWS)));
    this.found = keep(orUsedUp(RecordBatch.open(memory, 1)));
    this.#fanOut = keep(new FanOut(context, this.records.log, orUsedUp(this.records.log.openCursor())));
    this.#muxer = form.open(this.records, context);
  }

  /**
   * The output of a stream in a form.
   *
   * @param key tells the forms of a stream apart
   * @throws {BudgetError} if the media memory is used up
   */
  static of(stream: OutputHost, key: unknown, form: MuxedForm): MuxedOutput {
    return stream.outputOf(key, (context) => {
      const opened: { close(): void }[] = [];
      try {
        return new MuxedOutput(context, form, opened);
      } catch (error) {
        for (const part of opened.reverse()) part.close();
        throw error;
      }
    });
  }

  get name(): string {
    return this.#form.name;
  }

  get readers(): number {
    return this.#fanOut.size + this.#takers.length;
  }

  get lag(): number {
    return this.#muxer.lag;
  }

  /**
   * Adds a reader over a byte stream; nothing is sent before the next flush or `pump`.
   *
   * @throws {BudgetError} if the media memory is used up
   */
  addByteReader(outbox: Outbox, options: FormOptions): StreamCursor {
    return this.#enter(options, (cursor, own) =>
      this.#fanOut.add({ cursor, outbox, own, fault: options.fault }),
    );
  }

  /**
   * Adds a reader that takes records one by one; it gets nothing before the next flush or `pump`.
   *
   * @throws {BudgetError} if the media memory is used up
   */
  addRecordReader(sink: RecordSink, options: FormOptions): RecordReader {
    return this.#enter(options, (cursor, preamble) => {
      const reader = new RecordReader(this, { cursor, preamble, sink, fault: options.fault });
      this.#takers.push(reader);
      return reader;
    });
  }

  #enter<Reader>(options: FormOptions, add: (cursor: LogCursor, preamble: Preamble) => Reader): Reader {
    const { log } = this.records;
    try {
      const cursor = orUsedUp(log.openCursor(options.tracks));
      cursor.await();
      if (options.start === "randomAccess") this.#toRandomAccess(cursor);
      this.context.mark();
      return add(cursor, new Preamble(this.context.memory, this.records, cursor.seq));
    } finally {
      this.context.release(this);
    }
  }

  /** Moves to the last random access point, if the log still has it and its preamble is known. */
  #toRandomAccess(cursor: LogCursor): void {
    this.#hasWindow = true;
    const { startSeq, preambleSeq, preambleTrack } = this.records.log;
    if (startSeq === undefined || !this.found.find(this.records.log, startSeq)) return;
    const isOutdated = preambleSeq !== undefined && ((startSeq - preambleSeq) | 0) < 0;
    if (!isOutdated || this.found.track(0) === preambleTrack) cursor.to(startSeq);
  }

  /** Removes a reader and closes it. */
  remove(reader: StreamCursor | RecordReader): void {
    if (reader instanceof RecordReader) {
      const i = this.#takers.indexOf(reader);
      if (i >= 0) this.#takers.splice(i, 1);
      reader.close();
    } else {
      this.#fanOut.remove(reader);
    }
    this.context.release(this);
  }

  flush(now: number): void {
    this.#muxer.mux(now);
    this.records.log.publish();
    this.#fanOut.flush(now);
    for (let i = this.#takers.length - 1; i >= 0; i--) this.#pump(this.#takers[i], now);
    if (this.readers > 0) this.#trim();
  }

  #pump(reader: RecordReader | undefined, now: number): void {
    try {
      reader?.pump(now);
    } catch (error) {
      if (reader?.fail(error as Error)) this.context.fault(error, this.name);
    }
  }

  #trim(): void {
    const { log } = this.records;
    const { headSeq, blocks, startSeq } = log;
    let keep = (headSeq - this.#fanOut.lag) | 0;
    for (let i = 0; i < this.#takers.length; i++) {
      const reader = this.#takers[i] as RecordReader;
      keep = older(keep, blocks > KEEP_MAX_BLOCKS ? (headSeq - reader.lag) | 0 : reader.oldest(headSeq));
    }
    const isKept = this.#hasWindow && startSeq !== undefined && blocks <= WINDOW_MAX_BLOCKS;
    log.trim(isKept ? older(keep, startSeq) : keep);
  }

  fail(error: Error): void {
    this.#fanOut.fail(error);
    for (const reader of this.#takers) reader.fail(error);
  }

  close(): void {
    const takers = this.#takers.splice(0);
    runAll(
      [
        () => this.#muxer.close(),
        () => this.#fanOut.close(),
        ...takers.map((reader) => () => reader.close()),
        () => this.found.close(),
        () => this.batch.close(),
        () => this.records.close(),
      ],
      this.name,
      this.context.fault,
    );
  }
}

/** The older of two record numbers, which wrap. */
function older(a: number, b: number): number {
  return ((a - b) | 0) < 0 ? a : b;
}
