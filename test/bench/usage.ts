import { readdirSync, readFileSync } from "node:fs";

/** What a process has used since its start. */
export interface Usage {
  /** User and system CPU time, s, with ns precision. */
  readonly cpuS: number;
  /** User CPU time, s, in steps of 10 ms. */
  readonly userS: number;
  /** System CPU time, s, in steps of 10 ms. */
  readonly systemS: number;
}

const TICKS_PER_S = 100;

/** CPU time of a process and its living threads (Linux `/proc`). */
export function readUsage(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const userS = Number(fields[11]) / TICKS_PER_S;
  const systemS = Number(fields[12]) / TICKS_PER_S;
  let ns = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) ns += threadTime(pid, thread);
  return { cpuS: ns / 1e9, userS, systemS };
}

/** What was used between two readings; the two parts are scaled to the precise total. */
export function usedBetween(before: Usage, after: Usage): Usage {
  const cpuS = after.cpuS - before.cpuS;
  const userS = after.userS - before.userS;
  const systemS = after.systemS - before.systemS;
  const scale = userS + systemS > 0 ? cpuS / (userS + systemS) : 0;
  return { cpuS, userS: userS * scale, systemS: systemS * scale };
}

/** Resident set of a process, bytes; shared memory included. */
export function readResident(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  return Number(/^Rss:\s+(\d+) kB/m.exec(rollup)?.[1]) * 1024;
}

/** How many descriptors a process has open. */
export function countDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function threadTime(pid: number, thread: string): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1").split(" ")[0]);
  } catch {
    return 0; // the thread ended between listing and reading
  }
}
