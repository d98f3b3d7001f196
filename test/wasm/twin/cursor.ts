import { FLAG_END_OF_FRAME, FLAG_RANDOM, FLAG_START_OF_FRAME, FLAG_VIDEO } from "../../../assembly/abi.ts";
import type { Entry } from "./ingest.ts";
import { concat } from "./packet.ts";

/** What a track of a reader does: it is sent, finishes a frame before dropping, or waits for a random access point. */
type TrackState = "sent" | "ending" | "dropping";

/** What is known of a track: its last random access point, and the frame in progress. */
export interface LogTrackTwin {
  readonly video: boolean;
  readonly raps: number;
  readonly rap: number;
  readonly frameOpen: boolean;
  readonly frame: number;
}

/** An `IngestTwin` or a `RecordTwin`. */
export interface LogTwin {
  readonly entries: readonly Entry[];
  readonly tracks: readonly LogTrackTwin[];
  readonly isRecords?: boolean;
}

/** A reader with its own channels, on the packets or records of a log. */
export class CursorTwin {
  readonly #log: LogTwin;
  readonly #channels: readonly (number | undefined)[];
  readonly #lagPackets: number;
  readonly #states: TrackState[];
  /** Tracks whose first random access point is waited for. */
  readonly #awaiting = new Set<number>();
  seq: number;
  lostPackets = 0;
  lostFrames = 0;

  constructor(log: LogTwin, channels: readonly (number | undefined)[], lagPackets: number) {
    this.#log = log;
    this.#channels = channels;
    this.#lagPackets = lagPackets;
    this.#states = log.tracks.map(() => "sent");
    this.seq = log.entries.length;
  }

  /** Tracks in a state, as bits. */
  bits(state: TrackState): number {
    return this.#states.reduce((bits, each, i) => (each === state ? bits | (1 << i) : bits), 0);
  }

  /** The next packets with the reader's channels, at most `limit` bytes; `only`: of these tracks, until none ends. */
  fill(limit: number, only = -1): Uint8Array {
    return concat(this.#take(limit, Number.POSITIVE_INFINITY, only).map(([, bytes]) => bytes));
  }

  /** The next `limit` records, with their numbers. */
  gather(limit: number, only = -1): [seq: number, bytes: Uint8Array][] {
    return this.#take(Number.POSITIVE_INFINITY, limit, only);
  }

  #take(limit: number, most: number, only: number): [seq: number, bytes: Uint8Array][] {
    const out: [number, Uint8Array][] = [];
    let size = 0;
    for (; this.seq < this.#log.entries.length; this.seq++) {
      if ((only !== -1 && this.bits("ending") === 0) || out.length === most) break;
      const entry = this.#log.entries[this.seq] as Entry;
      const channel = this.#channels[entry.track];
      if (channel === undefined) continue;
      const wanted = ((only >> entry.track) & 1) === 1;
      if (wanted && !this.#decide(entry)) break;
      if (!wanted || this.#states[entry.track] === "dropping") {
        this.#lose(entry);
        continue;
      }
      if (size + entry.bytes.length > limit) break;
      size += entry.bytes.length;
      const copy = entry.bytes.slice();
      if (this.#log.isRecords !== true) copy[1] = channel;
      out.push([this.seq, copy]);
      if (this.#states[entry.track] === "ending" && (entry.flags & FLAG_END_OF_FRAME) !== 0)
        this.#states[entry.track] = "dropping";
    }
    return out;
  }

  /** Follows the state of a track up to this packet of it; false: it cannot be told yet. */
  #decide({ track, flags }: Entry): boolean {
    const known = this.#log.tracks[track] as LogTrackTwin;
    const isRecords = this.#log.isRecords === true;
    if (this.#states[track] === "ending" && (flags & FLAG_START_OF_FRAME) !== 0)
      this.#states[track] = "dropping";
    if (this.#states[track] !== "dropping") return true;
    const isLast = known.raps > 0 && known.rap === this.seq;
    const isRandomAccess = isRecords ? (flags & FLAG_RANDOM) !== 0 : isLast;
    if (isRandomAccess) {
      this.#states[track] = "sent";
      this.#awaiting.delete(track);
    }
    const undecided = !isRecords && !isRandomAccess && known.frameOpen && known.frame === this.seq;
    return !undecided || this.#log.entries.length - this.seq > this.#lagPackets;
  }

  #lose({ track, flags }: Entry): void {
    if (this.#awaiting.has(track)) return;
    this.lostPackets += 1;
    if ((flags & FLAG_VIDEO) !== 0 && (flags & FLAG_START_OF_FRAME) !== 0) this.lostFrames += 1;
  }

  /** Waits for the first random access points. */
  await(): void {
    for (const track of this.#video) {
      this.#states[track] = "dropping";
      this.#awaiting.add(track);
    }
  }

  get #video(): number[] {
    return this.#log.tracks.flatMap(({ video }, i) => (video && this.#channels[i] !== undefined ? [i] : []));
  }

  skip(): void {
    const video = this.#video;
    if (video.length === 0) this.#loseAll();
    for (const i of video) {
      if (this.#states[i] === "sent") this.#states[i] = this.#begun(i) ? "ending" : "dropping";
    }
  }

  /** Whether the next packet of a track, come or still to come, continues a frame. */
  #begun(track: number): boolean {
    const next = this.#log.entries.slice(this.seq).find((entry) => entry.track === track);
    if (next !== undefined) return (next.flags & FLAG_START_OF_FRAME) === 0;
    return this.#log.tracks[track]?.frameOpen ?? false;
  }

  jump(): void {
    this.skip();
    this.#states.forEach((state, i) => {
      if (state === "ending") this.#states[i] = "dropping";
    });
    this.#loseAll();
  }

  #loseAll(): void {
    for (; this.seq < this.#log.entries.length; this.seq++) {
      const entry = this.#log.entries[this.seq] as Entry;
      if (this.#channels[entry.track] !== undefined) this.#lose(entry);
    }
  }
}
