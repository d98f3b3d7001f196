import { existsSync, readdirSync, readFileSync } from "node:fs";

/** The variable that marks a process and everything that comes of it. */
const MARK = "TEST_FILE_MARK";

/** Environment of a process whose descendants can be found, wherever they go. */
export function marked(mark: string): Record<string, string | undefined> {
  return { ...process.env, [MARK]: mark };
}

/** Kills every process with a mark; on Linux, where it can be seen. */
export function killMarked(mark: string): void {
  if (!existsSync("/proc/self/environ")) return;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name) || !hasMark(name, mark)) continue;
    try {
      process.kill(Number(name), "SIGKILL");
    } catch {
      // it has ended meanwhile
    }
  }
}

function hasMark(pid: string, mark: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(`${MARK}=${mark}`);
  } catch {
    return false; // it has ended, or is somebody else's
  }
}
