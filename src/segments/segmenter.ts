/** What a unit of the leading track means for the parts and segments. */
export type Cut = "none" | "start" | "part" | "segment";

export interface SegmenterOptions {
  /** Least length of a segment, ms. */
  readonly segmentDuration: number;
  /** Least length of a part, ms. */
  readonly partDuration: number;
  /** Whether parts are made to fit the distance of frames, as those who play them expect (LL-HLS). */
  readonly isAdjusting: boolean;
  /** Whether segments begin at random access points; else anywhere. */
  readonly hasVideo: boolean;
}

/** Steps in which a part grows to fit the frames, ms, and its largest length. */
const STEP_MS = 5;
const PART_MAX_MS = 5_000;
/** The least share of the length announced that a part must have (RFC 8216bis §4.4.4.9). */
const LEAST_SHARE = 0.85;
/** Times are not exact to the last tick, ms. */
const TOLERANCE_MS = 0.5;

/** Decides where parts and segments end, by the units of the leading track: video, or audio without it. */
export class Segmenter {
  readonly #options: SegmenterOptions;
  readonly #distances = new Set<number>();
  /** Whether the distance of frames is still being learned. */
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
   * A unit begins: it is the first one behind the cut.
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

  /** Takes the distance of two frames into the length of parts. */
  #learn(distance: number): void {
    if (!this.#options.isAdjusting || !this.#options.hasVideo || !this.#learning) return;
    const rounded = Math.round(distance);
    if (rounded <= 0 || rounded >= PART_MAX_MS || this.#distances.has(rounded)) return;
    this.#distances.add(rounded);
    this.#partDuration = fittingDuration(this.#options.partDuration, this.#distances);
  }
}

/** The shortest length of parts, from `least` on, that whole frames of all these distances fill well enough, ms. */
export function fittingDuration(least: number, distances: ReadonlySet<number>): number {
  for (let duration = least; duration < PART_MAX_MS; duration += STEP_MS) {
    const fits = (distance: number) =>
      distance <= duration && duration > LEAST_SHARE * Math.ceil(duration / distance) * distance;
    if (distances.values().every(fits)) return duration;
  }
  return least;
}
