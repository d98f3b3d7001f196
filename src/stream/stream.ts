import type { MediaMemory } from "../../wasm/core.ts";
import { LogCursor } from "../../wasm/cursor.ts";
import { type IngestEvents, type LogOptions, type ReceiveFault, RtpLog } from "../../wasm/log.ts";
import type { Clock } from "../lib/clock.ts";
import { BudgetError } from "../lib/errors.ts";
import type { StreamDescription } from "../media/track.ts";
import { NtpClock, type TrackTime } from "./clocks.ts";
import type { StreamCursor } from "./cursor.ts";
import { DatagramOutput, type DatagramReader, type DatagramSink } from "./datagram-output.ts";
import type { FlushQueue } from "./flush.ts";
import type { SinkGroup } from "./sink-group.ts";
import { StreamStats } from "./stats.ts";
import { UnitOutput, type UnitReader } from "./unit-output.ts";

/** What a stream is made of. */
export interface StreamOptions {
  readonly memory: MediaMemory;
  readonly clock: Clock;
  readonly flushes: FlushQueue;
  readonly description: StreamDescription;
  readonly log: LogOptions;
}

/** Told when a reader cannot go on. */
export type ReaderFault = (error: Error) => void;

/** How long it takes to look at all readers for their sender reports, ms. */
const REPORT_ROUND_MS = 2_000;

/** What a publisher sends and any number of readers take. */
export class Stream {
  readonly memory: MediaMemory;
  readonly description: StreamDescription;
  readonly log: RtpLog;
  readonly stats: StreamStats;
  readonly #clock: Clock;
  readonly #flushes: FlushQueue;
  readonly #ntp: NtpClock;
  /** Readers that are written to one by one, and those that get the same bytes at the same time. */
  readonly #solo: StreamCursor[] = [];
  readonly #group: StreamCursor[] = [];
  readonly #sinks: SinkGroup;
  /** Where the readers in `#group` stand. */
  readonly #leader: LogCursor;
  /** Of the write in progress: who did not take all, and how much they took. */
  readonly #shortIndexes: number[] = [];
  readonly #shortTaken: number[] = [];
  /** Readers that take datagrams, by what sends these. */
  readonly #outputs = new Map<DatagramSink, DatagramOutput>();
  /** The same stream in units, while somebody wants that. */
  #units: UnitOutput | undefined;
  /** Next in `#group` to be looked at for its sender reports, and when the last one was. */
  #reportNext = 0;
  #reportTime = 0;
  /** Bytes each reader in `#group` would have got since the stream began. */
  groupBytes = 0;
  readonly #faults = new Map<StreamCursor, ReaderFault>();
  /** Since when something waits to be flushed, monotonic ms. */
  pendingSince = 0;
  pendingBytes = 0;
  frameEnded = false;
  #closed = false;

