import type { SupervisorEvent } from "../host/supervisor-messages.ts";
import { Backoff } from "../lib/backoff.ts";
import type { Cancel, Clock } from "../lib/clock.ts";
import { errorText } from "../lib/errors.ts";
import { reportUnexpected } from "../lib/faults.ts";
import type { Logger } from "../lib/log.ts";
import { CommandLineError, type Variables } from "./command-line.ts";

/** Delay before a command that exited is restarted, ms. */
const RESTART_MS = 5_000;
/** Longest delay of the first retry after a failed start, and of any, ms. */
const FIRST_RETRY_MS = 10_000;
const MOST_RETRY_MS = 60_000;

/** A command to run. */
export interface HookSpec {
  /** The parameter it comes from, for log lines: `runOnReady`. */
  readonly name: string;
  readonly command: string;
  /** Whether it is restarted when it exits by itself. */
  readonly restart: boolean;
  readonly env: Variables;
  /** Of its owner. */
  readonly logger: Logger;
  /** Called when it has exited by itself, or cannot be started, and is not restarted. */
  readonly ended?: (end: HookEnd) => void;
}

/** How a command ended. */
export interface HookEnd {
  /** As the log has it: `command returned code 1`. */
  readonly reason: string;
  /** Whether it was not started, or returned a code other than 0. */
  readonly failed: boolean;
}

/** Starts and stops processes. */
export interface ProcessHost {
  readonly clock: Clock;
  /**
   * @returns id of the process
   * @throws {CommandLineError} if the command cannot be parsed
   * @throws {Error} if no process can be started now
   */
  spawn(owner: HookProcess, command: string, env: Variables): number;
  /** Asks the group of a process to exit. */
  end(id: number): void;
}

/** One command of a hook, and its process, which is replaced on each restart. */
export class HookProcess {
  readonly #host: ProcessHost;
  readonly #spec: HookSpec;
  readonly #verb: "started" | "launched";
  /** Logs the output of the command. */
  readonly #output: Logger;
  readonly #backoff = new Backoff(FIRST_RETRY_MS, MOST_RETRY_MS);
  /** The process, as long as it or one of its children is running. */
  #id: number | undefined;
  /** Whether the process itself has exited. */
  #exited = true;
  #retry: Cancel | undefined;
  /** Whether the log has a line about its start. */
  #started = false;
  #stopped = false;
  /** Why the last start failed. */
  #problem: string | undefined;

  constructor(host: ProcessHost, spec: HookSpec, verb: "started" | "launched") {
    this.#host = host;
    this.#spec = spec;
    this.#verb = verb;
    this.#output = spec.logger.child(spec.name);
  }

  start(): void {
    if (this.#stopped) return;
    const { name, logger } = this.#spec;
    this.#started = true;
    logger.info(`${name} command ${this.#verb}`);
    this.#spawn();
  }

  #spawn(): void {
    const { command, env } = this.#spec;
    try {
      this.#id = this.#host.spawn(this, command, env);
      this.#exited = false;
    } catch (error) {
      reportUnexpected(this.#spec.logger, error, `starting ${this.#spec.name}`);
      this.#failed(errorText(error), !(error instanceof CommandLineError));
    }
  }

  event(event: SupervisorEvent): void {
    switch (event.kind) {
      case "started":
        this.#problem = undefined;
        this.#backoff.reset();
        break;
      case "failed":
        this.#failed(event.problem, true);
        break;
      case "line":
        if (event.overwritten) this.#output.debug(event.text);
        else this.#output.info(event.text);
        break;
      case "skipped":
        this.#output.warn(`${event.lines} lines dropped`);
        break;
      case "exited":
        if (event.id === this.#id) this.#ended(event);
        break;
      case "gone":
        if (event.id === this.#id) this.#id = undefined;
    }
  }

  /** The start failed: logged once, and retried with growing delays. */
  #failed(problem: string, mayPass: boolean): void {
    this.#id = undefined;
    this.#exited = true;
    if (this.#stopped) return;
    const { name, logger, restart, ended } = this.#spec;
    if (problem !== this.#problem) logger.info(`${name} command exited: ${problem}`);
    this.#problem = problem;
    if (restart && mayPass) this.#again(this.#backoff.next());
    else ended?.({ reason: problem, failed: true });
  }

  #ended({ code, signal }: { readonly code: number; readonly signal: string | null }): void {
    this.#exited = true;
    if (this.#stopped) return;
    const { name, logger, restart, ended } = this.#spec;
    const isNews = this.#verb === "started" || code !== 0;
    const by = signal === null ? "" : ` (${signal})`;
    const reason = `command returned code ${code}${by}`;
    if (isNews) logger.info(`${name} command exited: ${reason}`);
    if (restart) {
      this.#endGroup(); // what it left behind is gone by then
      this.#again(RESTART_MS);
    } else ended?.({ reason, failed: code !== 0 });
  }

  #again(ms: number): void {
    this.#retry = this.#host.clock.after(ms, () => this.#spawn());
  }

  /** Stops the command; it is no longer needed. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#retry?.();
    if (this.#started) this.#spec.logger.info(`${this.#spec.name} command stopped`);
    this.#endGroup();
  }

  #endGroup(): void {
    if (this.#id !== undefined) this.#host.end(this.#id);
  }

  /** The server shuts down: a command that runs once may finish, but not the processes it has left behind. */
  close(): void {
    this.#stopped = true;
    this.#retry?.();
    if (this.#verb === "started" || this.#exited) this.#endGroup();
  }
}
