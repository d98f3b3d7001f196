import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { ChosenTrack } from "./track-choice.ts";
import type { Container } from "./writers.ts";

export interface MuxerOptions {
  /** The tracks that go into the segments; the first one leads: parts and segments begin with its units. */
  readonly tracks: readonly ChosenTrack[];
  /** Tracks skipped because they were silent. */
  readonly silent: ReadonlySet<number>;
  readonly container: Container;
  /** Minimum duration of a segment, ms. */
  readonly segmentDuration: number;
  /** Minimum duration of a part, ms. */
  readonly partDuration: number;
  /** Whether the part duration adapts to the frame interval (LL-HLS). */
  readonly isAdjusting: boolean;
  /** Largest segment, bytes. */
  readonly segmentMaxSize: number;
  /** Time without anything usable after which the log says what is missing, ms. */
  readonly readTimeout: number;
}

/** Receives what a muxer makes, in order. */
export interface SegmentSink {
  /** Segments that begin from now on need this init file; empty when the container has none. */
  describe(init: Uint8Array<ArrayBuffer>): void;
  /** @param start wall clock of the first frame of the segment, ms since 1970 */
  begin(start: number): void;
  /**
   * Adds a part to the segment.
   *
   * @param bytes views of media memory, to be copied at once
   * @param duration ms
   * @param isIndependent whether it begins with a random access point
   */
  addPart(bytes: readonly Uint8Array[], duration: number, isIndependent: boolean): void;
  /** The segment is whole. */
  end(): void;
}

/** The owner of a muxer. */
export interface MuxerOwner {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called after every part, once the sink knows of segments that ended or began with it. */
  readonly onPart: () => void;
  /** Called at most once, when it has failed. */
  readonly onFault: (error: Error) => void;
  /** Called at most once, when a new muxer is needed because the set of silent tracks has changed. */
  readonly onSilence: (silent: ReadonlySet<number>) => void;
}
