import { environmentVariable, isWindows, openSupervisor, type SupervisorLink } from "../host/supervised.ts";
import type { SupervisorEvent } from "../host/supervisor-messages.ts";
import type { Clock } from "../lib/clock.ts";
import { RefusedError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import { parseCommandLine, type Variables } from "./command-line.ts";
import { HookProcess, type HookSpec, type ProcessHost } from "./hook-process.ts";

/** Most processes that run at the same time. */
const PROCESSES_MAX = 1_000;
/** Longest wait for processes at shutdown, ms: they are killed 5 s after SIGINT. */
const CLOSE_MS = 6_000;

/** A command that runs until it is stopped. */
export interface RunningHook {
  /** Asks the process to exit; it is killed 5 s later. Does not wait. */
  stop(): void;
}

export interface HookRunnerOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  /** Variables of every command; those of a hook override them. */
  readonly variables?: () => Variables;
  /** Starts the supervisor process, on the first command. */
  readonly supervisor?: typeof openSupervisor;
}

/** Runs commands under one supervisor process, which ends them when this process exits. */
export class HookRunner implements ProcessHost {
  readonly clock: Clock;
  readonly #logger: Logger;
  readonly #open: typeof openSupervisor;
  readonly #variables: () => Variables;
  #supervisor: SupervisorLink | undefined;
  /** Every process that is running, or has left running children. */
  readonly #processes = new Map<number, HookProcess>();
  #nextId = 1;
  /** Commands to start once the server is listening. */
  #held: (() => void)[] | undefined = [];
  #idle: (() => void) | undefined;
  #closed = false;

  constructor(options: HookRunnerOptions) {
    const { logger, clock, supervisor = openSupervisor, variables = () => ({}) } = options;
    this.#variables = variables;
    this.#logger = logger;
    this.clock = clock;
    this.#open = supervisor;
  }

  /** Starts the pending commands; later ones start at once. */
  release(): void {
    const held = this.#held;
    this.#held = undefined;
    for (const start of held ?? []) start();
  }

  /** Runs a command until it is stopped; a blank one is ignored. */
  start(spec: HookSpec): RunningHook {
    const hook = this.#hook(spec, "started");
    return { stop: () => hook?.stop() };
  }

  /** Runs a command once. */
  launch(spec: Omit<HookSpec, "restart" | "ended">): void {
    this.#hook({ ...spec, restart: false }, "launched");
  }

  #hook(spec: HookSpec, verb: "started" | "launched"): HookProcess | undefined {
    if (spec.command.trim() === "" || this.#closed) return undefined;
    const hook = new HookProcess(this, spec, verb);
    if (this.#held === undefined) hook.start();
    else this.#held.push(() => hook.start());
    return hook;
  }

  spawn(owner: HookProcess, command: string, env: Variables): number {
    const variables = { ...this.#variables(), ...env };
    const { words, verbatim } = parseCommandLine(command, {
      variables,
      environment: environmentVariable,
      windows: isWindows,
    });
    if (this.#processes.size >= PROCESSES_MAX)
      throw new RefusedError(`${PROCESSES_MAX} commands are already running`);
    const id = this.#nextId++;
    this.#supervisor ??= this.#open({ event: (event) => this.#event(event), lost: () => this.#lost() });
    this.#processes.set(id, owner);
    this.#supervisor.command({ kind: "start", id, words, verbatim, variables });
    return id;
  }

  end(id: number): void {
    this.#supervisor?.command({ kind: "stop", id });
  }

  #event(event: SupervisorEvent): void {
    const owner = this.#processes.get(event.id);
    if (event.kind === "failed" || event.kind === "gone") this.#forget(event.id);
    owner?.event(event);
  }

  #forget(id: number): void {
    this.#processes.delete(id);
    if (this.#processes.size === 0) this.#idle?.();
  }

  /** The supervisor has exited, and all processes with it. The next command starts a new one. */
  #lost(): void {
    this.#supervisor = undefined;
    const lost = [...this.#processes];
    this.#processes.clear();
    this.#idle?.();
    if (lost.length > 0) this.#logger.error("the command supervisor has exited, and all commands with it");
    for (const [id, owner] of lost) {
      owner.event({ kind: "exited", id, code: -1, signal: null });
      owner.event({ kind: "gone", id });
    }
  }

  /** Waits until all processes have ended, 6 s at most. No command starts after this. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#held = undefined;
    this.#logger.info("waiting for external commands");
    for (const hook of this.#processes.values()) hook.close();
    if (this.#processes.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#idle = resolve;
      const cancel = this.clock.after(CLOSE_MS, resolve);
      await promise;
      cancel();
    }
    await this.#supervisor?.close();
    this.#supervisor = undefined;
  }
}