  /** @throws {BudgetError} if the media memory is nearly used up: running streams keep the rest */
  constructor(options: StreamOptions) {
    const { memory, description } = options;
    const log = memory.hasRoom ? RtpLog.open(memory, options.log) : undefined;
    if (log === undefined) throw budgetError(memory);
    const leader = openLeader(memory, log);
    this.memory = memory;
    this.#leader = leader;
    this.#sinks = options.flushes.createGroup();
    this.description = description;
    this.log = log;
    this.#clock = options.clock;
    this.#flushes = options.flushes;
    this.#ntp = new NtpClock(
      log,
      options.log.tracks.map((track) => track.clockRate),
    );
    this.stats = new StreamStats(this);
  }

  get readers(): number {
    let count = this.#solo.length + this.#group.length;
    for (const output of this.#outputs.values()) count += output.size;
    return count + (this.#units?.readers ?? 0);
  }

  /** Monotonic time, ms. */
  get now(): number {
    return this.#clock.now();
  }

  /** RTP bytes received, headers included. */
  get bytesReceived(): number {
    return this.log.tracks.reduce((sum, track) => sum + track.bytes, 0);
  }

  /** Address of memory that is free for use between two calls. */
  get scratch(): number {
    return this.#flushes.scratch;
  }

  /** RTP time of a track at this moment; undefined before its first packet. */
  timeOf(track: number): TrackTime | undefined {
    return this.#ntp.at(track, this.#clock.now(), this.#clock.wall());
  }

  /** Wall clock of an RTP time of a track that has sent something, ms since 1970. */
  wallAt(track: number, rtpTime: number): number {
    const wall = this.#clock.wall();
    const present = this.#ntp.at(track, this.#clock.now(), wall);
    if (present === undefined) return wall;
    const rate = this.log.tracks[track]?.clockRate ?? 1;
    return wall - (((present.rtpTime - rtpTime) | 0) * 1000) / rate;
  }

  /**
   * Says where an instant of a track is, from now on.
   *
   * @param ticks RTP time of the track, with or without wraps
   * @param wall wall clock of the server, ms since 1970
   */
  align(track: number, ticks: number, wall: number): void {
    this.#ntp.place(track, ticks, wall);
  }

  /** Tracks whose place is known, by a report of the publisher at least. */
  get reportedTracks(): number {
    return this.#ntp.reportedTracks;
  }

  /** Takes interleaved frames of the publisher; see RtpLog.receive. */
  receive(chunk: Uint8Array, offset: number): number | ReceiveFault {
    const now = this.#clock.now();
    const end = this.log.receive(chunk, offset, now);
    this.received(chunk.length - offset, now);
    return end;
  }

  /** Says that `size` bytes of the publisher have come into the log at `now`. */
  received(size: number, now: number): void {
    if (this.pendingBytes === 0) this.pendingSince = now;
    this.pendingBytes += size;
    if (this.log.takeFramesEnded() > 0) this.frameEnded = true;
    this.#flushes.mark(this);
  }

  /** Packets that were not taken since the last call. */
  takeEvents(): IngestEvents | undefined {
    return this.log.takeEvents();
  }

  /** @param fault called, at most once, when the reader cannot go on */
  addReader(cursor: StreamCursor, fault: ReaderFault): void {
    this.#solo.push(cursor);
    this.#faults.set(cursor, fault);
  }

  /** The caller closes the cursor. */
  removeReader(cursor: StreamCursor): void {
    this.separate(cursor);
    const i = this.#solo.indexOf(cursor);
    if (i < 0) return;
    const last = this.#solo.pop() as StreamCursor;
    if (i < this.#solo.length) this.#solo[i] = last;
    this.#faults.delete(cursor);
  }

  /**
   * Lets in a reader that takes datagrams.
   *
   * @throws {BudgetError} if the media memory is used up
   */
  addDatagramReader(reader: DatagramReader, sink: DatagramSink): void {
    let output = this.#outputs.get(sink);
    if (output === undefined) {
      output = new DatagramOutput(this, sink);
      this.#outputs.set(sink, output);
    }
    try {
      output.add(reader);
    } finally {
      this.#closeUnused(sink, output);
    }
    output.reportWhenDue(this.now);
  }

  /**
   * Lets in a reader that takes units; it hears of them with the next flush.
   *
   * @throws {BudgetError} if the media memory is used up
   */
  addUnitReader(reader: UnitReader): UnitOutput {
    this.#units ??= new UnitOutput(this);
    this.#units.add(reader);
    this.#flushes.mark(this);
    return this.#units;
  }

  removeUnitReader(reader: UnitReader): void {
    const units = this.#units;
    if (units === undefined) return;
    units.remove(reader);
    if (units.readers > 0) return;
    this.#units = undefined;
    units.close();
  }

  removeDatagramReader(reader: DatagramReader, sink: DatagramSink): void {
    const output = this.#outputs.get(sink);
    if (output === undefined) return;
    output.remove(reader);
    this.#closeUnused(sink, output);
  }

  #closeUnused(sink: DatagramSink, output: DatagramOutput): void {
    if (output.size > 0) return;
    this.#outputs.delete(sink);
    output.close();
  }

  /** Takes a reader out of the group, as it has something of its own to send first. */
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

  /** Says that a reader cannot go on; its owner hears of it after this turn. */
  failed(cursor: StreamCursor, error: Error): void {
    const fault = this.#faults.get(cursor);
    if (fault === undefined) return;
    this.#faults.delete(cursor);
    this.#clock.soon(() => fault(error));
  }

  /** Sends every reader what it may have, and gives back what nobody needs any more. */
  flush(now: number): void {
    if (this.#closed) return;
    this.pendingBytes = 0;
    this.frameEnded = false;
    if (this.#group.length > 0) this.#flushGroup(now);
    else this.#leader.toHead();
    for (const output of this.#outputs.values()) output.flush(now);
    this.#units?.pull(now);
    const lag = this.#flushSolo(now);
    this.log.trim((this.log.headSeq - lag) | 0);
  }

  #flushGroup(now: number): void {
    const leader = this.#leader;
    for (let size = leader.span(); size > 0; size = leader.span()) {
      this.#sinks.write(this.memory.u8, leader.position, size, this.#noteShort);
      while (this.#shortIndexes.length > 0) {
        const cursor = this.#group[this.#shortIndexes.pop() as number] as StreamCursor;
        this.separate(cursor);
        cursor.fallBehind(this.#shortTaken.pop() as number, now);
      }
      leader.move(size);
      this.groupBytes += size;
    }
    this.#reportInTurn(now);
  }

  readonly #noteShort = (index: number, taken: number): void => {
    this.#shortIndexes.push(index);
    this.#shortTaken.push(taken);
  };

  /** Looks after sender reports: goes round all readers once in REPORT_ROUND_MS. */
  #reportInTurn(now: number): void {
    const due = Math.ceil((this.#group.length * (now - this.#reportTime)) / REPORT_ROUND_MS);
    const count = Math.min(due, this.#group.length);
    this.#reportTime = now;
    for (let i = 0; i < count; i++) {
      if (this.#reportNext >= this.#group.length) this.#reportNext = 0;
      this.#group[this.#reportNext]?.reportWhenDue(now);
      this.#reportNext += 1;
    }
  }

  /** @returns how many packets the last of them is behind */
  #flushSolo(now: number): number {
    let lag = 0;
    for (let i = this.#solo.length - 1; i >= 0; i--) {
      const cursor = this.#solo[i] as StreamCursor;
      try {
        cursor.pump(now);
      } catch (error) {
        this.failed(cursor, error as Error);
      }
      if (cursor.isLike(this.#leader.seq)) this.#regroup(i);
      else lag = Math.max(lag, cursor.lag);
    }
    return lag;
  }

  /** Moves the reader number `i` of `#solo` to the group. */
  #regroup(i: number): void {
    const cursor = this.#solo[i] as StreamCursor;
    const last = this.#solo.pop() as StreamCursor;
    if (i < this.#solo.length) this.#solo[i] = last;
    cursor.join(this.#group.push(cursor) - 1);
    this.#sinks.push(cursor.direct);
  }

  /** Sends the readers what came last. */
  finish(): void {
    this.flush(this.#clock.now());
  }

  /** Gives everything back. The readers are gone by then. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#flushes.forget(this);
    for (const output of this.#outputs.values()) output.close();
    this.#outputs.clear();
    this.#units?.close();
    this.#leader.close();
    this.log.close();
  }
}

/** A cursor with all tracks on the usual channels. */
function openLeader(memory: MediaMemory, log: RtpLog): LogCursor {
  const channels = log.tracks.map((_, i) => 2 * i);
  const leader = LogCursor.open(memory, { log: log.address, tracks: channels.length, channels });
  if (leader !== undefined) return leader;
  log.close();
  throw budgetError(memory);
}

function budgetError(memory: MediaMemory): BudgetError {
  const { blocksTaken, blocksTotal } = memory.state;
  return new BudgetError(`the media memory is used up: ${blocksTaken} of ${blocksTotal} blocks are taken`);
}
