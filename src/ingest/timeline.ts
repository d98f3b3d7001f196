/** A larger gap or overlap is a restart of the timestamps, s. */
const GAP_MAX_S = 10;
const OVERLAP_MAX_S = 0.5;
/** Number of timelines remembered. */
const KEPT = 16;

/** End of the units of one rendition so far, s. */
export interface Lane {
  end: number | undefined;
}

/**
 * Joins the timelines of a source: the offset of each, so that it continues where the one before
 * ended. It is the same for all renditions.
 */
export class Timeline {
  readonly #shifts = new Map<number, number>();

  /**
   * Places media from `first` to `end`, s.
   *
   * @param discontinuity number of its timeline
   * @returns the offset added to its times, s
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
