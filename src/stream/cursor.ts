import { FRAMING } from "../../assembly/abi.ts";
import { LogCursor } from "../../wasm/cursor.ts";
import { writeSenderReport } from "../../wasm/rtcp.ts";
import { BudgetError } from "../lib/errors.ts";
import { type ByteSink, OUTBOX_MAX, type Outbox } from "./outbox.ts";
import type { Stream } from "./stream.ts";

/** Time between sender reports to a reader, ms. */
const REPORT_INTERVAL_MS = 10_000;
/** A reader is never further behind than this, ms; with the budget nearly used up, the second figure counts. */
const LAG_MAX_MS = 5_000;
const LAG_MIN_MS = 500;
/** Blocks a stream keeps for readers that are behind: 32 MB. */
const LAG_MAX_BLOCKS = 256;
/** Bytes copied at once for a reader with its own channels: more than the largest packet. */
const FILL_BYTES = 72 * 1024;

/** How a reader takes one track. */
export interface TrackChannels {
  readonly rtp: number;
  readonly rtcp: number;
}

/** A reader of a stream: where it is, what it may send next, what it lost. */
export class StreamCursor {
  readonly #stream: Stream;
  readonly #outbox: Outbox;
  readonly #cursor: LogCursor;
  readonly #channels: readonly (TrackChannels | undefined)[];
  #reportsDue = 0;
  /** Tracks that had a report of the publisher when ours were sent last. */
  #reportedTracks = 0;
  /** Tracks whose first report was not sent, as nothing has come of them. */
  #unreported: number;
  /** When it last could send something while more was waiting. */
  #progress = 0;
  #bytesSent = 0;
  /** Bytes of those that went to the socket past the outbox's sink. */
  #bytesDirect = 0;
  /** Place in the group, and the bytes this had got when it joined. */
  #group: { index: number; readonly bytesBefore: number } | undefined;

  /**
   * Enters at the live edge of the stream.
   *
   * @param channels interleaved channels of each track; undefined for tracks it does not want
   * @throws {BudgetError} if the media memory is used up
   */
  constructor(stream: Stream, outbox: Outbox, channels: readonly (TrackChannels | undefined)[]) {
    const { memory, log } = stream;
    const cursor = LogCursor.open(memory, {
      log: log.address,
      tracks: log.tracks.length,
      channels: channels.map((pair) => pair?.rtp),
    });
    if (cursor === undefined) throw new BudgetError("the media memory is used up");
    this.#stream = stream;
    this.#outbox = outbox;
    this.#cursor = cursor;
    this.#channels = channels;
    outbox.onBlocked = () => this.#stream.separate(this);
    this.#unreported = channels.reduce((bits, pair, i) => (pair === undefined ? bits : bits | (1 << i)), 0);
  }

  /** Packets between it and the live edge; the group stands there after each flush. */
  get lag(): number {
    return this.#group === undefined ? this.#cursor.lag : 0;
  }

  /** Age of the oldest packet that waits for it, ms. */
  get lagMs(): number {
    return this.lag === 0 ? 0 : this.#cursor.age(this.#stream.now | 0);
  }

  get lostPackets(): number {
    return this.#cursor.lostPackets;
  }

  get lostFrames(): number {
    return this.#cursor.lostFrames;
  }

  /** RTP and RTCP bytes sent, with their framing. */
  get bytesSent(): number {
    return this.#bytesSent + this.#groupBytes;
  }

  /** Bytes of those that the sink of the outbox has not seen. */
  get bytesDirect(): number {
    return this.#bytesDirect + this.#groupBytes;
  }

