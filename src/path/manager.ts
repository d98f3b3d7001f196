import { isDeepStrictEqual } from "node:util";
import type { MediaMemory } from "../../wasm/core.ts";
import type { LogOptions } from "../../wasm/log.ts";
import type { Config, PathConfig } from "../config/load.ts";
import { pathKeyKind, pathNameProblem } from "../config/path-name.ts";
import type { Hooks } from "../hooks/hooks.ts";
import { SocketGroup } from "../host/socket-group.ts";
import type { Clock } from "../lib/clock.ts";
import { EndError, RefusedError } from "../lib/errors.ts";
import { reportUnexpected } from "../lib/faults.ts";
import { type FaultReport, runAll } from "../lib/guard.ts";
import type { Logger } from "../lib/log.ts";
import { Registry } from "../lib/registry.ts";
import type { StreamDescription } from "../media/track.ts";
import { FlushQueue } from "../stream/flush.ts";
import { Stream } from "../stream/stream.ts";
import type { Client } from "./client.ts";
import { matchPath, type PathMatch } from "./match.ts";
import { Path, type PathWatcher } from "./path.ts";
import type { SourceKind } from "./source.ts";
import type { SourceStatus } from "./source-status.ts";

/** The parameters of all paths together. */
export type PathSettings = Pick<
  Config,
  "paths" | "writeQueueSize" | "udpMaxPayloadSize" | "externalAuthenticationURL"
>;

export interface PathManagerOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly memory: MediaMemory;
  readonly config: PathSettings;
  /** The source of a path; undefined if it has none, or one that is not supported yet. */
  readonly sourceKind?: (conf: PathConfig) => SourceKind | undefined;
  /** Runs external commands; omitted if there are none. */
  readonly hooks?: Hooks | undefined;
}

/** Creates and removes the paths of this process, and applies a new configuration to them. */
export class PathManager {
  readonly registry = new Registry<Path>("paths", "id");
  /** Sources of paths. */
  readonly sources = new Registry<SourceStatus>("sources", "id");
  /** Observers of the streams of all paths. */
  readonly watchers = new Set<PathWatcher>();
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #memory: MediaMemory;
  /** Schedules the flushes of all streams, and measures them. */
  readonly flushes: FlushQueue;
  #config: PathSettings;
  #hasProtectedPaths: boolean;

  readonly #sourceKind: (conf: PathConfig) => SourceKind | undefined;
  readonly #hooks: Hooks | undefined;
  readonly #fault: FaultReport;

  constructor(options: PathManagerOptions) {
    const { logger, clock, memory, config, sourceKind = () => undefined, hooks } = options;
    this.#sourceKind = sourceKind;
    this.#hooks = hooks;
    this.#fault = (error, where) => reportUnexpected(logger, error, where);
    this.#logger = logger;
    this.#clock = clock;
    this.#memory = memory;
    this.flushes = new FlushQueue({
      clock,
      memory,
      createGroup: () => new SocketGroup(),
      fault: this.#fault,
    });
    this.#config = config;
    this.#hasProtectedPaths = hasProtectedPaths(config);
    this.#createStatic();
  }

  /** Whether any path requires credentials: then unauthenticated clients must not learn which paths exist. */
  get hasProtectedPaths(): boolean {
    return this.#hasProtectedPaths;
  }

  /**
   * Parameters of a path, by its name; undefined when it is not configured.
   *
   * @throws {RefusedError} if the name is invalid
   */
  confOf(name: string): PathConfig | undefined {
    return this.#matchOf(name)?.conf;
  }

  /**
   * The entry of the configuration that a path belongs to.
   *
   * @throws {RefusedError} if the name is invalid or not configured
   */
  match(name: string): PathMatch {
    const match = this.#matchOf(name);
    if (match === undefined) throw new RefusedError(`path '${name}' is not configured`);
    return match;
  }

  #matchOf(name: string): PathMatch | undefined {
    const problem = pathNameProblem(name);
    if (problem !== undefined) throw new RefusedError(`invalid path name: ${problem} (${name})`);
    return matchPath(name, this.#config.paths);
  }

