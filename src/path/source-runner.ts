import type { PathConfig } from "../config/load.ts";
import { Backoff } from "../lib/backoff.ts";
import type { Cancel, Clock } from "../lib/clock.ts";
import { EndError, errorText, isExpected } from "../lib/errors.ts";
import { reportUnexpected } from "../lib/faults.ts";
import type { Logger } from "../lib/log.ts";
import { trackList } from "../media/track.ts";
import type { RunningSource, SourceKind, SourceOwner } from "./source.ts";
import { SourceStatus } from "./source-status.ts";

/** Longest delay of the first retry, and of any, ms. */
const FIRST_RETRY_MS = 2_000;
const MAX_RETRY_MS = 15_000;
/** The same after an internal error, which the next attempt is likely to hit again, ms. */
const FIRST_FAULT_RETRY_MS = 30_000;
const MAX_FAULT_RETRY_MS = 300_000;
/** Minimum delay between two attempts, ms. */
const MIN_DELAY_MS = 1_000;
/** A source that was ready for longer starts again with the shortest delay, ms. */
const STABLE_MS = 3_000;

export interface SourceRunnerOptions {
  readonly name: string;
  readonly conf: PathConfig;
  readonly kind: SourceKind;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Makes the stream available. */
  readonly publish: SourceOwner["ready"];
  /** The stream that was made available has ended. */
  readonly ended: () => void;
}

/** Runs the source of a path, and retries it when it fails. */
export class SourceRunner {
  /** What API and metrics show. */
  readonly status: SourceStatus;
  readonly #options: SourceRunnerOptions;
  readonly #logger: Logger;
  readonly #backoff = new Backoff(FIRST_RETRY_MS, MAX_RETRY_MS);
  readonly #faultBackoff = new Backoff(FIRST_FAULT_RETRY_MS, MAX_FAULT_RETRY_MS);
  #source: RunningSource | undefined;
  #retry: Cancel | undefined;
  /** When the current attempt began, monotonic ms. */
  #triedAt = 0;
  #running = false;
  /** When the stream became available, monotonic ms; undefined while it is not. */
  #readySince: number | undefined;
  /** Number of the current attempt; calls of earlier ones are ignored. */
  #attempt = 0;
  /** What the source keeps from one attempt to the next. */
  #recalled: unknown;

  constructor(options: SourceRunnerOptions) {
    this.#options = options;
    this.#logger = options.logger.child(options.kind.label);
    const { name: path, kind, clock } = options;
    this.status = new SourceStatus({
      path,
      type: kind.type,
      clock,
      figures: () => this.#source?.figures?.() ?? {},
      restart: (reason) => {
        if (this.#source !== undefined) this.#failed(reason);
      },
    });
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#backoff.reset();
    this.#faultBackoff.reset();
    this.#logger.info("started");
    this.#try();
  }

  #try(): void {
    this.#attempt += 1;
    const attempt = this.#attempt;
    this.#triedAt = this.#options.clock.now();
    this.status.tried();
    const isOver = () => attempt !== this.#attempt || !this.#running;
    const { name, conf, kind, clock, publish } = this.#options;
    const owner: SourceOwner = {
      name,
      conf,
      logger: this.#logger,
      ready: (description, tracks, share) => {
        if (isOver()) throw new EndError("the source was stopped");
        const stream = publish(description, tracks, share);
        this.#readySince = clock.now();
        this.status.began(stream);
        this.#logger.info(`ready: ${trackList(description.tracks)}`);
        return stream;
      },
      recall: <T>(make: () => T) => {
        this.#recalled ??= make();
        return this.#recalled as T;
      },
      failed: (error) => {
        if (!isOver()) this.#failed(error);
      },
    };
    try {
      this.#source = kind.start(owner);
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  #failed(error: Error): void {
    reportUnexpected(this.#logger, error, "source");
    const text = errorText(error);
    this.#logger.error(text);
    const ready = this.#readySince;
    const pause = isExpected(error) ? this.#pause() : this.#faultBackoff.next();
    this.status.failed(text);
    this.#closeSource();
    this.#retry = this.#options.clock.after(pause, () => this.#try());
    if (ready !== undefined) this.#options.ended();
  }

  /** Delay until the next attempt, ms. */
  #pause(): number {
    const now = this.#options.clock.now();
    const ready = this.#readySince;
    this.#faultBackoff.reset();
    if (ready !== undefined && now - ready > STABLE_MS) this.#backoff.reset();
    const waited = ready === undefined ? now - this.#triedAt : 0;
    return Math.max(this.#backoff.next() - waited, MIN_DELAY_MS);
  }

  #closeSource(): void {
    this.#attempt += 1;
    this.#readySince = undefined;
    this.status.ended(); // while the source still has its figures
    const source = this.#source;
    this.#source = undefined;
    source?.close();
  }

  stop(): void {
    if (!this.#running) return;
    this.#running = false;
    this.#retry?.();
    this.#retry = undefined;
    this.#closeSource();
    this.status.stopped();
    this.#logger.info("stopped");
  }
}