  get #groupBytes(): number {
    return this.#group === undefined ? 0 : this.#stream.groupBytes - this.#group.bytesBefore;
  }

  /** Place in the group; undefined while it is solo. */
  get index(): number | undefined {
    return this.#group?.index;
  }

  set index(index: number) {
    if (this.#group !== undefined) this.#group.index = index;
  }

  /** The socket, for writes to many readers at once. */
  get direct(): ByteSink {
    return this.#outbox.direct;
  }

  /** Whether it needs nothing but the bytes of the log from `seq` on. */
  isLike(seq: number): boolean {
    const outbox = this.#outbox;
    if (outbox.blocked || outbox.pending > 0 || this.#unreported !== 0) return false;
    return this.#cursor.plain && this.#cursor.seq === seq;
  }

  /** Joins the group as number `index`. */
  join(index: number): void {
    this.#group = { index, bytesBefore: this.#stream.groupBytes };
  }

  /** Goes solo from where `leader` stands. */
  part(leader: LogCursor): void {
    const bytes = this.#groupBytes;
    this.#group = undefined;
    this.#bytesSent += bytes;
    this.#bytesDirect += bytes;
    this.#cursor.follow(leader);
  }

  /** After `part`: of what all others got next, it has taken only so much, or is closed (-1). */
  fallBehind(taken: number, now: number): void {
    this.#progress = now;
    this.#outbox.block();
    if (taken < 0) return;
    this.#bytesSent += taken;
    this.#bytesDirect += taken;
    const rest = this.#cursor.move(taken);
    if (rest > 0) this.#hold(this.#cursor.rest, rest);
  }

  /** Sends sender reports when it is time. */
  reportWhenDue(now: number): void {
    if (this.#isReportDue(now)) this.#report(now);
  }

  /** Every ten seconds, and as soon as the publisher's own reports place its tracks better. */
  #isReportDue(now: number): boolean {
    return now >= this.#reportsDue || this.#stream.reportedTracks !== this.#reportedTracks;
  }

  /** When it last made progress, monotonic ms, while it is blocked; undefined when it is not. */
  get stalledSince(): number | undefined {
    return this.#outbox.blocked ? this.#progress : undefined;
  }

  /** Sends what it may send now. While it is in the group, the stream does that. */
  pump(now: number): void {
    if (this.#group !== undefined) return;
    if (this.#outbox.blocked) {
      this.#watchLag(now);
      return;
    }
    this.#progress = now;
    if (this.#unreported !== 0 || this.#isReportDue(now)) this.#report(now);
    while (!this.#outbox.blocked) {
      const sent = this.#cursor.plain ? this.#sendPlain() : this.#sendCopy();
      if (!sent) return;
    }
  }

  /** The socket has room again, and the outbox has written what it could. */
  drained(now: number): void {
    this.#progress = now;
    if (this.#outbox.blocked || this.#group !== undefined) return;
    if (((this.#cursor.seq - this.#stream.log.floorSeq) | 0) < 0) this.#cursor.skip();
    this.pump(now);
  }

  #sendPlain(): boolean {
    const cursor = this.#cursor;
    const size = cursor.span();
    if (size === 0) return false;
    const taken = this.#outbox.write(cursor.position, size);
    this.#bytesSent += taken;
    const rest = cursor.move(taken);
    if (rest > 0) this.#hold(cursor.rest, rest);
    return true;
  }

  #sendCopy(): boolean {
    const { scratch } = this.#stream;
    const size = this.#cursor.fill(scratch, FILL_BYTES);
    if (size === 0) return this.#cursor.plain && this.#cursor.span() > 0;
    this.#sendOrHold(scratch, size);
    return true;
  }

  #sendOrHold(address: number, size: number): void {
    const taken = this.#outbox.write(address, size);
    this.#bytesSent += taken;
    if (taken < size) this.#hold(address + taken, size - taken);
  }

  #hold(address: number, size: number): void {
    if (this.#outbox.hold(address, size)) this.#bytesSent += size;
    else this.#stream.failed(this, new BudgetError("the media memory is used up"));
  }

  /** A reader whose socket is full keeps its place only so long: then it finishes its frame and loses the rest. */
  #watchLag(now: number): void {
    const { memory, log } = this.#stream;
    const limit = memory.hasRoom ? LAG_MAX_MS : LAG_MIN_MS;
    if (this.#cursor.lag === 0) return;
    if (this.#cursor.age(now | 0) <= limit && log.blocks <= LAG_MAX_BLOCKS) return;
    this.#cursor.skip();
    this.#finishFrame();
    this.#cursor.jump();
  }

  /** Puts the rest of a frame that was begun into the outbox, as far as it has room. */
  #finishFrame(): void {
    const ending = this.#cursor.endingTracks;
    if (ending === 0) return;
    const limit = OUTBOX_MAX - this.#outbox.pending;
    const room = this.#outbox.reserve(limit);
    if (room === 0) return;
    const size = this.#cursor.fill(room, limit, ending);
    this.#outbox.extend(size);
    this.#bytesSent += size;
  }

  /** Sends a sender report of each track that has sent something. */
  #report(now: number): void {
    const due = this.#isReportDue(now);
    let size = 0;
    const { scratch } = this.#stream;
    for (let i = 0; i < this.#channels.length; i++) {
      const pair = this.#channels[i];
      if (pair === undefined || (!due && (this.#unreported & (1 << i)) === 0)) continue;
      const written = this.#writeReport(scratch + size, i, pair.rtcp);
      if (written > 0) this.#unreported &= ~(1 << i);
      size += written;
    }
    if (due) this.#reportsDue = now + REPORT_INTERVAL_MS;
    this.#reportedTracks = this.#stream.reportedTracks;
    if (size > 0) this.#sendOrHold(scratch, size);
  }

  #writeReport(dst: number, index: number, channel: number): number {
    const { memory, log } = this.#stream;
    const track = log.tracks[index];
    const time = this.#stream.timeOf(index);
    if (track === undefined || time === undefined) return 0;
    const { ssrc, packets, octets } = track;
    const size = writeSenderReport(memory, dst + FRAMING, { ssrc, packets, octets, ...time });
    memory.u8[dst] = 0x24;
    memory.u8[dst + 1] = channel;
    memory.u8[dst + 2] = 0;
    memory.u8[dst + 3] = size;
    return FRAMING + size;
  }

  close(): void {
    this.#outbox.onBlocked = undefined;
    this.#cursor.close();
  }
}
