/** What a unit of the leading track means for the parts and segments. */
export type Cut = "none" | "start" | "part" | "segment";

export interface SegmenterOptions {
  /** Minimum duration of a segment, ms. */
  readonly segmentDuration: number;
  /** Minimum duration of a part, ms. */
  readonly partDuration: number;
  /** Whether the part duration is adjusted to the frame interval, as LL-HLS players expect. */
  readonly isAdjusting: boolean;
  /** Whether segments start at random access points only. */
  readonly hasVideo: boolean;
}

/** Step in which the part duration is adjusted to the frames, ms, and its maximum. */
const STEP_MS = 5;
const PART_MAX_MS = 5_000;
/** Minimum share of the part target duration that a part must have (RFC 8216bis §4.4.4.9). */
const LEAST_SHARE = 0.85;
/** Tolerance for rounded times, ms. */
const TOLERANCE_MS = 0.5;

/** Decides where parts and segments end, by the units of the leading track: video, or audio without it. */
export class Segmenter {
  readonly #options: SegmenterOptions;
  readonly #distances = new Set<number>();
  /** Whether the frame interval is still being measured. */
  #learning = true;
  #partDuration: number;
  #segmentStart: number | undefined;
  #partStart = 0;
  #last = 0;

  constructor(options: SegmenterOptions) {
    this.#options = options;
    this.#partDuration = options.partDuration;
  }

  /**
   * Decides where to cut in front of the next unit of the leading track.
   *
   * @param time decoding time, ms
   * @param isForced whether a segment must end at the next random access point: the parameters have changed
   */
  next(time: number, isRandomAccess: boolean, isForced = false): Cut {
    const { hasVideo, segmentDuration } = this.#options;
    const mayBegin = isRandomAccess || !hasVideo;
    if (this.#segmentStart === undefined) {
      if (mayBegin) this.#begin(time);
      return mayBegin ? "start" : "none";
    }
    this.#learn(time - this.#last);
    this.#last = time;
    if (mayBegin && (isForced || time - this.#segmentStart >= segmentDuration - TOLERANCE_MS)) {
      this.#learning = isForced;
      this.#segmentStart = time;
      this.#partStart = time;
      return "segment";
    }
    if (time - this.#partStart < this.#partDuration - TOLERANCE_MS) return "none";
    this.#partStart = time;
    return "part";
  }

  #begin(time: number): void {
    this.#segmentStart = time;
    this.#partStart = time;
    this.#last = time;
  }

  /** Adjusts the part duration to the interval of two frames. */
  #learn(distance: number): void {
    if (!this.#options.isAdjusting || !this.#options.hasVideo || !this.#learning) return;
    const rounded = Math.round(distance);
    if (rounded <= 0 || rounded >= PART_MAX_MS || this.#distances.has(rounded)) return;
    this.#distances.add(rounded);
    this.#partDuration = fittingDuration(this.#options.partDuration, this.#distances);
  }
}

/** The shortest part duration, from `least` on, that whole frames of all these intervals fill well enough, ms. */
export function fittingDuration(least: number, distances: ReadonlySet<number>): number {
  for (let duration = least; duration < PART_MAX_MS; duration += STEP_MS) {
    const fits = (distance: number) =>
      distance <= duration && duration > LEAST_SHARE * Math.ceil(duration / distance) * distance;
    if (distances.values().every(fits)) return duration;
  }
  return least;
}
