import type { MediaMemory } from "../../wasm/core.ts";
import type { LogOptions } from "../../wasm/log.ts";
import type { Awaitable } from "../lib/awaitable.ts";
import { NoStreamError } from "../lib/errors.ts";
import type { StreamDescription } from "../media/track.ts";
import type { Stream } from "../stream/stream.ts";
import type { Client, Waiter } from "./client.ts";
import type { PathManager } from "./manager.ts";
import type { PathMatch } from "./match.ts";
import type { Path } from "./path.ts";

/** Where the stream of a path is. */
export type Place = Here | Elsewhere | Nowhere;

/** In this process. */
export interface Here {
  readonly kind: "here";
  readonly path: Path;
  readonly stream: Stream;
}

/** At another URL, to which readers are redirected. */
export interface Elsewhere {
  readonly kind: "elsewhere";
  /** An RTSP URL, or `/` and the name of another path. */
  readonly url: string;
}

export interface Nowhere {
  readonly kind: "nowhere";
  readonly reason: string;
}

/** A reader's request for a path. */
export interface Search {
  readonly name: string;
  /** Of the request, without `?`; passed to a command that is started on demand. */
  readonly query?: string;
  readonly waiter?: Waiter;
}

/**
 * Looks up paths, and attaches publishers and readers to them, for all protocols. Every step may be asynchronous, as a
 * path may live in another process, or its stream may be started on demand. A client that has disconnected by the time a
 * step completes must give back what it got.
 */
export interface Directory {
  /**
   * Where a path is, for a client that can be redirected. Waits for a stream that is started on demand.
   *
   * @throws {RefusedError} if the name is invalid or not configured, the stream is not ready in time, or the waiter
   *   disconnects
   */
  find(search: Search): Awaitable<Place>;
  /**
   * The stream of a path for a reader; redirects and fallbacks are ignored.
   *
   * @throws {RefusedError} as `find`
   * @throws {NoStreamError} if nobody publishes to it
   */
  open(search: Search): Awaitable<Here>;
  /**
   * Attaches a reader to a stream. `Path.removeReader` detaches it.
   *
   * @throws {RefusedError} if the path already has `maxReaders` readers
   * @throws {NoStreamError} if the stream has ended
   */
  attach(here: Here, reader: Client): Awaitable<void>;
  /**
   * Attaches a publisher to a path. `Path.removePublisher` detaches it.
   *
   * @throws {RefusedError} if the name is invalid or not configured, or someone is already publishing
   */
  claim(name: string, publisher: Client): Awaitable<Path>;
  /**
   * Makes the stream of an attached publisher available on its path.
   *
   * @param share of the media memory, if the publisher has opened one: the stream is charged to it too
   * @throws {BudgetError} if the media memory is used up
   * @throws {RefusedError} if another publisher has replaced it
   */
  publish(
    path: Path,
    publisher: Client,
    description: StreamDescription,
    tracks: LogOptions["tracks"],
    share?: MediaMemory,
  ): Awaitable<Stream>;
}

/** The paths of this process. Only a stream that is started on demand is waited for. */
export class LocalDirectory implements Directory {
  readonly #paths: PathManager;

  constructor(paths: PathManager) {
    this.#paths = paths;
  }

  find(search: Search): Awaitable<Place> {
    const match = this.#paths.match(search.name);
    const { conf } = match;
    if (conf.source === "redirect") return { kind: "elsewhere", url: conf.sourceRedirect };
    const here = this.#here(search, match);
    if (here !== undefined) return here;
    return conf.fallback === "" ? nowhere(search.name) : { kind: "elsewhere", url: conf.fallback };
  }

  open(search: Search): Awaitable<Here> {
    const here = this.#here(search, this.#paths.match(search.name));
    if (here === undefined) throw new NoStreamError(nowhere(search.name).reason);
    return here;
  }

  /** @returns undefined if there is no stream and none is started on demand */
  #here({ name, query = "", waiter }: Search, match: PathMatch): Awaitable<Here> | undefined {
    const path = this.#paths.readable(name, match);
    if (path === undefined) return undefined;
    const { stream } = path;
    if (stream !== undefined) return { kind: "here", path, stream };
    if (!path.isOnDemand) return undefined;
    return path.demand(query, waiter).then((started) => ({ kind: "here", path, stream: started }));
  }

  attach({ path, stream }: Here, reader: Client): void {
    if (path.stream !== stream) throw new NoStreamError(nowhere(path.id).reason);
    path.addReader(reader);
  }

  claim(name: string, publisher: Client): Path {
    return this.#paths.addPublisher(name, publisher);
  }

  publish(
    path: Path,
    publisher: Client,
    description: StreamDescription,
    tracks: LogOptions["tracks"],
    share?: MediaMemory,
  ): Stream {
    return this.#paths.publish(path, publisher, description, tracks, share);
  }
}

function nowhere(name: string): Nowhere {
  return { kind: "nowhere", reason: `no one is publishing to path '${name}'` };
}
