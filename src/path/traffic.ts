import { ByteRates } from "../lib/rate.ts";
import type { JsonObject } from "../lib/registry.ts";
import type { Stream } from "../stream/stream.ts";
import type { Client } from "./client.ts";

/** Counts the traffic of a path: all of its streams and readers, past ones included. */
export class PathTraffic {
  readonly #rates = new ByteRates();
  #receivedBefore = 0;
  #sentBefore = 0;
  #droppedBefore = 0;

  /** Adds the counters of a reader that has left. */
  left(reader: Client): void {
    this.#sentBefore += reader.bytesSent ?? 0;
    this.#droppedBefore += reader.framesDropped ?? 0;
  }

  /** A stream has ended. */
  ended(stream: Stream): void {
    this.#receivedBefore += stream.bytesReceived;
  }

  /** RTP bytes, headers included. */
  received(stream: Stream | undefined): number {
    return this.#receivedBefore + (stream?.bytesReceived ?? 0);
  }

  /** Bytes sent to readers, as each of their protocols counts them. */
  sent(readers: ReadonlySet<Client>): number {
    let sum = this.#sentBefore;
    for (const { bytesSent } of readers) sum += bytesSent ?? 0;
    return sum;
  }

  /** Called once a second. */
  sample(stream: Stream | undefined, readers: ReadonlySet<Client>, now: number): void {
    this.#rates.sample(this.received(stream), this.sent(readers), now);
    stream?.stats.sample(now);
  }

  /** Current figures; those that do not apply or are not known are left out. */
  live(stream: Stream | undefined, readers: ReadonlySet<Client>): JsonObject {
    let lagMs = 0;
    let framesDropped = this.#droppedBefore;
    for (const reader of readers) {
      lagMs = Math.max(lagMs, reader.lagMs ?? 0);
      framesDropped += reader.framesDropped ?? 0;
    }
    const { bitrateIn, bitrateOut } = this.#rates;
    const stats = stream?.stats.describe() ?? {};
    return { bitrateIn, bitrateOut, ...stats, lagMs: Math.round(lagMs), framesDropped };
  }
}