  /** The path for a reader, created if a command starts its publisher on demand; undefined if there is none. */
  readable(name: string, match: PathMatch): Path | undefined {
    const isOnDemand = match.conf.runOnDemand !== "";
    return this.registry.get(name) ?? (isOnDemand ? this.#create(name, match) : undefined);
  }

  /**
   * Attaches a publisher to a path, which is created if needed.
   *
   * @throws {RefusedError} if the name is invalid or not configured, or someone is already publishing
   */
  addPublisher(name: string, publisher: Client): Path {
    const match = this.match(name);
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
   * @param share of the media memory that the stream is charged to
   * @throws {BudgetError} if the media memory is used up
   * @throws {RefusedError} if another publisher has replaced it
   */
  publish(
    path: Path,
    publisher: Client,
    description: StreamDescription,
    tracks: LogOptions["tracks"],
    share?: MediaMemory,
  ): Stream {
    const stream = this.#createStream(description, tracks, share);
    try {
      path.startStream(publisher, stream, this.#clock.wall());
    } catch (error) {
      stream.close();
      throw error;
    }
    return stream;
  }

  #createStream(description: StreamDescription, tracks: LogOptions["tracks"], memory = this.#memory): Stream {
    const { writeQueueSize, udpMaxPayloadSize } = this.#config;
    return new Stream({
      memory,
      clock: this.#clock,
      flushes: this.flushes,
      description,
      log: { tracks, lagPackets: writeQueueSize, maxPacket: udpMaxPayloadSize },
    });
  }

  #create(name: string, { confName, conf, groups }: PathMatch): Path {
    const path = new Path({
      name,
      confName,
      conf,
      groups,
      hooks: this.#hooks,
      logger: this.#logger.child(`path ${name}`),
      created: this.#clock.wall(),
      clock: this.#clock,
      source: this.#sourceKind(conf),
      createStream: (description, tracks, share) => this.#createStream(description, tracks, share),
      onIdle: (idle) => this.#removeIdle(idle),
      watcher: {
        ready: (ready) => this.#tell((watcher) => watcher.ready(ready)),
        ended: (ended) => this.#tell((watcher) => watcher.ended(ended)),
      },
      fault: this.#fault,
    });
    path.logger.debug("created");
    this.registry.add(path);
    if (path.source !== undefined) this.sources.add(path.source);
    return path;
  }

  #tell(say: (watcher: PathWatcher) => void): void {
    const steps = [...this.watchers].map((watcher) => () => say(watcher));
    runAll(steps, "stream watcher", this.#fault);
  }

  /** Creates the paths whose names are in the configuration; they exist as long as they are in it. */
  #createStatic(): void {
    for (const [confName, conf] of this.#config.paths) {
      if (pathKeyKind(confName) !== "static" || this.registry.get(confName) !== undefined) continue;
      this.#create(confName, { confName, conf, groups: [] });
    }
  }

  #removeIdle(path: Path): void {
    if (path.used || isStatic(path) || this.registry.get(path.id) !== path) return;
    this.registry.delete(path);
    path.logger.debug("destroyed (not in use)");
  }

  /**
   * Closes the paths whose parameters changed or that no entry matches any more. All others stay with their clients, also
   * when another entry with the same parameters matches them now.
   */
  reload(config: PathSettings): void {
    this.#config = config;
    this.#hasProtectedPaths = hasProtectedPaths(config);
    for (const path of this.registry.values()) {
      const match = matchPath(path.id, config.paths);
      if (match === undefined || !isDeepStrictEqual(match.conf, path.conf)) {
        this.#destroy(path);
      } else {
        path.confName = match.confName;
        path.groups = match.groups;
        this.#removeIdle(path);
      }
    }
    this.#createStatic();
  }

  #destroy(path: Path): void {
    this.registry.delete(path);
    if (path.source !== undefined) this.sources.delete(path.source);
    path.close(new EndError("terminated"));
    path.logger.debug("destroyed (terminated)");
  }

  close(): Promise<void> {
    for (const path of this.registry.values()) this.#destroy(path);
    this.flushes.close();
    return Promise.resolve();
  }
}

/** Whether the configuration has its name. */
function isStatic({ confName }: Path): boolean {
  return pathKeyKind(confName) === "static";
}

function hasProtectedPaths({ paths, externalAuthenticationURL }: PathSettings): boolean {
  if (externalAuthenticationURL !== "") return true;
  return [...paths.values()].some(({ publishUser, readUser }) => publishUser !== "" || readUser !== "");
}
