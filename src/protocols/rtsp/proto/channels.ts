import { ProtocolError } from "../../../lib/errors.ts";
import type { Pair } from "./transport-header.ts";

/** The interleaved channels of one session: a pair for each track that was set up. */
export class ChannelTable {
  /** In order of SETUP. A list: a map takes a kilobyte more per session. */
  readonly #pairs: [track: number, pair: Pair][] = [];

  /** Tracks that were set up. */
  get size(): number {
    return this.#pairs.length;
  }

  get(track: number): Pair | undefined {
    for (const [other, pair] of this.#pairs) if (other === track) return pair;
    return undefined;
  }

  entries(): readonly [track: number, pair: Pair][] {
    return this.#pairs;
  }

  /**
   * Allocates the channels of a track.
   *
   * @param wanted what the Transport header names; undefined takes the next free pair
   * @throws {ProtocolError} if the track has channels already, or `wanted` is no pair or taken
   */
  assign(track: number, wanted: Pair | undefined): Pair {
    if (this.get(track) !== undefined) throw new ProtocolError("media has already been setup");
    const pair = wanted ?? this.#free();
    if (pair[1] !== pair[0] + 1 || pair[0] % 2 !== 0) {
      throw new ProtocolError(`invalid interleaved IDs: ${pair[0]}-${pair[1]}`);
    }
    if (this.#taken(pair[0])) throw new ProtocolError("interleaved IDs are in use");
    this.#pairs.push([track, pair]);
    return pair;
  }

  #free(): Pair {
    for (let channel = 0; channel < 256; channel += 2) {
      if (!this.#taken(channel)) return [channel, channel + 1];
    }
    throw new ProtocolError("no interleaved IDs are left");
  }

  #taken(channel: number): boolean {
    return this.#pairs.some(([, [rtp]]) => rtp === channel);
  }
}
