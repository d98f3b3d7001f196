import { isDeepStrictEqual } from "node:util";
import type { MediaMemory } from "../../wasm/core.ts";
import type { LogOptions } from "../../wasm/log.ts";
import type { Config } from "../config/load.ts";
import { pathKeyKind, pathNameProblem } from "../config/path-name.ts";
import { SocketGroup } from "../host/socket-group.ts";
import type { Clock } from "../lib/clock.ts";
import { NoStreamError, RefusedError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import { Registry } from "../lib/registry.ts";
import type { StreamDescription } from "../media/track.ts";
import { FlushQueue } from "../stream/flush.ts";
import { Stream } from "../stream/stream.ts";
import { matchPath, type PathMatch } from "./match.ts";
import { type Client, Path } from "./path.ts";

export interface PathManagerOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly memory: MediaMemory;
  readonly config: Config;
}

/** A path with a live stream. */
export interface LivePath {
  readonly path: Path;
  readonly stream: Stream;
}

/** Finds, makes and removes paths, and brings them to a new configuration. */
export class PathManager {
  readonly registry = new Registry<Path>("paths", "id");
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #memory: MediaMemory;
  readonly #flushes: FlushQueue;
  #config: Config;

  constructor({ logger, clock, memory, config }: PathManagerOptions) {
    this.#logger = logger;
    this.#clock = clock;
    this.#memory = memory;
    this.#flushes = new FlushQueue(clock, memory, () => new SocketGroup());
    this.#config = config;
    this.#createStatic();
  }

  /**
   * The stream of a path, for a description.
   *
   * @throws {RefusedError} if the name is invalid or not configured
   * @throws {NoStreamError} if nobody publishes to it
   */
  describe(name: string): LivePath {
    this.#match(name);
    const path = this.registry.get(name);
    const stream = path?.stream;
    if (path === undefined || stream === undefined) {
      throw new NoStreamError(`no one is publishing to path '${name}'`);
    }
    return { path, stream };
  }

  /**
   * Attaches a reader to the live stream of a path.
   *
   * @throws {RefusedError | NoStreamError} as `describe`, or if the path has its full number of readers
   */
  addReader(name: string, reader: Client): LivePath {
    const live = this.describe(name);
    live.path.addReader(reader);
    return live;
  }

  /**
   * Gives the publisher's place of a path to a newcomer.
   *
   * @throws {RefusedError} if the name is invalid or not configured, or the place is not to be had
   */
  addPublisher(name: string, publisher: Client): Path {
    const match = this.#match(name);
    const path = this.registry.get(name) ?? this.#create(name, match);
    try {
      path.addPublisher(publisher);
    } catch (error) {
      this.#removeIdle(path);
      throw error;
    }
    return path;
  }

  /**
   * Makes a stream and makes it available on the path.
   *
   * @throws {BudgetError} if the media memory is used up
   * @throws {RefusedError} if the publisher lost its place
   */
  publish(
    path: Path,
    publisher: Client,
    description: StreamDescription,
    tracks: LogOptions["tracks"],
  ): Stream {
    const { writeQueueSize, udpMaxPayloadSize } = this.#config;
    const stream = new Stream({
      memory: this.#memory,
      clock: this.#clock,
      flushes: this.#flushes,
      description,
      log: { tracks, lagPackets: writeQueueSize, maxPacket: udpMaxPayloadSize },
    });
    try {
      path.startStream(publisher, stream, this.#clock.wall());
    } catch (error) {
      stream.close();
      throw error;
    }
    return stream;
  }

  #match(name: string): PathMatch {
    const problem = pathNameProblem(name);
    if (problem !== undefined) throw new RefusedError(`invalid path name: ${problem} (${name})`);
    const match = matchPath(name, this.#config.paths);
    if (match === undefined) throw new RefusedError(`path '${name}' is not configured`);
    return match;
  }

  #create(name: string, { confName, conf }: PathMatch): Path {
    const path = new Path({
      name,
      confName,
      conf,
      logger: this.#logger.child(`path ${name}`),
      created: this.#clock.wall(),
      onIdle: (idle) => this.#removeIdle(idle),
    });
    path.logger.debug("created");
    this.registry.add(path);
    return path;
  }

  /** Paths that are named in the configuration exist from the start, and for as long as it names them. */
  #createStatic(): void {
    for (const [confName, conf] of this.#config.paths) {
      if (pathKeyKind(confName) !== "static" || this.registry.get(confName) !== undefined) continue;
      this.#create(confName, { confName, conf });
    }
  }

  #removeIdle(path: Path): void {
    if (path.used || path.confName === path.id || this.registry.get(path.id) !== path) return;
    this.registry.delete(path);
    path.logger.debug("destroyed (not in use)");
  }

  /**
   * Closes the paths whose parameters changed or that no entry matches any more; all others, and their clients, go on,
   * also under another entry that says the same.
   */
  reload(config: Config): void {
    this.#config = config;
    for (const path of this.registry.values()) {
      const match = matchPath(path.id, config.paths);
      if (match === undefined || !isDeepStrictEqual(match.conf, path.conf)) {
        this.#destroy(path);
      } else {
        path.confName = match.confName;
        this.#removeIdle(path);
      }
    }
    this.#createStatic();
  }

  #destroy(path: Path): void {
    this.registry.delete(path);
    path.close(new Error("terminated"));
    path.logger.debug("destroyed (terminated)");
  }

  close(): Promise<void> {
    for (const path of this.registry.values()) this.#destroy(path);
    this.#flushes.close();
    return Promise.resolve();
  }
}
