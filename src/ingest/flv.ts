import type { MediaMemory } from "../../wasm/core.ts";
import { type FlvCounters, FlvDemuxer } from "../../wasm/flv-demuxer.ts";
import type { FlvTrack } from "../../wasm/flv-track.ts";
import type { UnitLog } from "../../wasm/units.ts";
import { FLV_READ, flvCodecId, flvCodecName } from "../formats/flv/codecs.ts";
import { type FlvMetadata, readMetadata } from "../formats/flv/metadata.ts";
import { trackSetups } from "../formats/rtp/track-setup.ts";
import { unitFormat } from "../formats/rtp/unit-formats.ts";
import { type Awaitable, when } from "../lib/awaitable.ts";
import type { Clock } from "../lib/clock.ts";
import { BudgetError, ProtocolError, SourceError } from "../lib/errors.ts";
import type { CodecParameters } from "../media/codec-parameters.ts";
import { CODECS } from "../media/codecs.ts";
import type { Format } from "../media/track.ts";
import type { Stream } from "../stream/stream.ts";
import { UnitInput } from "../stream/unit-input.ts";
import { ArrivalClock } from "./arrival-clock.ts";
import { describe, type InputOwner } from "./input.ts";

type Track = FlvTrack<CodecParameters>;

/** How long tracks are looked for where nobody says which there are, by the timestamps and by the clock, ms. */
const SEARCH_MS = 1_000;
const SEARCH_CLOCK_MS = 1_500;
/** Ticks of 90 kHz in a ms. */
const TICKS = 90;

/** The publisher or source that the messages come from. */
export interface FlvOwner extends Omit<InputOwner, "ready"> {
  /** As of `InputOwner`; what comes meanwhile is kept. */
  ready(...stream: Parameters<InputOwner["ready"]>): Awaitable<Stream>;
  /** The stream could not be made available, which became known later. */
  failed(error: Error): void;
}

export interface FlvInputOptions {
  readonly owner: FlvOwner;
  readonly clock: Clock;
  readonly memory: MediaMemory;
  /** Counts what may happen with every message. */
  readonly count: (what: string, times: number) => void;
}

/** Makes a stream of audio and video messages of RTMP. */
export class FlvInput {
  readonly #options: FlvInputOptions;
  /** That everything of the stream is charged to. */
  readonly share: MediaMemory;
  readonly #demuxer: FlvDemuxer<CodecParameters>;
  readonly #arrivals = new ArrivalClock();
  readonly #since: number;
  #expected: FlvMetadata | undefined;
  /** When the first track was ready, by the timestamps and by the clock, ms. */
  #first: { readonly latest: number; readonly now: number } | undefined;
  #tracks: readonly Track[] = [];
  /** Tracks of the demuxer that have been looked at. */
  #seen = 0;
  /** `pending` while the owner makes the stream available. */
  #input: UnitInput | "pending" | undefined;
  #closed = false;
  #counters: FlvCounters;

  /** @throws {BudgetError} if the media memory is used up */
  constructor(options: FlvInputOptions) {
    const share = options.memory.openShare();
    const demuxer = share && FlvDemuxer.open(share, FLV_READ);
    if (share === undefined || demuxer === undefined) {
      share?.closeShare();
      throw new BudgetError("the media memory is used up");
    }
    this.#options = options;
    this.share = share;
    this.#demuxer = demuxer;
    this.#counters = demuxer.counters;
    this.#since = options.clock.now();
  }

  /** Takes the messages: `push`, or `begin` and `put`. Call `publish` after some of them. */
  get demuxer(): FlvDemuxer<CodecParameters> {
    return this.#demuxer;
  }

  /** Takes the object of `onMetaData`. */
  describe(properties: ReadonlyMap<string, unknown>): void {
    this.#expected = readMetadata(properties) ?? this.#expected;
  }

  /** Whether the stream is available. */
  get isPublished(): boolean {
    return this.#input !== undefined && this.#input !== "pending";
  }

