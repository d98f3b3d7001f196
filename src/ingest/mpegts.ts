import type { MediaMemory } from "../../wasm/core.ts";
import { type TsCounters, TsDemuxer } from "../../wasm/ts-demuxer.ts";
import type { TsTrack } from "../../wasm/ts-track.ts";
import type { UnitLog } from "../../wasm/units.ts";
import { readTsTrack, tsCodecId } from "../formats/mpegts/codecs.ts";
import { TsPrograms } from "../formats/mpegts/programs.ts";
import { trackSetups } from "../formats/rtp/track-setup.ts";
import { unitFormat } from "../formats/rtp/unit-formats.ts";
import type { Clock } from "../lib/clock.ts";
import { BudgetError, ProtocolError, SourceError } from "../lib/errors.ts";
import { CODECS } from "../media/codecs.ts";
import { UnitInput } from "../stream/unit-input.ts";
import { ArrivalClock } from "./arrival-clock.ts";
import { describe, type InputOwner } from "./input.ts";

/** How long to wait for the other tracks once one is ready, ms. */
const OTHERS_MS = 1_500;

export interface MpegtsInputOptions {
  readonly owner: InputOwner;
  readonly clock: Clock;
  readonly memory: MediaMemory;
  /** Counts what may happen with every packet. */
  readonly count: (what: string, times: number) => void;
}

/** Makes a stream of an MPEG transport stream as its bytes arrive, over any transport. */
export class MpegtsInput {
  readonly #options: MpegtsInputOptions;
  readonly #share: MediaMemory;
  readonly #demuxer: TsDemuxer;
  readonly #arrivals: ArrivalClock;
  /** When it began, and when the first track was ready, monotonic ms. */
  readonly #since: number;
  #readySince: number | undefined;
  #tracks: readonly TsTrack[] = [];
  #input: UnitInput | undefined;
  /** `changes` of the demuxer when the stream was made available. */
  #changes = 0;
  #counters: TsCounters;

  /** @throws {BudgetError} if the media memory is used up */
  constructor(options: MpegtsInputOptions) {
    const share = options.memory.openShare();
    const demuxer = share && TsDemuxer.open(share, new TsPrograms());
    if (share === undefined || demuxer === undefined) {
      share?.closeShare();
      throw new BudgetError("the media memory is used up");
    }
    this.#options = options;
    this.#share = share;
    this.#demuxer = demuxer;
    this.#counters = demuxer.counters;
    this.#arrivals = new ArrivalClock();
    this.#since = options.clock.now();
  }

  /** Receives bytes of the transport stream in order, cut anywhere. They are borrowed. */
  push(data: Uint8Array): void {
    this.#demuxer.push(data);
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
    if (input === undefined) return;
    if (this.#demuxer.changes !== this.#changes || this.#tracks.some(({ hasChanged }) => hasChanged)) {
      throw new SourceError("the tracks have changed");
    }
    const fault = input.pump();
    if (fault === "frame") throw new ProtocolError("frame is larger than 16777216 bytes");
    if (fault !== undefined) throw new BudgetError(this.#share.refusal);
  }

  #beginWhenReady(): void {
    const now = this.#options.clock.now();
    const present = this.#demuxer.tracks.filter(({ isPresent }) => isPresent);
    const ready = present.filter(({ isReady }) => isReady);
    if (ready.length === 0) return;
    this.#readySince ??= now;
    if (ready.length === present.length || now - this.#readySince >= OTHERS_MS) this.#begin(ready);
  }

  #begin(tracks: readonly TsTrack[]): void {
    const { owner, clock } = this.#options;
    const formats = tracks.map((track, i) => unitFormat(readTsTrack(track), i));
    const description = describe(formats);
    this.#nameOthers(tracks);
    const stream = owner.ready(description, trackSetups(description), this.#share);
    const logs = tracks.map(({ units }) => units as UnitLog);
    this.#input = UnitInput.open(stream, logs, formats);
    this.#tracks = tracks;
    this.#changes = this.#demuxer.changes;
    this.#arrivals.begin(this.#demuxer.latest, clock.now(), clock.wall());
    this.#align();
  }

  /** Logs the skipped tracks in one line. */
  #nameOthers(taken: readonly TsTrack[]): void {
    const silent = this.#demuxer.tracks.filter((track) => track.isPresent && !taken.includes(track));
    for (const track of silent) this.#demuxer.skip(track);
    const names = [
      ...silent.map((track) => `${CODECS[tsCodecId(track)].label} (no data received)`),
      ...this.#demuxer.unknown.map(({ streamType, pid }) => {
        const type = streamType.toString(16).padStart(2, "0");
        return `stream type 0x${type} (not supported, PID ${pid})`;
      }),
    ];
    if (names.length > 0) this.#options.owner.logger.warn(`skipping tracks: ${names.join(", ")}`);
  }

  #align(): void {
    const wall = this.#arrivals.wallOfZero;
    for (const i of this.#tracks.keys()) this.#input?.align(i, 0, wall);
  }

  /**
   * Handles timeouts and the wall clock; called a few times per second.
   *
   * @param patience longest wait for a track that is known, ms
   * @throws {SourceError} if there is none
   */
  tick(patience: number): void {
    const { clock } = this.#options;
    this.publish();
    this.#report();
    if (this.#input === undefined) {
      const isData = this.#demuxer.counters.packets > 0;
      if (isData && clock.now() - this.#since > patience) throw new SourceError("no supported tracks found");
    } else if (this.#arrivals.follow(this.#demuxer.latest, clock.now(), clock.wall())) {
      this.#align();
    }
  }

  #report(): void {
    const before = this.#counters;
    const after = this.#demuxer.counters;
    this.#counters = after;
    const { count } = this.#options;
    for (const [name, text] of REPORTS) {
      const times = after[name] - before[name];
      if (times > 0) count(text, times);
    }
  }

  /** Gaps in the continuity counters so far: at least as many packets were lost. */
  get continuityErrors(): number {
    return this.#counters.continuityErrors;
  }

  /** Releases everything. */
  close(): void {
    this.#input?.close();
    this.#demuxer.close();
    this.#share.closeShare();
  }
}

/** Log lines by counter. */
const REPORTS: readonly (readonly [keyof TsCounters, string])[] = [
  ["continuityErrors", "continuity counter error: packets lost"],
  ["syncLosses", "sync byte lost"],
  ["scrambled", "scrambled packets dropped"],
  ["malformed", "malformed packet or table"],
  ["jumps", "timestamp discontinuity"],
  ["oversized", "frame dropped: too large"],
];
