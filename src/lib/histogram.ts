/** Counts how often values fall between bounds; observing allocates nothing. */
export class Histogram {
  /** Upper bounds of the buckets, ascending; one more bucket counts values above them. */
  readonly bounds: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const { bounds } = this;
    let i = 0;
    while (i < bounds.length && value > (bounds[i] as number)) i += 1;
    (this.#counts[i] as number) += 1;
    this.#sum += value;
  }

  /** Sum of all values. */
  get sum(): number {
    return this.#sum;
  }

  /** Number of values up to each bound; the last one is that of all values. */
  get cumulative(): number[] {
    let count = 0;
    return Array.from(this.#counts, (own) => {
      count += own;
      return count;
    });
  }
}
