import { readdirSync, readFileSync } from "node:fs";
import { openLibrary } from "./libc.ts";

/** prctl's PR_SET_CHILD_SUBREAPER. */
const SUBREAPER = 36;
/** waitpid's WNOHANG. */
const NO_HANG = 1;

/** Reaps orphaned processes. */
export interface Reaper {
  /** @returns whether the process was a zombie child of ours */
  reap(pid: number): boolean;
}

/**
 * Makes this process a subreaper (Linux): descendants whose parent exits become its children, so that none is lost. They
 * have to be reaped from then on.
 *
 * @returns undefined if that is not possible
 */
export function becomeSubreaper(): Reaper | undefined {
  if (process.platform !== "linux" || process.env["MEDIAMTX_NO_FFI"] === "1") return undefined;
  const { FFIType } = require("bun:ffi") as typeof import("bun:ffi");
  const { i32, u64, ptr } = FFIType;
  const library = openLibrary({
    prctl: { args: [i32, u64, u64, u64, u64], returns: i32 },
    waitpid: { args: [i32, ptr, i32], returns: i32 },
  });
  if (library === undefined) return undefined;
  const { prctl, waitpid } = library.symbols;
  if (prctl(SUBREAPER, 1, 0, 0, 0) !== 0) return undefined;
  return { reap: (pid) => waitpid(pid, null, NO_HANG) === pid };
}

/** A line of the process table. */
interface Entry {
  readonly parent: number;
  readonly session: number;
}

/** All descendants of `root`, and the processes of its sessions; none if there is no `/proc`. */
export function descendants(root: number, session = -1): number[] {
  const table = readTable();
  const found = new Set([root]);
  for (let before = 0; before < found.size; ) {
    before = found.size;
    for (const [pid, entry] of table) {
      if (found.has(entry.parent) || entry.session === session) found.add(pid);
    }
  }
  found.delete(root);
  return [...found];
}

/** The variable that all processes of a supervisor inherit; its value is the supervisor's id. */
export const SUPERVISOR_VARIABLE = "MEDIAMTX_SUPERVISOR";

/** All processes whose environment names this one as their supervisor. */
export function supervisedProcesses(): number[] {
  const entry = `${SUPERVISOR_VARIABLE}=${process.pid}`;
  const follows = (name: string) => readProc(`/proc/${name}/environ`)?.split("\0").includes(entry) === true;
  return processes().filter(follows).map(Number);
}

/** Ids of all processes; none if there is no `/proc`. */
function processes(): string[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
}

function readTable(): Map<number, Entry> {
  const table = new Map<number, Entry>();
  for (const name of processes()) {
    const entry = readEntry(name);
    if (entry !== undefined) table.set(Number(name), entry);
  }
  return table;
}

/** proc(5), /proc/pid/stat: the name of the program stands in brackets and may hold any character. */
function readEntry(name: string): Entry | undefined {
  const text = readProc(`/proc/${name}/stat`);
  if (text === undefined) return undefined;
  const [, parent, , session] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { parent: Number(parent), session: Number(session) };
}

/** The children of this process. */
export function children(): number[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc/self/task")
    .map((task) => readProc(`/proc/self/task/${task}/children`) ?? "")
    .flatMap((text) => text.split(" ").filter((pid) => pid !== ""))
    .map(Number);
}

function readProc(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined; // it has ended meanwhile
  }
}

/** Sends a signal to a process, or with a negative number to a group. @returns whether there was one */
export function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
