import type { MediaMemory } from "../../wasm/core.ts";
import { type FlvCounters, FlvDemuxer } from "../../wasm/flv-demuxer.ts";
import type { FlvTrack } from "../../wasm/flv-track.ts";
import type { LogOptions } from "../../wasm/log.ts";
import type { UnitLog } from "../../wasm/units.ts";
import { FLV_READ } from "../formats/flv/codecs.ts";
import { trackSetups } from "../formats/rtp/track-setup.ts";
import { unitFormat } from "../formats/rtp/unit-formats.ts";
import { type Awaitable, when } from "../lib/awaitable.ts";
import type { Clock } from "../lib/clock.ts";
import { BudgetError, ProtocolError, SourceError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import type { CodecParameters } from "../media/codec-parameters.ts";
import type { Format, StreamDescription } from "../media/track.ts";
import type { Stream } from "../stream/stream.ts";
import { UnitInput } from "../stream/unit-input.ts";
import { ArrivalClock } from "./arrival-clock.ts";
import { describeUnits } from "./unit-description.ts";

/** How long tracks that nothing has announced are looked for once one is ready, ms of the stream. */
const SEARCH_MS = 1_000;
/** The same by the clock, also for tracks that were announced, ms. */
const PATIENCE_MS = 2_500;
/** Units of `ArrivalClock` per ms. */
const TICKS = 90;

type Track = FlvTrack<CodecParameters>;

/** The publisher or source that the messages come from. */
export interface FlvOwner {
  readonly logger: Logger;
  /**
   * Makes the stream available, once its tracks are known.
   *
   * @param share of the media memory that the input has: the stream is charged to it too
   * @throws {Error} if the owner refuses
   */
  ready(description: StreamDescription, tracks: LogOptions["tracks"], share: MediaMemory): Awaitable<Stream>;
  /** The stream could not be made available, which only became known later. */
  failed(error: Error): void;
}

/** What `onMetaData` has announced. */
export interface FlvAnnouncement {
  readonly video: boolean;
  readonly audio: boolean;
}

export interface FlvInputOptions {
  readonly owner: FlvOwner;
  readonly clock: Clock;
  readonly memory: MediaMemory;
}

/** Makes a stream of audio and video messages of RTMP. */
export class FlvInput {
  readonly share: MediaMemory;
  readonly #options: FlvInputOptions;
  readonly #demuxer: FlvDemuxer<CodecParameters>;
  readonly #arrivals = new ArrivalClock();
  /** When it began, and when the first track was ready, monotonic ms. */
  readonly #since: number;
  #readySince: number | undefined;
  /** Time of the stream then, ms. */
  #readyTime = 0;
  #announced: FlvAnnouncement | undefined;
  #tracks: readonly Track[] = [];
  /** `pending` while the owner decides. */
  #input: UnitInput | "pending" | undefined;
  #counters: FlvCounters;
  #closed = false;

  /** @throws {BudgetError} if the media memory is used up */
  constructor(options: FlvInputOptions) {
    const share = options.memory.openShare();
    const demuxer = share && FlvDemuxer.open(share, FLV_READ);
    if (share === undefined || demuxer === undefined) {
      share?.closeShare();
      throw new BudgetError(options.memory.refusal);
    }
    this.#options = options;
    this.share = share;
    this.#demuxer = demuxer;
    this.#counters = demuxer.counters;
    this.#since = options.clock.now();
  }

  /** Begins a message: 8 is audio, 9 is video. Its body follows in pieces (`put`). */
  begin(kind: 8 | 9, size: number, timestampMs: number): void {
    this.#demuxer.begin(kind, size, timestampMs);
  }

  /** Takes bytes of the body of a message, which are in media memory and borrowed. */
  put(kind: 8 | 9, address: number, size: number): void {
    this.#demuxer.put(kind, address, size);
  }

  /** Takes what `onMetaData` announces; it counts until the stream is made available. */
  announce(announcement: FlvAnnouncement): void {
    this.#announced = announcement;
  }

  /**
   * Publishes what is new.
   *
   * @throws {SourceError} if the tracks have changed since the stream was made available, or none is supported
   * @throws {ProtocolError} if a frame is too large
   * @throws {BudgetError} if the media memory is used up
   */
  publish(): void {
    if (this.#input === undefined) this.#beginWhenReady();
    const input = this.#input;
    if (input === undefined || input === "pending") return;
    if (this.#tracks.some(({ hasChanged }) => hasChanged)) throw new SourceError("the tracks have changed");
    this.#dropOthers();
    const fault = input.pump();
    if (fault === "frame") throw new ProtocolError("frame is larger than 16777216 bytes");
    if (fault !== undefined) throw new BudgetError(this.share.refusal);
  }

  /** Tracks that came too late have no place in the stream. */
  #dropOthers(): void {
    const { tracks } = this.#demuxer;
    if (tracks.length === this.#tracks.length) return;
    for (const track of tracks) {
      if (track.units !== undefined && !this.#tracks.includes(track)) track.units.trim(track.units.headSeq);
    }
  }

  #beginWhenReady(): void {
    const { tracks, latest } = this.#demuxer;
    const ready = tracks.filter(({ isReady }) => isReady);
    if (ready.length === 0) return;
    const now = this.#options.clock.now();
    this.#readySince ??= now;
    if (this.#readyTime === 0) this.#readyTime = latest;
    if (!this.#isComplete(now)) return;
    this.#begin(ready);
  }

  /** Whether no other track has to be waited for. */
  #isComplete(now: number): boolean {
    const { tracks, latest } = this.#demuxer;
    if (now - (this.#readySince ?? now) >= PATIENCE_MS) return true;
    const announced = this.#announced;
    if (tracks.some(({ isSupported, isReady }) => isSupported && !isReady)) return false;
    if (announced === undefined || (!announced.video && !announced.audio)) {
      return latest - this.#readyTime >= SEARCH_MS;
    }
    const has = (isVideo: boolean) => tracks.some((track) => track.isVideo === isVideo);
    return (!announced.video || has(true)) && (!announced.audio || has(false));
  }

  #begin(tracks: readonly Track[]): void {
    const { owner } = this.#options;
    const formats = tracks.map(({ parameters }, i) => unitFormat(parameters as CodecParameters, i));
    const description = describeUnits(formats);
    this.#nameOthers();
    this.#tracks = tracks;
    this.#input = "pending";
    const made = when(owner.ready(description, trackSetups(description), this.share), (stream) =>
      this.#made(stream, formats),
    );
    if (made instanceof Promise) made.catch((error: Error) => owner.failed(error));
  }

  #made(stream: Stream, formats: readonly Format[]): void {
    if (this.#closed) return;
    const { clock } = this.#options;
    const logs = this.#tracks.map(({ units }) => units as UnitLog);
    this.#input = UnitInput.open(stream, logs, formats);
    this.#arrivals.begin(this.#demuxer.latest * TICKS, clock.now(), clock.wall());
    this.#align(this.#input);
  }

  /** Logs the skipped tracks in one line. */
  #nameOthers(): void {
    const others = this.#demuxer.tracks.filter(({ isReady }) => !isReady);
    if (others.length > 0)
      this.#options.owner.logger.warn(`skipping tracks: ${others.map(nameOf).join(", ")}`);
  }

  #align(input: UnitInput): void {
    const wall = this.#arrivals.wallOfZero;
    for (const i of this.#tracks.keys()) input.align(i, 0, wall);
  }

  /**
   * Handles timeouts and the wall clock; called about once a second.
   *
   * @param patience longest wait for a track, ms
   * @throws {SourceError} if there is none
   */
  tick(patience: number): void {
    const { clock } = this.#options;
    this.publish();
    this.#report();
    const input = this.#input;
    if (input === undefined) {
      if (clock.now() - this.#since > patience) throw this.#nothing();
    } else if (input !== "pending") {
      const latest = this.#demuxer.latest * TICKS;
      if (this.#arrivals.follow(latest, clock.now(), clock.wall())) this.#align(input);
    }
  }

  #nothing(): SourceError {
    const [first] = this.#demuxer.tracks.filter(({ isSupported }) => !isSupported);
    if (first === undefined) return new SourceError("no supported tracks found");
    return new SourceError(
      `unsupported ${first.isVideo ? "video" : "audio"} codec: ${codecName(first.codec)}`,
    );
  }

  #report(): void {
    const before = this.#counters;
    const after = this.#demuxer.counters;
    this.#counters = after;
    for (const [name, text] of REPORTS) {
      const times = after[name] - before[name];
      if (times > 0) this.#options.owner.logger.warn(times === 1 ? text : `${text} (${times} times)`);
    }
  }

  /** Releases everything. */
  close(): void {
    this.#closed = true;
    if (this.#input !== "pending") this.#input?.close();
    this.#demuxer.close();
    this.share.closeShare();
  }
}

/** Log lines by counter. */
const REPORTS: readonly (readonly [keyof FlvCounters, string])[] = [
  ["malformed", "malformed audio or video message"],
  ["ignored", "audio or video message of an unknown type ignored"],
  ["jumps", "timestamp discontinuity"],
  ["oversized", "frame dropped: too large"],
];

function nameOf({ isSupported, isVideo, codec }: Track): string {
  const kind = isVideo ? "video" : "audio";
  return isSupported
    ? `${kind} (no sequence header received)`
    : `${kind} (codec ${codecName(codec)} is not supported)`;
}

/** A FourCC as text; the number of a legacy codec. */
function codecName(codec: number): string {
  if (codec < 0x100) return String(codec & 15);
  const letters = [24, 16, 8, 0].map((shift) => String.fromCharCode((codec >>> shift) & 255)).join("");
  return /^[\x20-\x7e]{4}$/.test(letters) ? letters : `0x${codec.toString(16).padStart(8, "0")}`;
}
