import type { SupervisorEvent } from "../host/supervisor-messages.ts";
import { Backoff } from "../lib/backoff.ts";
import type { Cancel, Clock } from "../lib/clock.ts";
import { errorText } from "../lib/errors.ts";
import { reportUnexpected } from "../lib/faults.ts";
import type { Logger } from "../lib/log.ts";
import { CommandLineError, type Variables } from "./command-line.ts";

/** How long a command that has ended waits until it is started again, ms. */
const RESTART_MS = 5_000;
/** Longest waits of one that cannot be started: they double, ms. */
const FIRST_RETRY_MS = 10_000;
const MOST_RETRY_MS = 60_000;

/** A command to run. */
export interface HookSpec {
  /** The parameter that it comes from, as log lines name it. */
  readonly name: string;
  readonly command: string;
  /** Whether it is started again when it ends by itself. */
  readonly restart: boolean;
  readonly env: Variables;
  /** Of its owner. */
  readonly logger: Logger;
  /** Called when it has ended by itself and is not started again. */
  readonly ended?: () => void;
}

/** Who runs the processes. */
export interface ProcessHost {
  readonly clock: Clock;
  /**
   * @returns its number
   * @throws {CommandLineError} if the command cannot be taken apart
   * @throws {Error} if nothing can be started now
   */
  spawn(owner: HookProcess, command: string, env: Variables): number;
  /** Asks the group of a process to end. */
  end(id: number): void;
}

/** One command of a hook: its process, and the next one when it is started again. */
export class HookProcess {
  readonly #host: ProcessHost;
  readonly #spec: HookSpec;
  readonly #verb: "started" | "launched";
  /** Where its own output goes. */
  readonly #output: Logger;
  readonly #backoff = new Backoff(FIRST_RETRY_MS, MOST_RETRY_MS);
  /** The process of which something lives. */
  #id: number | undefined;
  /** Whether that process itself has ended. */
  #exited = true;
  #retry: Cancel | undefined;
  /** Whether it was said to start. */
  #started = false;
  #stopped = false;
  /** Why it could not be started the last time. */
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
        this.#output.warn(`${event.lines} lines left out`);
        break;
      case "exited":
        if (event.id === this.#id) this.#ended(event);
        break;
      case "gone":
        if (event.id === this.#id) this.#id = undefined;
    }
  }

  /** It could not be started: said once, and tried less and less often. */
  #failed(problem: string, mayPass: boolean): void {
    this.#id = undefined;
    this.#exited = true;
    if (this.#stopped) return;
    const { name, logger, restart, ended } = this.#spec;
    if (problem !== this.#problem) logger.info(`${name} command exited: ${problem}`);
    this.#problem = problem;
    if (restart && mayPass) this.#again(this.#backoff.next());
    else ended?.();
  }

  #ended({ code, signal }: { readonly code: number; readonly signal: string | null }): void {
    this.#exited = true;
    if (this.#stopped) return;
    const { name, logger, restart, ended } = this.#spec;
    const isNews = this.#verb === "started" || code !== 0;
    const by = signal === null ? "" : ` (${signal})`;
    if (isNews) logger.info(`${name} command exited: command returned code ${code}${by}`);
    if (restart) {
      this.#endGroup(); // what it left behind is gone by then
      this.#again(RESTART_MS);
    } else ended?.();
  }

  #again(ms: number): void {
    this.#retry = this.#host.clock.after(ms, () => this.#spawn());
  }

  /** Its owner does not need it any more. */
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

  /** The server ends: one that was launched may come to its end, what it left behind may not. */
  close(): void {
    this.#stopped = true;
    this.#retry?.();
    if (this.#verb === "started" || this.#exited) this.#endGroup();
  }
}
