import {
  becomeSubreaper,
  children,
  descendants,
  type Reaper,
  signal,
  supervisedProcesses,
} from "./process-tree.ts";
import { SupervisedProcess } from "./supervised-process.ts";
import type { SupervisorCommand, SupervisorEvent } from "./supervisor-messages.ts";

/** Delay of checking the groups after an event, and the interval while one is exiting and otherwise, ms. */
const SOON_MS = 5;
const FAST_LOOK_MS = 50;
const SLOW_LOOK_MS = 1_000;
/** Most searches for processes that outlive the server, and their interval, ms. */
const SEARCHES_MAX = 100;
const SEARCH_INTERVAL_MS = 10;

/**
 * Runs this process as the supervisor: it starts and ends processes for the server, and ends all of them as soon as the
 * server has exited, for whatever reason.
 */
export function supervise(): void {
  // it exits with its server and not before, whether a terminal or a service manager sends the signal
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => {});
  const supervisor = new Supervisor();
  process.on("message", (command: SupervisorCommand) => supervisor.receive(command));
  process.on("disconnect", () => void supervisor.end());
  if (!process.connected) void supervisor.end();
}

class Supervisor {
  readonly #reaper: Reaper | undefined = becomeSubreaper();
  readonly #processes = new Map<number, SupervisedProcess>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the timer fires, monotonic ms. */
  #lookAt = Number.POSITIVE_INFINITY;
  #reapedAt = 0;
  #ending = false;

  receive(command: SupervisorCommand): void {
    if (this.#ending) return;
    if (command.kind === "start") this.#start(command);
    else this.#processes.get(command.id)?.stop();
    this.#lookIn(command.kind === "stop" ? FAST_LOOK_MS : SLOW_LOOK_MS);
  }

  #lookIn(ms: number): void {
    const at = performance.now() + ms;
    if (at >= this.#lookAt) return;
    clearTimeout(this.#timer);
    this.#lookAt = at;
    this.#timer = setTimeout(() => this.#look(), ms);
  }

  #start(command: Extract<SupervisorCommand, { kind: "start" }>): void {
    const { id } = command;
    try {
      const started = new SupervisedProcess(command, (event) => {
        this.#tell(event);
        if (event.kind === "exited") this.#lookIn(SOON_MS);
      });
      this.#processes.set(id, started);
    } catch (error) {
      this.#tell({ kind: "failed", id, problem: (error as Error).message });
    }
  }

  #tell(event: SupervisorEvent): void {
    if (!this.#ending) process.send?.(event);
  }

  /** Reports processes that have exited, reaps orphans, and schedules the next check. */
  #look(): void {
    this.#lookAt = Number.POSITIVE_INFINITY;
    if (performance.now() - this.#reapedAt >= FAST_LOOK_MS) this.#reap();
    let hurry = false;
    for (const [id, supervised] of this.#processes) {
      if (supervised.gone) {
        supervised.close();
        this.#processes.delete(id);
        this.#tell({ kind: "gone", id });
      } else hurry ||= supervised.stopping;
    }
    if (this.#processes.size > 0) this.#lookIn(hurry ? FAST_LOOK_MS : SLOW_LOOK_MS);
  }

  #reap(): void {
    this.#reapedAt = performance.now();
    if (this.#reaper === undefined) return;
    const own = new Set([...this.#processes.values()].map(({ pid }) => pid));
    for (const pid of children()) if (!own.has(pid)) this.#reaper.reap(pid);
  }

  /** The server has exited: kills everything at once, including processes that left their group. */
  async end(): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    clearTimeout(this.#timer);
    for (const supervised of this.#processes.values()) supervised.kill();
    for (let hunt = 0; hunt < SEARCHES_MAX; hunt++) {
      this.#reap();
      // without a subreaper, orphans are not our descendants
      const left = [
        ...descendants(process.pid),
        ...(this.#reaper === undefined ? supervisedProcesses() : []),
      ];
      if (left.length === 0) break;
      for (const pid of left) signal(pid, "SIGKILL");
      await new Promise((resolve) => setTimeout(resolve, SEARCH_INTERVAL_MS));
    }
    process.exit(0);
  }
}
