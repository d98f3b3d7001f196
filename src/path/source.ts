import type { LogOptions } from "../../wasm/log.ts";
import type { PathConfig } from "../config/load.ts";
import type { Logger } from "../lib/log.ts";
import type { StreamDescription } from "../media/track.ts";
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
   * @throws {BudgetError} if the media memory is used up
   */
  ready(description: StreamDescription, tracks: LogOptions["tracks"]): Stream;
  /** Called once: the source cannot go on. The owner closes it and tries again later. */
  failed(error: Error): void;
}

/** A source at work. */
export interface RunningSource {
  /** Releases everything; the owner is not called any more. May be called after `failed` too. */
  close(): void;
}

/** A kind of remote source. */
export interface SourceKind {
  /** As the API names it: `rtspSource`. */
  readonly type: string;
  /** As log lines name it: `RTSP source`. */
  readonly label: string;
  readonly start: (owner: SourceOwner) => RunningSource;
}

/** A kind of source whose code is loaded when the first one is started. */
export function lazySourceKind(
  names: Pick<SourceKind, "type" | "label">,
  load: () => Promise<SourceKind>,
): SourceKind {
  return { ...names, start: (owner) => new LazySource(owner, load()) };
}

class LazySource implements RunningSource {
  #source: RunningSource | undefined;
  #closed = false;

  constructor(owner: SourceOwner, kind: Promise<SourceKind>) {
    kind
      .then(({ start }) => {
        if (!this.#closed) this.#source = start(owner);
      })
      .catch((error: Error) => {
        if (!this.#closed) owner.failed(error);
      });
  }

  close(): void {
    this.#closed = true;
    this.#source?.close();
  }
}
