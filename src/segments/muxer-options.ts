import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { ChosenTrack } from "./track-choice.ts";
import type { Container } from "./writers.ts";

export interface MuxerOptions {
  /** The tracks that go into the segments; the first one leads: parts and segments begin with its units. */
  readonly tracks: readonly ChosenTrack[];
  /** Tracks that were left out because they send nothing. */
  readonly silent: ReadonlySet<number>;
  readonly container: Container;
  /** Least length of a segment, ms. */
  readonly segmentDuration: number;
  /** Least length of a part, ms. */
  readonly partDuration: number;
  /** Whether parts are made to fit the distance of frames (LL-HLS). */
  readonly isAdjusting: boolean;
  /** Largest segment, bytes. */
  readonly segmentMaxSize: number;
}

/** Takes what a muxer makes, in order. */
export interface SegmentSink {
  /** Segments that begin from now on need this file in front of them; empty where their container has none. */
  describe(init: Uint8Array<ArrayBuffer>): void;
  /** @param start wall clock of the first frame of the segment, ms since 1970 */
  begin(start: number): void;
  /**
   * The segment goes on with a part.
   *
   * @param bytes borrowed views of media memory: to be copied at once
   * @param duration ms
   * @param isIndependent whether it begins with a random access point
   */
  addPart(bytes: readonly Uint8Array[], duration: number, isIndependent: boolean): void;
  /** The segment is whole. */
  end(): void;
}

/** What a muxer is given, and whom it tells. */
export interface MuxerOwner {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called with every part, once everything that begins or ends with it is in the sink. */
  readonly onPart: () => void;
  /** Called, at most once, when it cannot go on. */
  readonly onFault: (error: Error) => void;
  /** Called, at most once, when it should be made anew: these tracks send nothing. */
  readonly onSilence: (silent: ReadonlySet<number>) => void;
}
