import type { MediaMemory } from "../../wasm/core.ts";
import type { LogOptions } from "../../wasm/log.ts";
import type { PathConfig } from "../config/load.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { StreamDescription } from "../media/track.ts";
import type { IgnoredPackets } from "../stream/ignored-packets.ts";
import type { Stream } from "../stream/stream.ts";

/** The path that a source fetches its stream for. */
export interface SourceOwner {
  /** Name of the path. */
  readonly name: string;
  readonly conf: PathConfig;
  readonly logger: Logger;
  /**
   * Makes the stream available.
   *
   * @param share of the media memory, when the source has opened one: the stream is charged to it too
   * @throws {BudgetError} if the media memory is used up
   */
  ready(description: StreamDescription, tracks: LogOptions["tracks"], share?: MediaMemory): Stream;
  /** What a source of this path keeps from one attempt to the next: made by the first one that asks. */
  recall<T>(make: () => T): T;
  /** Called once: the source cannot go on. The owner closes it and tries again later. */
  failed(error: Error): void;
}

/** A source at work. */
export interface RunningSource {
  /** What it knows about its connection; omitted if nothing. */
  figures?(): SourceFigures;
  /** Releases everything; the owner is not called any more. May be called after `failed` too. */
  close(): void;
}

/** What a source knows about its connection, beyond what its stream tells. Unknown values are left out. */
export interface SourceFigures {
  /** `UDP`, `UDP-multicast`, `TCP`, as sessions have it. */
  readonly transport?: string;
  /** Interarrival jitter, of the worst track. */
  readonly jitterMs?: number;
  /** From the last request to its response. */
  readonly roundTripMs?: number;
  /** Packets of its container that did not arrive, beyond the RTP packets that its stream misses. */
  readonly packetsLost?: number;
}

/** A kind of remote source. */
export interface SourceKind {
  /** As the API names it: `rtspSource`. */
  readonly type: string;
  /** As log lines name it: `RTSP source`. */
  readonly label: string;
  readonly start: (owner: SourceOwner) => RunningSource;
}

/** What a source works with. */
export interface SourceOptions {
  readonly clock: Clock;
  readonly memory: MediaMemory;
  readonly ignoredPackets: IgnoredPackets;
  /** Longest wait for data, ms. */
  readonly readTimeout: number;
}

/** Starts a source of a kind. */
export type StartSource = (owner: SourceOwner, options: SourceOptions) => RunningSource;

/** A kind of source whose code is loaded when the first one starts. */
export function lazySourceKind(
  { type, label }: Pick<SourceKind, "type" | "label">,
  load: () => Promise<StartSource>,
  options: SourceOptions,
): SourceKind {
  return { type, label, start: (owner) => new LazySource(owner, load(), options) };
}

class LazySource implements RunningSource {
  #source: RunningSource | undefined;
  #closed = false;

  constructor(owner: SourceOwner, loading: Promise<StartSource>, options: SourceOptions) {
    loading
      .then((start) => {
        if (!this.#closed) this.#source = start(owner, options);
      })
      .catch((error: Error) => {
        if (!this.#closed) owner.failed(error);
      });
  }

  figures(): SourceFigures {
    return this.#source?.figures?.() ?? {};
  }

  close(): void {
    this.#closed = true;
    this.#source?.close();
  }
}
