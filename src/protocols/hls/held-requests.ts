import type { LivePlaylist } from "./live-playlist.ts";

/** Most requests held for one muxer. */
const HELD_MAX = 10_000;

/** A request held until the playlist has what it asks for. */
export interface Held {
  readonly isReady: (playlist: LivePlaylist) => boolean;
  /** @param playlist undefined if the muxer has ended first */
  readonly answer: (playlist: LivePlaylist | undefined) => Response;
}

interface Waiting extends Held {
  readonly resolve: (response: Response) => void;
}

/** The requests held for a muxer. */
export class HeldRequests {
  readonly #waiting = new Set<Waiting>();

  get size(): number {
    return this.#waiting.size;
  }

  /** Whether no more requests can be held. */
  get isFull(): boolean {
    return this.#waiting.size >= HELD_MAX;
  }

  /**
   * Holds a request until it is answered.
   *
   * @param signal cancels the request
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

  /** Answers, in one pass, all requests that can be answered now. */
  serve(playlist: LivePlaylist): void {
    for (const waiting of this.#waiting) {
      if (!waiting.isReady(playlist)) continue;
      this.#waiting.delete(waiting);
      waiting.resolve(waiting.answer(playlist));
    }
  }

  /** Answers all requests: the muxer has ended. */
  end(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const { answer, resolve } of waiting) resolve(answer(undefined));
  }
}
