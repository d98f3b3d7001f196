import type { LogOptions } from "../../wasm/log.ts";
import { pathConfigToJson } from "../config/json.ts";
import type { PathConfig } from "../config/load.ts";
import type { Hooks } from "../hooks/hooks.ts";
import { formatRfc3339 } from "../host/rfc3339.ts";
import type { Clock } from "../lib/clock.ts";
import { RefusedError } from "../lib/errors.ts";
import { type FaultReport, runAll } from "../lib/guard.ts";
import type { Logger } from "../lib/log.ts";
import type { JsonObject, Listed } from "../lib/registry.ts";
import { type StreamDescription, trackLabel } from "../media/track.ts";
import type { Stream } from "../stream/stream.ts";
import type { Client } from "./client.ts";
import { OnDemand } from "./on-demand.ts";
import { PathHooks } from "./path-hooks.ts";
import type { SourceKind } from "./source.ts";
import { SourceRunner } from "./source-runner.ts";
import { PathTraffic } from "./traffic.ts";

export interface PathOptions {
  readonly name: string;
  readonly confName: string;
  readonly conf: PathConfig;
  /** What the groups of the entry's regular expression matched. */
  readonly groups?: readonly string[];
  /** Runs the commands of the configuration; none when left out. */
  readonly hooks?: Hooks | undefined;
  readonly logger: Logger;
  /** Wall clock of now, ms since 1970. */
  readonly created: number;
  readonly clock: Clock;
  /** What fetches the stream; undefined for paths that are published to. */
  readonly source: SourceKind | undefined;
  /** Makes a stream of what a source brings. */
  readonly createStream: (description: StreamDescription, tracks: LogOptions["tracks"]) => Stream;
  /** Told when nobody uses it any more. */
  readonly onIdle: (path: Path) => void;
  readonly watcher: PathWatcher;
  /** Reports an internal error in one of several steps. */
  readonly fault: FaultReport;
}

/** Told when streams come and go. */
export interface PathWatcher {
  /** The stream of a path is there. */
  ready(path: Path): void;
  /** It has ended; its readers are gone. */
  ended(path: Path): void;
}

/** Somebody who waits for the stream. */
interface Waiting {
  readonly resolve: (stream: Stream) => void;
  readonly reject: (error: Error) => void;
}

/** Requests that may wait for one stream. */
const WAITING_MAX = 1_000;

/** A path: at most one publisher, its stream, and the readers of that. */
export class Path implements Listed {
  readonly id: string;
  readonly created: number;
  /** Key of the entry it belongs to; a reload may find it another one of the same parameters. */
  confName: string;
  readonly conf: PathConfig;
  /** What the groups of the entry's regular expression matched, `G1` and so on for hooks. */
  groups: readonly string[];
  readonly logger: Logger;
  readonly hooks: PathHooks;
  readonly #onIdle: (path: Path) => void;
  readonly #watcher: PathWatcher;
  readonly #fault: FaultReport;
  readonly #readers = new Set<Client>();
  #publisher: Client | undefined;
  #ready: { readonly stream: Stream; readonly since: number } | undefined;
  readonly #traffic = new PathTraffic();
  #closed = false;
  readonly #clock: Clock;
  readonly #createStream: PathOptions["createStream"];
  readonly #source: SourceRunner | undefined;
  readonly #demand: OnDemand | undefined;
  readonly #waiting = new Set<Waiting>();
  /** Of the request in hand. */
  #query = "";

  constructor(options: PathOptions) {
    this.id = options.name;
    this.created = options.created;
    this.confName = options.confName;
    this.conf = options.conf;
    this.groups = options.groups ?? [];
    this.logger = options.logger;
    this.#onIdle = options.onIdle;
    this.#watcher = options.watcher;
    this.#fault = options.fault;
    this.#clock = options.clock;
    this.#createStream = options.createStream;
    const { name, conf, logger, hooks } = options;
    this.hooks = new PathHooks({ hooks, name, conf, logger, groups: () => this.groups });
    this.hooks.opened();
    if (conf.runOnDemand !== "") this.#demand = this.#createPublisherDemand();
    if (options.source === undefined) return;
    this.#source = this.#createSource(options.source);
    if (this.conf.sourceOnDemand) this.#demand = this.#createDemand(this.#source);
    else this.#source.start();
  }

  #createSource(kind: SourceKind): SourceRunner {
    const { conf, logger } = this;
    this.#publisher = { type: kind.type, id: "", close: () => this.#source?.stop() };
    return new SourceRunner({
      name: this.id,
      conf,
      kind,
      logger,
      clock: this.#clock,
      publish: (description, tracks) => this.#publishSource(description, tracks),
      ended: () => {
        this.endStream();
        if (this.#demand === undefined) return;
        this.#source?.stop();
        this.#demand.failed();
      },
    });
  }

