import type { LogOptions } from "../../wasm/log.ts";
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

/** At another URL: readers are to go there. */
export interface Elsewhere {
  readonly kind: "elsewhere";
  /** A RTSP URL, or `/` and the name of another path. */
  readonly url: string;
}

export interface Nowhere {
  readonly kind: "nowhere";
  readonly reason: string;
}

/** Somebody looks for a path to read. */
export interface Search {
  readonly name: string;
  /** Of the request, without `?`; for a command that is started. */
  readonly query?: string;
  readonly waiter?: Waiter;
}

/**
 * Finds paths and takes places in them: the way of all protocols to their paths. Every step is awaited, as a path may
 * be somewhere else. Who is gone when a place comes gives it back.
 */
export interface Directory {
  /**
   * Where a path is, for a client that can be sent elsewhere; now, or once its source or command has brought it.
   *
   * @throws {RefusedError} if the name is invalid or not configured, the source does not come in time, or the waiter
   *   leaves
   */
  find(search: Search): Promise<Place>;
  /**
   * The stream of a path for a reader; redirects and fallbacks are ignored.
   *
   * @throws {RefusedError} as `find`
   * @throws {NoStreamError} if nobody publishes to it
   */
  open(search: Search): Promise<Here>;
  /**
   * Attaches a reader to a stream; the path is to be told by `removeReader` when it leaves.
   *
   * @throws {RefusedError} if the path has its full number of readers
   * @throws {NoStreamError} if the stream is gone
   */
  attach(here: Here, reader: Client): Promise<void>;
  /**
   * Gives the publisher's place of a path to a newcomer; the path is to be told by `removePublisher` when it leaves.
   *
   * @throws {RefusedError} if the name is invalid or not configured, or the place is not to be had
   */
  claim(name: string, publisher: Client): Promise<Path>;
  /**
   * Makes the stream of a publisher available, on the path that it has claimed.
   *
   * @throws {BudgetError} if the media memory is used up
   * @throws {RefusedError} if the publisher lost its place
   */
  publish(
    path: Path,
    publisher: Client,
    description: StreamDescription,
    tracks: LogOptions["tracks"],
  ): Promise<Stream>;
}

/** The paths of this process. */
export class LocalDirectory implements Directory {
  readonly #paths: PathManager;

  constructor(paths: PathManager) {
    this.#paths = paths;
  }

  async find(search: Search): Promise<Place> {
    const match = this.#paths.match(search.name);
    const { conf } = match;
    if (conf.source === "redirect") return { kind: "elsewhere", url: conf.sourceRedirect };
    const here = await this.#here(search, match);
    if (here !== undefined) return here;
    return conf.fallback === "" ? nowhere(search.name) : { kind: "elsewhere", url: conf.fallback };
  }

  async open(search: Search): Promise<Here> {
    const here = await this.#here(search, this.#paths.match(search.name));
    if (here === undefined) throw new NoStreamError(nowhere(search.name).reason);
    return here;
  }

  /** @returns undefined when there is no stream, and none comes */
  async #here({ name, query = "", waiter }: Search, match: PathMatch): Promise<Here | undefined> {
    const path = this.#paths.readable(name, match);
    if (path === undefined) return undefined;
    const { stream } = path;
    if (stream !== undefined) return { kind: "here", path, stream };
    if (!path.isOnDemand) return undefined;
    return { kind: "here", path, stream: await path.demand(query, waiter) };
  }

  async attach({ path, stream }: Here, reader: Client): Promise<void> {
    if (path.stream !== stream) throw new NoStreamError(nowhere(path.id).reason);
    path.addReader(reader);
  }

  async claim(name: string, publisher: Client): Promise<Path> {
    return this.#paths.addPublisher(name, publisher);
  }

  async publish(
    path: Path,
    publisher: Client,
    description: StreamDescription,
    tracks: LogOptions["tracks"],
  ): Promise<Stream> {
    return this.#paths.publish(path, publisher, description, tracks);
  }
}

function nowhere(name: string): Nowhere {
  return { kind: "nowhere", reason: `no one is publishing to path '${name}'` };
}
