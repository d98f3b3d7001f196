import type { LogOptions } from "../../wasm/log.ts";
import type { PathConfig } from "../config/load.ts";
import type { Clock } from "../lib/clock.ts";
import { RefusedError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import type { StreamDescription } from "../media/track.ts";
import type { Stream } from "../stream/stream.ts";
import type { Waiter } from "./client.ts";
import { OnDemand } from "./on-demand.ts";
import type { PathHooks } from "./path-hooks.ts";
import type { SourceKind } from "./source.ts";
import { SourceRunner } from "./source-runner.ts";
import { WaitingList } from "./waiting-list.ts";

/** The path, as what brings its stream needs it. */
export interface SupplyOwner {
  /**
   * Makes the stream of the source available.
   *
   * @throws {BudgetError} if the media memory is used up
   */
  publishSource(description: StreamDescription, tracks: LogOptions["tracks"]): Stream;
  /** Ends the stream that is there. */
  endStream(): void;
  /** Disconnects the publisher that the command has brought. */
  dropPublisher(): void;
  /** Nobody waits any more, or nothing runs any more. */
  idle(): void;
}

export interface SupplyOptions {
  /** Of the path. */
  readonly name: string;
  readonly conf: PathConfig;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly hooks: PathHooks;
  /** What fetches the stream; undefined for paths that are published to. */
  readonly source: SourceKind | undefined;
  readonly owner: SupplyOwner;
}

/** What brings the stream of a path besides publishers that come by themselves: its source, or a command on demand. */
export class Supply {
  readonly #options: SupplyOptions;
  readonly #source: SourceRunner | undefined;
  readonly #demand: OnDemand | undefined;
  readonly #waiting: WaitingList<Stream>;
  /** Of the last request that had to wait. */
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
      publish: (description, tracks) => owner.publishSource(description, tracks),
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
      start: () => hooks.demanded(this.#query),
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
    });
  }

  #refuseLate(): void {
    this.#waiting.reject(new RefusedError(`source of path '${this.#options.name}' has timed out`));
  }

  /** Starts a source that runs all the time. */
  start(): void {
    if (!this.#options.conf.sourceOnDemand) this.#source?.start();
  }

  /** Stops the source. */
  stop(): void {
    this.#source?.stop();
  }

  /** Whether a stream comes when somebody asks for it. */
  get isOnDemand(): boolean {
    return this.#demand !== undefined;
  }

  /** Whether somebody waits, or something runs because somebody did. */
  get isAsked(): boolean {
    return this.#waiting.size > 0 || this.#demand?.idle === false;
  }

  /**
   * The stream, once it is there.
   *
   * @param query of the request, for the command that is started
   * @throws {RefusedError} if it does not come in time, too many wait already, or the waiter leaves
   */
  async request(query: string, waiter?: Waiter): Promise<Stream> {
    try {
      const stream = this.#waiting.wait(waiter);
      this.#query = query;
      this.#demand?.request();
      return await stream;
    } finally {
      this.#options.owner.idle(); // it may have been the last one
    }
  }

  /** The stream is there: those who wait get it. */
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

  /** The last reader is gone. */
  unused(): void {
    this.#demand?.unused();
  }

  /** The path is closed: nobody waits any more. What runs is stopped by the path. */
  close(): void {
    this.#demand?.close();
    this.#waiting.reject(new RefusedError("terminated"));
  }
}