  #publishSource(description: StreamDescription, tracks: LogOptions["tracks"]): Stream {
    const stream = this.#createStream(description, tracks);
    try {
      this.startStream(this.#publisher as Client, stream, this.#clock.wall());
    } catch (error) {
      stream.close();
      throw error;
    }
    return stream;
  }

  #createDemand(source: SourceRunner): OnDemand {
    const { sourceOnDemandStartTimeout, sourceOnDemandCloseAfter } = this.conf;
    return new OnDemand({
      clock: this.#clock,
      startTimeout: sourceOnDemandStartTimeout,
      closeAfter: sourceOnDemandCloseAfter,
      start: () => source.start(),
      stop: () => {
        this.endStream();
        source.stop();
      },
      expired: () => this.#refuseLate(),
    });
  }

  /** A command brings the publisher. */
  #createPublisherDemand(): OnDemand {
    const { runOnDemandStartTimeout, runOnDemandCloseAfter } = this.conf;
    return new OnDemand({
      clock: this.#clock,
      startTimeout: runOnDemandStartTimeout,
      closeAfter: runOnDemandCloseAfter,
      start: () => this.hooks.demanded(this.#query),
      isAlive: () => this.hooks.isDemandAlive,
      stop: () => {
        const publisher = this.#publisher;
        this.#publisher = undefined;
        this.endStream();
        publisher?.close(new Error("terminated"));
        this.hooks.undemanded();
        this.#idle();
      },
      expired: () => {
        this.#refuseLate();
        this.#idle();
      },
    });
  }

  #refuseLate(): void {
    this.#refuseAll(new RefusedError(`source of path '${this.id}' has timed out`));
  }

  #refuseAll(error: Error): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
  }

  /** Whether a stream comes when somebody asks for it. */
  get isOnDemand(): boolean {
    return this.#demand !== undefined;
  }

  /**
   * The stream of a path that has one on demand, once it is there.
   *
   * @param query of the request, for the command that is started
   * @throws {RefusedError} if it does not come in time, or too many wait already
   */
  demand(query = ""): Promise<Stream> {
    if (this.#waiting.size >= WAITING_MAX) {
      return Promise.reject(new RefusedError(`too many requests wait for path '${this.id}'`));
    }
    const { promise, resolve, reject } = Promise.withResolvers<Stream>();
    this.#waiting.add({ resolve, reject });
    this.#query = query;
    this.#demand?.request();
    return promise;
  }

  get stream(): Stream | undefined {
    return this.#ready?.stream;
  }

  /** Whether anybody is attached. */
  get used(): boolean {
    const isAsked = this.#waiting.size > 0 || this.#demand?.idle === false;
    return this.#publisher !== undefined || this.#readers.size > 0 || isAsked;
  }

  /**
   * Gives the publisher's place to a newcomer; who had it is closed, with the readers.
   *
   * @throws {RefusedError} if the place is taken and may not be taken over, or is not for publishers
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
      old.close(new Error("terminated"));
    }
    this.#publisher = publisher;
  }

  /** Whether the place is still this publisher's. */
  isPublisher(publisher: Client): boolean {
    return this.#publisher === publisher;
  }

  /**
   * Makes the stream of the publisher available.
   *
   * @throws {RefusedError} if somebody else took the place meanwhile
   */
  startStream(publisher: Client, stream: Stream, now: number): void {
    if (this.#publisher !== publisher || this.#closed) {
      throw new RefusedError("publisher is not assigned to this path anymore");
    }
    this.#ready = { stream, since: now };
    this.hooks.ready(publisher);
    this.#demand?.ready();
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const { resolve } of waiting) resolve(stream);
    this.#watcher.ready(this);
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
      () => stream.finish(),
      ...readers.flatMap((reader) => [
        () => reader.close(new Error("terminated")),
        () => this.#traffic.left(reader),
      ]),
      () => stream.close(),
      () => this.#watcher.ended(this),
      () => this.hooks.notReady(),
      () => this.#demand?.lost(),
    ]);
  }

  #runAll(where: string, steps: readonly (() => void)[]): void {
    runAll(steps, `${where}, path '${this.id}'`, this.#fault);
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
    this.#demand?.used();
  }

  removeReader(reader: Client): void {
    if (this.#readers.delete(reader)) this.#traffic.left(reader);
    if (this.#readers.size === 0) this.#demand?.unused();
    this.#idle();
  }

  #idle(): void {
    if (!this.used && !this.#closed) this.#onIdle(this);
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

  /** Disconnects everybody. */
  close(reason: Error): void {
    this.#closed = true;
    const publisher = this.#publisher;
    this.#publisher = undefined;
    this.#runAll("end of a path", [
      () => this.#demand?.close(),
      () => this.#refuseAll(new RefusedError("terminated")),
      () => this.endStream(),
      ...[...this.#readers].map((reader) => () => reader.close(reason)),
      () => this.#readers.clear(),
      () => publisher?.close(reason),
      () => this.hooks.close(),
    ]);
  }
}
