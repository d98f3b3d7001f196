import { FlushQueue } from "../../src/stream/flush.ts";
import { Stream, type StreamOptions } from "../../src/stream/stream.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import type { FakeClock } from "./fake-clock.ts";

function rethrow(error: unknown): void {
  throw error;
}

/** Makes one stream without a path, in memory; it is flushed when the clock goes on. */
export class StreamMaker implements Disposable {
  readonly #flushes: FlushQueue;
  readonly #clock: FakeClock;
  readonly #memory: MediaMemory;
  stream: Stream | undefined;

  constructor(clock: FakeClock, memory: MediaMemory) {
    this.#clock = clock;
    this.#memory = memory;
    this.#flushes = new FlushQueue({ clock, memory, fault: rethrow });
  }

  ready(
    description: StreamOptions["description"],
    tracks: StreamOptions["log"]["tracks"],
    memory = this.#memory,
  ): Stream {
    this.stream = new Stream({
      memory,
      clock: this.#clock,
      flushes: this.#flushes,
      description,
      log: { tracks, lagPackets: 512, maxPacket: 1_460 },
    });
    return this.stream;
  }

  [Symbol.dispose](): void {
    this.stream?.close();
    this.#flushes.close();
  }
}
