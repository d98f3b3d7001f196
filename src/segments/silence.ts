import type { Stream } from "../stream/stream.ts";

/** A track that has sent nothing for this long is skipped, ms. */
const SILENCE_MS = 3_000;

/** Finds tracks that send nothing: players would wait for them. */
export class SilenceMonitor {
  readonly #stream: Stream;
  readonly #chosen: readonly number[];
  readonly #left: ReadonlySet<number>;
  readonly #deadline: number;
  /** Whether all chosen tracks have sent something. */
  isSettled = false;

  /**
   * @param chosen indexes of the tracks that are taken
   * @param left indexes of the tracks skipped because they were silent
   */
  constructor(stream: Stream, chosen: readonly number[], left: ReadonlySet<number>) {
    this.#stream = stream;
    this.#chosen = chosen;
    this.#left = left;
    this.#deadline = stream.now + SILENCE_MS;
  }

  /**
   * @param now monotonic ms
   * @returns the silent tracks, if they have changed; undefined otherwise
   */
  look(now: number): ReadonlySet<number> | undefined {
    const speaksAgain = this.#left.values().some((index) => !this.#isSilent(index));
    if (this.isSettled && !speaksAgain) return undefined;
    const missing = this.#chosen.filter((index) => this.#isSilent(index)).length;
    this.isSettled = missing === 0;
    const isLate = missing > 0 && missing < this.#chosen.length && now >= this.#deadline;
    if (!speaksAgain && !isLate) return undefined;
    const all = this.#stream.log.tracks.map((_, index) => index);
    return new Set(all.filter((index) => this.#isSilent(index)));
  }

  #isSilent(index: number): boolean {
    return this.#stream.log.tracks[index]?.started !== true;
  }
}
