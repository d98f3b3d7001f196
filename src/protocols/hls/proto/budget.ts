/** Bytes that all playlists together may keep. Who runs is never stopped by it: newcomers are refused. */
export class ByteBudget {
  /** Bytes. */
  readonly limit: number;
  #used = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Bytes that are kept now. */
  get used(): number {
    return this.#used;
  }

  /** Whether nine tenths are taken: the rest is for those who are there already. */
  get isSpent(): boolean {
    return this.#used >= this.limit * 0.9;
  }

  take(bytes: number): void {
    this.#used += bytes;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }
}
