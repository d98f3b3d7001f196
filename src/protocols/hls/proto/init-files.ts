/** The init files that segments need, by number from 1. */
export class InitFiles {
  readonly #files = new Map<number, Blob>();
  /** Number of the newest one; 0 if there is none yet. */
  newest = 0;

  add(file: Blob): void {
    this.newest += 1;
    this.#files.set(this.newest, file);
  }

  get(number: number): Blob | undefined {
    return this.#files.get(number);
  }

  delete(number: number): void {
    this.#files.delete(number);
  }

  clear(): void {
    this.#files.clear();
  }
}
