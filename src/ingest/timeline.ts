/** A gap or an overlap that is larger is none: times have begun anew, s. */
const GAP_MAX_S = 10;
const OVERLAP_MAX_S = 0.5;
/** Time lines that are remembered. */
const KEPT = 16;

/** Where the units of one rendition have come to, s. */
export interface Lane {
  end: number | undefined;
}

/**
 * Joins the time lines of a source: what is added to the times of each so that they go on where the one before has
 * ended, the same for all renditions.
 */
export class Timeline {
  readonly #shifts = new Map<number, number>();

  /**
   * Places what lasts from `first` to `end`, s.
   *
   * @param discontinuity number of its time line
   * @returns what is added to its times, s
   */
  place(lane: Lane, discontinuity: number, first: number, end: number): number {
    const before = lane.end;
    let shift = this.#shifts.get(discontinuity);
    if (shift === undefined && before === undefined) shift = 0;
    if (before !== undefined && (shift === undefined || !isNext(first + shift - before))) {
      shift = before - first;
    }
    this.#keep(discontinuity, shift as number);
    lane.end = end + (shift as number);
    return shift as number;
  }

  #keep(discontinuity: number, shift: number): void {
    this.#shifts.set(discontinuity, shift);
    if (this.#shifts.size <= KEPT) return;
    const [oldest] = this.#shifts.keys();
    this.#shifts.delete(oldest as number);
  }
}

function isNext(gap: number): boolean {
  return gap >= -OVERLAP_MAX_S && gap <= GAP_MAX_S;
}
