import { pathConfigToJson } from "../config/json.ts";
import type { PathConfig } from "../config/load.ts";
import type { Hooks } from "../hooks/hooks.ts";
import { formatRfc3339 } from "../host/rfc3339.ts";
import type { Clock } from "../lib/clock.ts";
import { EndError, RefusedError } from "../lib/errors.ts";
import { type FaultReport, runAll } from "../lib/guard.ts";
import type { Logger } from "../lib/log.ts";
import type { JsonObject, Listed } from "../lib/registry.ts";
import { trackLabel } from "../media/track.ts";
import type { Stream } from "../stream/stream.ts";
import type { Client, Waiter } from "./client.ts";
import { PathHooks } from "./path-hooks.ts";
import type { SourceKind, SourceOwner } from "./source.ts";
import type { SourceStatus } from "./source-status.ts";
import { Supply, type SupplyOwner } from "./supply.ts";
import { PathTraffic } from "./traffic.ts";

export interface PathOptions {
  readonly name: string;
  readonly confName: string;
  readonly conf: PathConfig;
  /** What the groups of the entry's regular expression matched. */
  readonly groups?: readonly string[];
  /** Runs external commands; omitted if there are none. */
  readonly hooks?: Hooks | undefined;
  readonly logger: Logger;
  /** Wall clock of now, ms since 1970. */
  readonly created: number;
  readonly clock: Clock;
  /** The source of the path; undefined if clients publish to it. */
  readonly source: SourceKind | undefined;
  /** Creates the stream of a source. */
  readonly createStream: SourceOwner["ready"];
  /** Called when the path may have become unused. */
  readonly onIdle: (path: Path) => void;
  readonly watcher: PathWatcher;
  /** Reports an internal error. */
  readonly fault: FaultReport;
}

/** Observes when streams begin and end. */
export interface PathWatcher {
  /** The stream of a path is available. */
  ready(path: Path): void;
  /** The stream has ended, and its readers are detached. */
  ended(path: Path): void;
}

/** A path: at most one publisher, its stream and the readers. */
export class Path implements Listed {
  /** Key of its entry in `paths`; a reload may move it to another entry with the same parameters. */
  confName: string;
  /** Matches of the groups of the entry's regular expression: `G1` and so on in hooks. */
  groups: readonly string[];
  readonly hooks: PathHooks;
  readonly #options: PathOptions;
  readonly #supply: Supply;
  readonly #readers = new Set<Client>();
  #publisher: Client | undefined;
  #ready: { readonly stream: Stream; readonly since: number } | undefined;
  readonly #traffic = new PathTraffic();
  #closed = false;

  constructor(options: PathOptions) {
    const { name, conf, confName, groups = [], logger, hooks, source, clock } = options;
    this.#options = options;
    this.confName = confName;
    this.groups = groups;
    this.hooks = new PathHooks({ hooks, name, conf, logger, groups: () => this.groups });
    this.hooks.opened();
    const owner = this.#supplyOwner();
    this.#supply = new Supply({ name, conf, logger, clock, hooks: this.hooks, source, owner });
    if (source === undefined) return;
    this.#publisher = { type: source.type, id: "", close: () => this.#supply.stop() };
    this.#supply.start();
  }

