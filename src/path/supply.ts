import type { PathConfig } from "../config/load.ts";
import type { Clock } from "../lib/clock.ts";
import { RefusedError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import type { Stream } from "../stream/stream.ts";
import type { Waiter } from "./client.ts";
import { OnDemand } from "./on-demand.ts";
import type { PathHooks } from "./path-hooks.ts";
import type { SourceKind, SourceOwner } from "./source.ts";
import { SourceRunner } from "./source-runner.ts";
import type { SourceStatus } from "./source-status.ts";
import { WaitingList } from "./waiting-list.ts";

/** The path, as its supply needs it. */
export interface SupplyOwner {
  /**
   * Makes the stream of the source available.
   *
   * @throws {BudgetError} if the media memory is used up
   */
  readonly publishSource: SourceOwner["ready"];
  /** Ends the current stream, if any. */
  endStream(): void;
  /** Whether the path has a publisher, whose stream may not have begun. */
  isPublished(): boolean;
  /** Disconnects the publisher that the command started. */
  dropPublisher(): void;
  /** Called when the path may have become unused. */
  idle(): void;
}

export interface SupplyOptions {
  /** Of the path. */
  readonly name: string;
  readonly conf: PathConfig;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly hooks: PathHooks;
  /** The source of the path; undefined if clients publish to it. */
  readonly source: SourceKind | undefined;
  readonly owner: SupplyOwner;
}

/** Starts and stops what delivers the stream of a path: a source, or a command that runs on demand. */
export class Supply {
  readonly #options: SupplyOptions;
  readonly #source: SourceRunner | undefined;
  readonly #demand: OnDemand | undefined;
  readonly #waiting: WaitingList<Stream>;
  /** Query of the last request that had to wait. */
  #query = "";

  constructor(options: SupplyOptions) {
    const { conf, source, name } = options;
    this.#options = options;
    this.#waiting = new WaitingList(name);
    this.#source = source === undefined ? undefined : this.#createSource(source);
    if (this.#source !== undefined && conf.sourceOnDemand) this.#demand = this.#sourceDemand(this.#source);
    else if (conf.runOnDemand !== "") this.#demand = this.#commandDemand();
  }

  #createSource(kind: SourceKind): SourceRunner {
    const { name, conf, logger, clock, owner } = this.#options;
    return new SourceRunner({
      name,
      conf,
      kind,
      logger,
      clock,
      publish: owner.publishSource,
      ended: () => {
        owner.endStream();
        if (this.#demand === undefined) return;
        this.#source?.stop();
        this.#demand.failed();
      },
    });
  }

  #sourceDemand(source: SourceRunner): OnDemand {
    const { conf, clock, owner } = this.#options;
    return new OnDemand({
      clock,
      startTimeout: conf.sourceOnDemandStartTimeout,
      closeAfter: conf.sourceOnDemandCloseAfter,
      start: () => source.start(),
      stop: () => {
        owner.endStream();
        source.stop();
      },
      expired: () => this.#refuseLate(),
    });
  }

  #commandDemand(): OnDemand {
    const { conf, clock, owner, hooks } = this.#options;
    return new OnDemand({
      clock,
      startTimeout: conf.runOnDemandStartTimeout,
      closeAfter: conf.runOnDemandCloseAfter,
      start: () =>
        hooks.demanded(this.#query, (reason) => {
          if (!owner.isPublished()) this.#demand?.broke(reason);
        }),
      isAlive: () => hooks.isDemandAlive,
      stop: () => {
        owner.dropPublisher();
        hooks.undemanded();
        owner.idle();
      },
      expired: () => {
        this.#refuseLate();
        owner.idle();
      },
      refused: (reason) => {
        const text = `runOnDemand command of path '${this.#options.name}' exited: ${reason}`;
        this.#waiting.reject(new RefusedError(text));
        owner.idle();
      },
    });
  }

  #refuseLate(): void {
    this.#waiting.reject(new RefusedError(`source of path '${this.#options.name}' has timed out`));
  }

  /** The source, for API and metrics. */
  get source(): SourceStatus | undefined {
    return this.#source?.status;
  }

  /** Starts a source that is not on demand. */
  start(): void {
    if (!this.#options.conf.sourceOnDemand) this.#source?.start();
  }

  /** Stops the source. */
  stop(): void {
    this.#source?.stop();
  }

  /** Whether the stream is started on demand. */
  get isOnDemand(): boolean {
    return this.#demand !== undefined;
  }

  /** Whether requests wait, or something started on demand still runs. */
  get isActive(): boolean {
    return this.#waiting.size > 0 || this.#demand?.idle === false;
  }

  /**
   * Requests the stream.
   *
   * @param query of the request, passed to the command
   * @throws {RefusedError} if the stream is not ready in time, too many requests are waiting, or the waiter disconnects
   */
  async request(query: string, waiter?: Waiter): Promise<Stream> {
    try {
      const stream = this.#waiting.wait(waiter);
      this.#query = query;
      this.#demand?.request();
      return await stream;
    } finally {
      this.#options.owner.idle();
    }
  }

  /** The stream is ready: waiting requests get it. */
  ready(stream: Stream): void {
    this.#demand?.ready();
    this.#waiting.resolve(stream);
  }

  /** The stream has ended. */
  lost(): void {
    this.#demand?.lost();
  }

  /** A reader is attached. */
  used(): void {
    this.#demand?.used();
  }

  /** The last reader has left. */
  unused(): void {
    this.#demand?.unused();
  }

  /** The path is closed: waiting requests are rejected. The path itself stops the source or command. */
  close(): void {
    this.#demand?.close();
    this.#waiting.reject(new RefusedError("terminated"));
  }
}
