/** Byte budget of all playlists. Running muxers are never stopped by it: new ones are refused. */
export class ByteBudget {
  /** Bytes. */
  readonly limit: number;
  #used = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Bytes stored now. */
  get used(): number {
    return this.#used;
  }

  /** Whether nine tenths are taken: the rest is for running muxers. */
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
