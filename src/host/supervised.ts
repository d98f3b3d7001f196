import { join } from "node:path";
import { signal } from "./process-tree.ts";
import type { SupervisorCommand, SupervisorEvent } from "./supervisor-messages.ts";

/** The argument that runs the executable as the supervisor. */
export const SUPERVISE_FLAG = "--supervise";

/** Events of the supervisor. */
export interface SupervisorOwner {
  event(event: SupervisorEvent): void;
  /** The supervisor has exited without being closed. */
  lost(): void;
}

/** A running supervisor, as the server sees it. */
export interface SupervisorLink {
  command(command: SupervisorCommand): void;
  /** Ends the supervisor and all of its processes at once. Settles when it has exited. */
  close(): Promise<void>;
}

/** Starts this executable again, as the supervisor of the processes that the server runs. */
export function openSupervisor(owner: SupervisorOwner): SupervisorLink {
  const groups = new Map<number, number>();
  let isOpen = true;
  const child = Bun.spawn([...ownCommand(), SUPERVISE_FLAG], {
    detached: true,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "inherit",
    ipc: (event: SupervisorEvent) => {
      if (event.kind === "started") groups.set(event.id, event.pid);
      else if (event.kind === "gone") groups.delete(event.id);
      if (isOpen) owner.event(event);
    },
    onExit: () => {
      if (!isOpen) return;
      isOpen = false;
      for (const group of groups.values()) signal(-group, "SIGKILL"); // nobody looks after them any more
      owner.lost();
    },
  });
  return {
    command: (command) => {
      if (isOpen) child.send(command);
    },
    close: async () => {
      isOpen = false;
      child.disconnect();
      await child.exited;
    },
  };
}

/** The command that starts this program: the compiled executable, or the runtime with the entry file. */
function ownCommand(): string[] {
  const isCompiled = /^\/\$bunfs\/|^[A-Z]:[\\/]~BUN[\\/]/.test(Bun.main);
  return isCompiled ? [process.execPath] : [process.execPath, join(import.meta.dir, "../main.ts")];
}

/** A variable of the environment of this process. */
export function environmentVariable(name: string): string | undefined {
  return process.env[name];
}

export const isWindows = process.platform === "win32";
