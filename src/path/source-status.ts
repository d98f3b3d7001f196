import { formatRfc3339 } from "../host/rfc3339.ts";
import type { Clock } from "../lib/clock.ts";
import { ByteRates } from "../lib/rate.ts";
import type { JsonObject, Listed, Losses } from "../lib/registry.ts";
import type { Stream } from "../stream/stream.ts";
import type { SourceFigures } from "./source.ts";

/** `idle`: on demand, and nobody is reading; `retrying`: the last attempt failed, and the next one is due. */
type State = "idle" | "connecting" | "ready" | "retrying";

export interface SourceStatusOptions {
  /** Name of its path. */
  readonly path: string;
  /** As the API names it: `rtspSource`. */
  readonly type: string;
  readonly clock: Clock;
  /** What the running source knows about its connection. */
  readonly figures: () => SourceFigures;
  /** Ends the current attempt; the next one follows. */
  readonly restart: (reason: Error) => void;
}

/** What API and metrics show of the source of a path, over all of its attempts and streams. */
export class SourceStatus implements Listed {
  readonly created: number;
  readonly #options: SourceStatusOptions;
  readonly #rates = new ByteRates();
  #state: State = "idle";
  #attempts = 0;
  #error: { readonly text: string; readonly at: number } | undefined;
  #stream: Stream | undefined;
  /** Of the streams that have ended. */
  readonly #before = { bytes: 0, packets: 0, lost: 0 };
  /** When the last packet of the ended streams arrived, monotonic ms; 0 without any. */
  #arrivalBefore = 0;

  constructor(options: SourceStatusOptions) {
    this.#options = options;
    this.created = options.clock.wall();
  }

  get id(): string {
    return this.#options.path;
  }

  /** An attempt begins. */
  tried(): void {
    this.#attempts += 1;
    this.#state = "connecting";
  }

  /** Its stream is available. */
  began(stream: Stream): void {
    this.#state = "ready";
    this.#stream = stream;
  }

  /** An attempt has failed. @param text for people */
  failed(text: string): void {
    this.#state = "retrying";
    this.#error = { text, at: this.#options.clock.wall() };
  }

  /** The source is not needed at present. */
  stopped(): void {
    this.#state = "idle";
  }

  /** Its stream is about to be closed. */
  ended(): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    this.#arrivalBefore = this.#arrival;
    this.#before.bytes += stream.bytesReceived;
    this.#before.packets += stream.stats.packetsReceived;
    this.#before.lost += this.#lostNow;
    this.#stream = undefined;
  }

  get #bytes(): number {
    return this.#before.bytes + (this.#stream?.bytesReceived ?? 0);
  }

  /** A container may have lost packets of its own, before they became RTP packets. */
  get #lostNow(): number {
    return this.#stream === undefined
      ? 0
      : this.#stream.stats.packetsLost + (this.#options.figures().packetsLost ?? 0);
  }

  get #arrival(): number {
    const arrivals = this.#stream?.log.tracks.filter(({ started }) => started) ?? [];
    return arrivals.reduce((last, { lastArrival }) => Math.max(last, lastArrival), this.#arrivalBefore);
  }

  losses(): Losses {
    return { packetsLost: this.#before.lost + this.#lostNow, packetsDropped: 0, framesDropped: 0 };
  }

  sample(now: number): void {
    this.#rates.sample(this.#bytes, 0, now);
  }

  close(reason: Error): void {
    this.#options.restart(reason);
  }

  describe(): JsonObject {
    const { path, type, figures } = this.#options;
    return {
      path,
      type,
      state: this.#state,
      created: formatRfc3339(this.created),
      transport: figures().transport ?? null,
      attempts: this.#attempts,
      lastError: this.#error?.text ?? null,
      lastErrorTime: this.#error === undefined ? null : formatRfc3339(this.#error.at),
      bytesReceived: this.#bytes,
      live: this.#live(),
    };
  }

  #live(): JsonObject {
    const { clock, figures } = this.#options;
    const { jitterMs, roundTripMs } = figures();
    const { packets, lost } = this.#before;
    const stats = this.#stream?.stats;
    const arrival = this.#arrival;
    return {
      bitrateIn: this.#rates.bitrateIn,
      ...stats?.describe(),
      packetsReceived: packets + (stats?.packetsReceived ?? 0),
      packetsLost: lost + this.#lostNow,
      ...(jitterMs !== undefined && { jitterMs: tenths(jitterMs) }),
      ...(roundTripMs !== undefined && { roundTripMs: tenths(roundTripMs) }),
      ...(arrival > 0 && { lastPacketAgeMs: Math.max(Math.round(clock.now() - arrival), 0) }),
    };
  }
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
