import { LogCursor } from "../../wasm/cursor.ts";
import { type DatagramAddress, DestinationList } from "../../wasm/destinations.ts";
import { usedUp } from "./budget.ts";
import type { OutputContext, OutputHost, ReaderFault, StreamOutput } from "./output.ts";
import { bitsOf, REPORT_INTERVAL_MS, writeTrackReport } from "./sender-reports.ts";

/** How often readers are checked for due sender reports, ms. */
const REPORT_LOOK_MS = 250;

/** Destination of one track of a reader. */
export interface DatagramPair {
  readonly rtp: DatagramAddress;
  readonly rtcp: DatagramAddress;
}

/** Sends datagrams: a pair of sockets, for RTP and RTCP. */
export interface DatagramSink {
  /** The address as the system wants it, at most 28 bytes. */
  encode(address: DatagramAddress): Uint8Array;
  /** Sends the packets a cursor has not seen, those of track n to all of `lists[n]`, and moves it to the live edge. */
  flush(cursor: LogCursor, lists: readonly DestinationList[]): void;
  /** Sends one RTCP packet; the bytes are borrowed. */
  report(bytes: Uint8Array, to: DatagramAddress): void;
}

/** A reader over datagrams. It never lags: what the network does not accept is lost. */
export class DatagramReader {
  readonly pairs: readonly (DatagramPair | undefined)[];
  /** Index in the destination list, by track. */
  readonly places: number[];
  /** Byte counter of each track when it joined. */
  readonly bytesBefore: readonly number[];
  /** Tracks (bits) whose first report was not sent, and when the next ones are due. */
  unreported: number;
  reportsDue = 0;
  readonly #context: OutputContext;
  #fault: ReaderFault | undefined;
  #bytes: number | undefined;

  constructor(context: OutputContext, pairs: readonly (DatagramPair | undefined)[], fault: ReaderFault) {
    this.#context = context;
    this.#fault = fault;
    this.pairs = pairs;
    this.places = pairs.map(() => -1);
    this.bytesBefore = context.log.tracks.map(({ bytes }) => bytes);
    this.unreported = bitsOf(pairs);
  }

  /** RTP bytes sent, headers included. */
  get bytesSent(): number {
    if (this.#bytes !== undefined) return this.#bytes;
    return this.#context.log.tracks.reduce((sum, { bytes }, i) => {
      return this.pairs[i] === undefined ? sum : sum + bytes - (this.bytesBefore[i] as number);
    }, 0);
  }

  /** Called when it leaves the stream: its counters keep their values. */
  freeze(): void {
    this.#bytes = this.bytesSent;
  }

  /** Reports a failure to its owner after this turn. */
  fail(error: Error): void {
    const fault = this.#fault;
    this.#fault = undefined;
    if (fault !== undefined) this.#context.clock.soon(() => fault(error));
  }
}

/** All readers of a stream that are served by the same sockets. */
export class DatagramOutput implements StreamOutput {
  readonly name = "datagram output";
  readonly #context: OutputContext;
  readonly #sink: DatagramSink;
  readonly #cursor: LogCursor;
  readonly #lists: readonly DestinationList[];
  /** The readers in the order of each list. */
  readonly #members: readonly DatagramReader[][];
  readonly #readers = new Set<DatagramReader>();
  #looked = 0;
  /** Whether any reader waits for its first report. */
  #unreported = false;

  private constructor(context: OutputContext, sink: DatagramSink) {
    const { memory, log } = context;
    const channels = log.tracks.map((_, i) => 2 * i);
    const cursor = LogCursor.open(memory, { log: log.address, tracks: channels.length, channels });
    if (cursor === undefined) throw usedUp();
    this.#context = context;
    this.#sink = sink;
    this.#cursor = cursor;
    this.#lists = channels.map(() => new DestinationList(memory));
    this.#members = channels.map(() => []);
  }

  /**
   * The output of a stream to one pair of sockets.
   *
   * @throws {BudgetError} if the media memory is used up
   */
  static of(stream: OutputHost, sink: DatagramSink): DatagramOutput {
    return stream.outputOf(sink, (context) => new DatagramOutput(context, sink));
  }

  get readers(): number {
    return this.#readers.size;
  }

  get lag(): number {
    return this.#cursor.lag;
  }

  /**
   * Adds a reader at the live edge.
   *
   * @throws {BudgetError} if the media memory is used up
   */
  add(reader: DatagramReader): void {
    try {
      this.#sink.flush(this.#cursor, this.#lists);
      this.#enter(reader);
    } catch (error) {
      this.remove(reader);
      throw error;
    }
    this.#unreported = true;
    this.#reportWhenDue(this.#context.clock.now());
  }

  #enter(reader: DatagramReader): void {
    this.#readers.add(reader);
    reader.pairs.forEach((pair, track) => {
      if (pair === undefined) return;
      if (!this.#list(track).push(this.#sink.encode(pair.rtp), pair.rtp)) {
        throw usedUp();
      }
      reader.places[track] = this.#of(track).push(reader) - 1;
    });
  }

  remove(reader: DatagramReader): void {
    this.#leave(reader);
    this.#context.release(this);
  }

  #leave(reader: DatagramReader): void {
    if (!this.#readers.delete(reader)) return;
    reader.freeze();
    reader.places.forEach((place, track) => {
      if (place < 0) return;
      reader.places[track] = -1;
      this.#list(track).remove(place);
      const last = this.#of(track).pop() as DatagramReader;
      if (last === reader) return;
      this.#of(track)[place] = last;
      last.places[track] = place;
    });
  }

  #list(track: number): DestinationList {
    return this.#lists[track] as DestinationList;
  }

  #of(track: number): DatagramReader[] {
    return this.#members[track] as DatagramReader[];
  }

  /** Sends new packets to all readers. */
  flush(now: number): void {
    this.#sink.flush(this.#cursor, this.#lists);
    this.#reportWhenDue(now);
  }

  /** Sends the sender reports that are due: the first ones at once, then every ten seconds. */
  #reportWhenDue(now: number): void {
    if (!this.#unreported && now - this.#looked < REPORT_LOOK_MS) return;
    this.#looked = now;
    this.#unreported = false;
    for (const reader of this.#readers) {
      const isRound = now >= reader.reportsDue;
      if (!isRound && reader.unreported === 0) continue;
      try {
        this.#report(reader, isRound);
      } catch (error) {
        this.#context.fault(error, "sender report in a datagram");
        this.#leave(reader);
        reader.fail(error as Error);
        continue;
      }
      if (isRound) reader.reportsDue = now + REPORT_INTERVAL_MS;
      if (reader.unreported !== 0) this.#unreported = true;
    }
    this.#context.release(this);
  }

  #report(reader: DatagramReader, isRound: boolean): void {
    const { memory, scratch } = this.#context;
    for (let i = 0; i < reader.pairs.length; i++) {
      const pair = reader.pairs[i];
      if (pair === undefined || (!isRound && (reader.unreported & (1 << i)) === 0)) continue;
      const size = writeTrackReport(this.#context, i, scratch);
      if (size === 0) continue;
      this.#sink.report(memory.u8.subarray(scratch, scratch + size), pair.rtcp);
      reader.unreported &= ~(1 << i);
    }
  }

  fail(error: Error): void {
    for (const reader of this.#readers) reader.fail(error);
  }

  close(): void {
    for (const reader of this.#readers) reader.freeze();
    this.#readers.clear();
    for (const list of this.#lists) list.close();
    this.#cursor.close();
  }
}