  /**
   * Publishes what is new.
   *
   * @throws {SourceError} if the tracks have changed since the stream was made available
   * @throws {ProtocolError} if a frame is too large
   * @throws {BudgetError} if the media memory is used up
   */
  publish(): void {
    if (this.#input === undefined) this.#beginWhenReady();
    const input = this.#input;
    if (input === undefined || input === "pending") return;
    for (let i = 0; i < this.#tracks.length; i++) {
      if (this.#tracks[i]?.hasChanged) throw new SourceError("the tracks have changed");
    }
    if (this.#demuxer.tracks.length > this.#seen) this.#leaveOut();
    const fault = input.pump();
    if (fault === "frame") throw new ProtocolError("frame is larger than 16777216 bytes");
    if (fault !== undefined) throw new BudgetError(this.share.refusal);
  }

  #beginWhenReady(): void {
    const { tracks, latest } = this.#demuxer;
    const ready = tracks.filter(({ isReady }) => isReady);
    // there was no memory for its units
    if (tracks.some(({ parameters, isReady }) => parameters !== undefined && !isReady)) {
      throw new BudgetError(this.share.refusal);
    }
    // sequence headers come first: the tracks are all there when the first frame is
    if (!ready.some(({ frames }) => frames > 0)) return;
    const now = this.#options.clock.now();
    this.#first ??= { latest, now };
    const isLate = latest - this.#first.latest >= SEARCH_MS || now - this.#first.now >= SEARCH_CLOCK_MS;
    if (isLate || this.#isComplete(ready)) this.#begin(ready);
  }

  /** Whether all tracks are ready that the metadata announce, or without them one of each kind. */
  #isComplete(ready: readonly Track[]): boolean {
    if (this.#demuxer.tracks.some(({ isSupported, isReady }) => isSupported && !isReady)) return false;
    const { videos, audios } = this.#expected ?? { videos: 1, audios: 1 };
    const found = ready.filter(({ isVideo }) => isVideo).length;
    return found >= videos && ready.length - found >= audios;
  }

  #begin(ready: readonly Track[]): void {
    const { owner } = this.#options;
    // video comes first, as everywhere else
    const tracks = [...ready.filter(({ isVideo }) => isVideo), ...ready.filter(({ isVideo }) => !isVideo)];
    const formats = tracks.map(({ parameters }, i) => unitFormat(parameters as CodecParameters, i));
    const description = describe(formats);
    this.#tracks = tracks;
    this.#leaveOut();
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
    const input = UnitInput.open(stream, logs, formats);
    this.#input = input;
    this.#arrivals.begin(this.#demuxer.latest * TICKS, clock.now(), clock.wall());
    this.#align(input);
  }

  /** Logs the tracks that are not part of the stream in one line, and ignores them from now on. */
  #leaveOut(): void {
    const { tracks } = this.#demuxer;
    const names: string[] = [];
    for (const track of tracks.slice(this.#seen)) {
      if (this.#tracks.includes(track)) continue;
      this.#demuxer.skip(track);
      const codec = flvCodecId(track.isVideo, track.codec);
      const why =
        codec === undefined ? "not supported" : this.#input === undefined ? "no data received" : "too late";
      names.push(
        `${codec === undefined ? flvCodecName(track.isVideo, track.codec) : CODECS[codec].label} (${why})`,
      );
    }
    this.#seen = tracks.length;
    if (names.length > 0) this.#options.owner.logger.warn(`skipping tracks: ${names.join(", ")}`);
  }

  #align(input: UnitInput): void {
    const wall = this.#arrivals.wallOfZero;
    for (const i of this.#tracks.keys()) input.align(i, 0, wall);
  }

  /**
   * Handles timeouts and the wall clock; called a few times per second.
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
      if (clock.now() - this.#since > patience) throw new SourceError(this.#failure());
    } else if (input !== "pending") {
      const latest = this.#demuxer.latest * TICKS;
      if (this.#arrivals.follow(latest, clock.now(), clock.wall())) this.#align(input);
    }
  }

  #failure(): string {
    const { tracks } = this.#demuxer;
    const [other] = tracks;
    if (other === undefined || tracks.some(({ isSupported }) => isSupported))
      return "no supported tracks found";
    return `unsupported ${flvCodecName(other.isVideo, other.codec)}`;
  }

  #report(): void {
    const before = this.#counters;
    const after = this.#demuxer.counters;
    this.#counters = after;
    for (const [name, text] of REPORTS) {
      const times = after[name] - before[name];
      if (times > 0) this.#options.count(text, times);
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
  ["ignored", "audio or video message of an unknown type"],
  ["jumps", "timestamp discontinuity"],
  ["oversized", "frame dropped: too large"],
];
