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
  /** Tracks (bits) whose first report was not sent, and bytes of each track when that began to be waited for. */
  unreported = 0;
  #reportAfter: readonly number[] = [];
  /** When the next reports are due. */
  reportsDue = 0;
  /** Bytes of reports sent to it. */
  reportBytes = 0;
  readonly #context: OutputContext;
  #fault: ReaderFault | undefined;
  #bytes: number | undefined;

  constructor(context: OutputContext, pairs: readonly (DatagramPair | undefined)[], fault: ReaderFault) {
    this.#context = context;
    this.#fault = fault;
    this.pairs = pairs;
    this.places = pairs.map(() => -1);
    this.bytesBefore = context.log.tracks.map(({ bytes }) => bytes);
  }

  /** Waits for the next packet of each track, for its first report to follow: clients ignore those that come before. */
  awaitReports(now: number): void {
    this.unreported = bitsOf(this.pairs);
    this.#reportAfter = this.#context.log.tracks.map(({ bytes }) => bytes);
    this.reportsDue = now + REPORT_INTERVAL_MS;
  }

  /** Tracks (bits) that have begun and have no report yet. */
  get begun(): number {
    if (this.unreported === 0) return 0;
    const { tracks } = this.#context.log;
    let begun = 0;
    for (let i = 0; i < tracks.length; i++) {
      if (tracks[i]?.bytes !== this.#reportAfter[i]) begun |= 1 << i;
    }
    return begun & this.unreported;
  }

  /** Bytes of RTP and RTCP sent. */
  get bytesSent(): number {
    if (this.#bytes !== undefined) return this.#bytes;
    return (
      this.reportBytes +
      this.#context.log.tracks.reduce((sum, { bytes }, i) => {
        return this.pairs[i] === undefined ? sum : sum + bytes - (this.bytesBefore[i] as number);
      }, 0)
    );
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
  /** Tracks (bits) whose first report some reader waits for, and bytes of each track when that was last looked at. */
  #unreported = 0;
  readonly #seen: number[];
  /** Tracks that had a publisher's report when ours were last sent. */
  #reportedTracks: number;

  private constructor(context: OutputContext, sink: DatagramSink) {
    const { memory, log } = context;
    const channels = log.tracks.map((_, i) => 2 * i);
    const cursor = LogCursor.open(memory, { log: log.address, tracks: channels.length, channels });
    if (cursor === undefined) throw usedUp();
    this.#context = context;
    this.#reportedTracks = context.times.reportedTracks;
    this.#seen = log.tracks.map(({ bytes }) => bytes);
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
    this.awaitReports(reader);
  }

  /** Sends new sender reports to a reader, each after the next packet of its track. */
  awaitReports(reader: DatagramReader): void {
    reader.awaitReports(this.#context.clock.now());
    this.#unreported |= reader.unreported;
    this.#look();
  }

  #look(): void {
    const { tracks } = this.#context.log;
    for (let i = 0; i < tracks.length; i++) this.#seen[i] = tracks[i]?.bytes ?? 0;
  }

  /** Whether a track that is waited for has new packets. */
  get #mayBegin(): boolean {
    if (this.#unreported === 0) return false;
    const { tracks } = this.#context.log;
    for (let i = 0; i < tracks.length; i++) {
      if ((this.#unreported & (1 << i)) !== 0 && tracks[i]?.bytes !== this.#seen[i]) return true;
    }
    return false;
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

  /**
   * Sends the sender reports that are due: the first one of a track after its first packet, then every ten seconds, and
   * as soon as the publisher's own reports improve the alignment.
   */
  #reportWhenDue(now: number): void {
    const { reportedTracks } = this.#context.times;
    const isBetter = reportedTracks !== this.#reportedTracks;
    if (!isBetter && !this.#mayBegin && now - this.#looked < REPORT_LOOK_MS) return;
    this.#reportedTracks = reportedTracks;
    this.#looked = now;
    this.#unreported = 0;
    this.#look();
    for (const reader of this.#readers) {
      try {
        this.#reportTo(reader, now, isBetter);
      } catch (error) {
        this.#context.fault(error, "sender report in a datagram");
        this.#leave(reader);
        reader.fail(error as Error);
      }
      this.#unreported |= reader.unreported;
    }
    this.#context.release(this);
  }

  #reportTo(reader: DatagramReader, now: number, isBetter: boolean): void {
    const { begun } = reader;
    const isRound = isBetter || now >= reader.reportsDue;
    if (begun === 0 && !isRound) return;
    this.#report(reader, isRound ? begun | ~reader.unreported : begun);
    reader.unreported &= ~begun;
    if (isRound) reader.reportsDue = now + REPORT_INTERVAL_MS;
  }

  /** @param tracks bits */
  #report(reader: DatagramReader, tracks: number): void {
    const { memory, scratch } = this.#context;
    for (let i = 0; i < reader.pairs.length; i++) {
      const pair = reader.pairs[i];
      if (pair === undefined || (tracks & (1 << i)) === 0) continue;
      const size = writeTrackReport(this.#context, i, scratch);
      if (size === 0) continue;
      this.#sink.report(memory.u8.subarray(scratch, scratch + size), pair.rtcp);
      reader.reportBytes += size;
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
