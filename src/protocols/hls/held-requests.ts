import type { LivePlaylist } from "./live-playlist.ts";

/** Requests that may wait for one muxer. */
const HELD_MAX = 10_000;

/** A request that is held until there is enough. */
export interface Held {
  readonly isReady: (playlist: LivePlaylist) => boolean;
  /** @param playlist undefined when it has ended before */
  readonly answer: (playlist: LivePlaylist | undefined) => Response;
}

interface Waiting extends Held {
  readonly resolve: (response: Response) => void;
}

/** The requests that wait for a muxer. */
export class HeldRequests {
  readonly #waiting = new Set<Waiting>();

  get size(): number {
    return this.#waiting.size;
  }

  /** Whether so many wait that no more can. */
  get isFull(): boolean {
    return this.#waiting.size >= HELD_MAX;
  }

  /**
   * Holds a request until it is answered.
   *
   * @param signal gives up
   */
  hold(held: Held, signal: AbortSignal): Promise<Response> {
    return new Promise((resolve) => {
      const waiting: Waiting = { ...held, resolve };
      this.#waiting.add(waiting);
      signal.addEventListener("abort", () => {
        if (this.#waiting.delete(waiting)) resolve(held.answer(undefined));
      });
    });
  }

  /** Answers, in one pass, all that wait for what there is now. */
  serve(playlist: LivePlaylist): void {
    for (const waiting of this.#waiting) {
      if (!waiting.isReady(playlist)) continue;
      this.#waiting.delete(waiting);
      waiting.resolve(waiting.answer(playlist));
    }
  }

  /** Answers all: there is nothing to wait for any more. */
  end(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const { answer, resolve } of waiting) resolve(answer(undefined));
  }
}
