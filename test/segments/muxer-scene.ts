import { SAMPLE_FRAMES, SAMPLE_PICTURES } from "../../assembly/abi.ts";
import { readInit } from "../../src/formats/fmp4/read-init.ts";
import type { CodecParameters } from "../../src/media/codec-parameters.ts";
import { Muxer } from "../../src/segments/muxer.ts";
import type { MuxerOptions, SegmentSink } from "../../src/segments/muxer-options.ts";
import { chooseTracks } from "../../src/segments/track-choice.ts";
import type { Stream } from "../../src/stream/stream.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import { testLog } from "../lib/test-log.ts";
import { Broadcast, type BroadcastTimes, describeCodecs, SOUND, VIDEO } from "../support/broadcast.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { StreamMaker } from "../support/memory-stream.ts";
import { readSegmentTwin, type TwinTrack, type TwinUnit } from "../wasm/twin/mp4.ts";

export interface TakenPart {
  readonly bytes: Uint8Array;
  readonly duration: number;
  readonly isIndependent: boolean;
}

export interface TakenSegment {
  readonly start: number;
  /** Number of the init file in front of it. */
  readonly init: number;
  readonly parts: TakenPart[];
  isWhole: boolean;
}

/** Keeps everything that a muxer makes. */
export class FakeSink implements SegmentSink {
  readonly inits: Uint8Array[] = [];
  readonly segments: TakenSegment[] = [];

  describe(init: Uint8Array): void {
    this.inits.push(init.slice());
  }

  begin(start: number): void {
    this.segments.push({ start, init: this.inits.length - 1, parts: [], isWhole: false });
  }

  addPart(bytes: readonly Uint8Array[], duration: number, isIndependent: boolean): void {
    const copy = new Uint8Array(Buffer.concat(bytes));
    this.segments.at(-1)!.parts.push({ bytes: copy, duration, isIndependent });
  }

  end(): void {
    this.segments.at(-1)!.isWhole = true;
  }

  get whole(): TakenSegment[] {
    return this.segments.filter(({ isWhole }) => isWhole);
  }

  get parts(): TakenPart[] {
    return this.segments.flatMap(({ parts }) => parts);
  }

  /** Samples of fragmented MP4, by number of the track in the file, from 1. */
  samples(track: number, segments: readonly TakenSegment[] = this.segments): TwinUnit[] {
    return segments.flatMap(({ init, parts }) => {
      const tracks = readInit(this.inits[init]!).map(
        (each): TwinTrack => ({
          ...each,
          kind: each.isVideo ? SAMPLE_PICTURES : SAMPLE_FRAMES,
          rate: each.timescale,
          lengthSize: 4,
          sets: new Uint8Array(0),
          next: 0n,
          last: undefined,
        }),
      );
      return parts
        .flatMap(({ bytes }) => readSegmentTwin(bytes, 0, tracks))
        .filter((unit) => unit.track === track - 1);
    });
  }
}

const OPTIONS = {
  container: "fmp4",
  segmentDuration: 1_000,
  partDuration: 200,
  isAdjusting: true,
  segmentMaxSize: 50_000_000,
  readTimeout: 10_000,
} as const;

/** A stream with a muxer that reads it. */
export class MuxerScene implements Disposable {
  readonly clock = new FakeClock();
  readonly log = testLog();
  readonly sink = new FakeSink();
  readonly faults: string[] = [];
  readonly silences: number[][] = [];
  readonly broadcast: Broadcast;
  readonly stream: Stream;
  /** Calls of `onPart`. */
  partsSaid = 0;
  muxer: Muxer | undefined;
  readonly #maker: StreamMaker;

  constructor(
    memory: MediaMemory,
    codecs: readonly CodecParameters[] = [VIDEO, SOUND],
    times?: BroadcastTimes,
  ) {
    const { description, setups } = describeCodecs(codecs);
    this.#maker = new StreamMaker(this.clock, memory);
    this.stream = this.#maker.ready(description, setups);
    this.broadcast = new Broadcast(this.clock, this.stream, codecs, times);
  }

  /** Starts the muxer. */
  open(options: Partial<MuxerOptions> = {}, sink: SegmentSink = this.sink): Muxer {
    const silent = options.silent ?? new Set<number>();
    const tracks = chooseTracks(this.stream, silent, "HLS").chosen;
    const owner = {
      clock: this.clock,
      logger: this.log.logger,
      onPart: () => {
        this.partsSaid += 1;
      },
      onFault: (error: Error) => void this.faults.push(error.message),
      onSilence: (found: ReadonlySet<number>) => void this.silences.push([...found]),
    };
    this.muxer = new Muxer(this.stream, { ...OPTIONS, tracks, silent, ...options }, sink, owner);
    return this.muxer;
  }

  [Symbol.dispose](): void {
    this.muxer?.close();
    this.broadcast[Symbol.dispose]();
    this.#maker[Symbol.dispose]();
  }
}
