/** The named deadlines of a machine, and the earliest of them. Times are those of the machine's `now`, ms. */
export class TimerTable<Name extends string> {
  readonly #deadlines = new Map<Name, number>();
  #earliest = Number.POSITIVE_INFINITY;

  /** When the next one is due; Infinity when none is set. */
  get deadline(): number {
    return this.#earliest;
  }

  /** Sets or moves a deadline. */
  set(name: Name, at: number): void {
    const before = this.#deadlines.get(name);
    this.#deadlines.set(name, at);
    if (at <= this.#earliest) this.#earliest = at;
    else if (before === this.#earliest) this.#recompute();
  }

  /** Removes a deadline, if it is set. */
  clear(name: Name): void {
    const before = this.#deadlines.get(name);
    if (before === undefined) return;
    this.#deadlines.delete(name);
    if (before === this.#earliest) this.#recompute();
  }

  has(name: Name): boolean {
    return this.#deadlines.has(name);
  }

  /** Takes out the earliest deadline that has passed, or gives undefined. To be called until it does. */
  take(now: number): Name | undefined {
    if (now < this.#earliest) return undefined;
    for (const [name, at] of this.#deadlines) {
      if (at !== this.#earliest) continue;
      this.clear(name);
      return name;
    }
    return undefined;
  }

  #recompute(): void {
    let earliest = Number.POSITIVE_INFINITY;
    for (const at of this.#deadlines.values()) if (at < earliest) earliest = at;
    this.#earliest = earliest;
  }
}
