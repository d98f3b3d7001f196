import { becomeSubreaper, children, descendants, followers, type Reaper, signal } from "./process-tree.ts";
import { SupervisedProcess } from "./supervised-process.ts";
import type { SupervisorCommand, SupervisorEvent } from "./supervisor-messages.ts";

/** How soon groups are looked at when something has happened, again while one is ending, and while none is, ms. */
const SOON_MS = 5;
const FAST_LOOK_MS = 50;
const SLOW_LOOK_MS = 1_000;
/** How often what outlives the server is looked for, and how many times, until nothing is found. */
const HUNTS = 100;
const HUNT_EVERY_MS = 10;

/**
 * The whole life of a supervisor: a process that starts others for the server and ends them, all of them as soon as the
 * server is gone, however that came.
 */
export function supervise(): void {
  // it ends with its server and not before: not by a terminal, nor by who ends all processes of a service
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

  /** Says who is gone, takes back orphans, and comes again. */
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

  /** The server is gone: everything ends at once, what left its group too. */
  async end(): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    clearTimeout(this.#timer);
    for (const supervised of this.#processes.values()) supervised.kill();
    for (let hunt = 0; hunt < HUNTS; hunt++) {
      this.#reap();
      // without a reaper those who lost their parent are not below us
      const left = [...descendants(process.pid), ...(this.#reaper === undefined ? followers() : [])];
      if (left.length === 0) break;
      for (const pid of left) signal(pid, "SIGKILL");
      await new Promise((resolve) => setTimeout(resolve, HUNT_EVERY_MS));
    }
    process.exit(0);
  }
}