  #supplyOwner(): SupplyOwner {
    return {
      publishSource: (description, tracks, share) =>
        this.#publishSource(this.#options.createStream(description, tracks, share)),
      endStream: () => this.endStream(),
      isPublished: () => this.#publisher !== undefined,
      dropPublisher: () => {
        const publisher = this.#publisher;
        this.#publisher = undefined;
        this.endStream();
        publisher?.close(new EndError("terminated"));
      },
      idle: () => this.#idle(),
    };
  }

  #publishSource(stream: Stream): Stream {
    try {
      this.startStream(this.#publisher as Client, stream, this.#options.clock.wall());
    } catch (error) {
      stream.close();
      throw error;
    }
    return stream;
  }

  /** Its name. */
  get id(): string {
    return this.#options.name;
  }

  get created(): number {
    return this.#options.created;
  }

  get conf(): PathConfig {
    return this.#options.conf;
  }

  /** The source that the stream is pulled from. */
  get source(): SourceStatus | undefined {
    return this.#supply.source;
  }

  get logger(): Logger {
    return this.#options.logger;
  }

  /** Whether the stream is started on demand. */
  get isOnDemand(): boolean {
    return this.#supply.isOnDemand;
  }

  /**
   * Requests the stream of a path that is started on demand.
   *
   * @param query of the request, passed to the command
   * @throws {RefusedError} if the stream is not ready in time, too many requests are waiting, or the waiter disconnects
   */
  demand(query = "", waiter?: Waiter): Promise<Stream> {
    return this.#supply.request(query, waiter);
  }

  get stream(): Stream | undefined {
    return this.#ready?.stream;
  }

  /** Whether the path has a publisher, readers or waiting requests. */
  get used(): boolean {
    return this.#publisher !== undefined || this.#readers.size > 0 || this.#supply.isActive;
  }

  /**
   * Attaches a publisher. A previous publisher is closed, and its readers are disconnected.
   *
   * @throws {RefusedError} if someone is publishing and `overridePublisher` is off, or the path has a source
   */
  addPublisher(publisher: Client): void {
    if (this.conf.source !== "publisher") {
      throw new RefusedError(`can't publish to path '${this.id}' since 'source' is not 'publisher'`);
    }
    const old = this.#publisher;
    if (old !== undefined) {
      if (!this.conf.overridePublisher) {
        throw new RefusedError(`someone is already publishing to path '${this.id}'`);
      }
      this.logger.info("closing existing publisher");
      this.#publisher = publisher;
      this.endStream();
      old.close(new EndError("terminated"));
    }
    this.#publisher = publisher;
  }

  /**
   * Makes the stream of the publisher available.
   *
   * @throws {RefusedError} if another publisher has replaced it
   */
  startStream(publisher: Client, stream: Stream, now: number): void {
    if (this.#publisher !== publisher || this.#closed) {
      throw new RefusedError("publisher is not assigned to this path anymore");
    }
    if (this.#ready !== undefined) throw new RefusedError(`path '${this.id}' already has a stream`);
    this.#ready = { stream, since: now };
    this.hooks.ready(publisher);
    this.#supply.ready(stream);
    this.#options.watcher.ready(this);
  }

  /** Ends the stream; its readers are disconnected. */
  endStream(): void {
    const ready = this.#ready;
    if (ready === undefined) return;
    this.#ready = undefined;
    const { stream } = ready;
    const readers = [...this.#readers];
    this.#readers.clear();
    this.#runAll("end of a stream", [
      () => this.#traffic.ended(stream),
      () => this.source?.ended(),
      () => stream.finish(),
      ...readers.flatMap((reader) => [
        () => reader.close(new EndError("terminated")),
        () => this.#traffic.left(reader),
      ]),
      () => stream.close(),
      () => this.#options.watcher.ended(this),
      () => this.hooks.notReady(),
      () => this.#supply.lost(),
    ]);
  }

  #runAll(where: string, steps: readonly (() => void)[]): void {
    runAll(steps, `${where}, path '${this.id}'`, this.#options.fault);
  }

  removePublisher(publisher: Client): void {
    if (this.#publisher !== publisher) return;
    this.#publisher = undefined;
    this.endStream();
    this.#idle();
  }

  /** @throws {RefusedError} if `maxReaders` are there already */
  addReader(reader: Client): void {
    const most = this.conf.maxReaders;
    if (most !== 0 && this.#readers.size >= most) throw new RefusedError("maximum reader count reached");
    this.#readers.add(reader);
    this.#supply.used();
  }

  removeReader(reader: Client): void {
    if (this.#readers.delete(reader)) this.#traffic.left(reader);
    if (this.#readers.size === 0) this.#supply.unused();
    this.#idle();
  }

  #idle(): void {
    if (!this.used && !this.#closed) this.#options.onIdle(this);
  }

  sample(now: number): void {
    this.#traffic.sample(this.stream, this.#readers, now);
  }

  describe(): JsonObject {
    const { name, ...rest } = this.measure();
    return { name: this.id, confName: this.confName, conf: pathConfigToJson(this.conf), ...rest };
  }

  /** Everything but its configuration. */
  measure(): JsonObject {
    const source = this.#publisher;
    const ready = this.#ready;
    return {
      name: this.id,
      source: this.#describeSource(source),
      sourceReady: ready !== undefined,
      ready: ready !== undefined,
      readyTime: ready === undefined ? null : formatRfc3339(ready.since),
      tracks: ready === undefined ? [] : ready.stream.description.tracks.map(trackLabel),
      bytesReceived: this.#traffic.received(ready?.stream),
      readers: [...this.#readers].map(({ type, id }) => ({ type, id })),
      bytesSent: this.#traffic.sent(this.#readers),
      live: this.#traffic.live(ready?.stream, this.#readers),
    };
  }

  #describeSource(source: Client | undefined): JsonObject | null {
    if (this.conf.source === "redirect") return { type: "redirect", id: "" };
    return source === undefined ? null : { type: source.type, id: source.id };
  }

  /** Disconnects publisher and readers. */
  close(reason: Error): void {
    this.#closed = true;
    const publisher = this.#publisher;
    this.#publisher = undefined;
    this.#runAll("end of a path", [
      () => this.#supply.close(),
      () => this.endStream(),
      ...[...this.#readers].map((reader) => () => reader.close(reason)),
      () => this.#readers.clear(),
      () => publisher?.close(reason),
      () => this.hooks.close(),
    ]);
  }
}
