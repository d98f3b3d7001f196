import { readdirSync } from "node:fs";

/** What the process uses of the machine. */
export interface Usage {
  /** CPU time of all its threads so far, in user and kernel mode, seconds. */
  readonly cpuSeconds: number;
  /** Resident set, bytes. */
  readonly residentBytes: number;
}

export function readUsage(): Usage {
  const { user, system } = process.cpuUsage();
  return { cpuSeconds: (user + system) / 1e6, residentBytes: process.memoryUsage.rss() };
}

/** Wall clock of the start of the process, seconds since 1970. */
export function processStart(): number {
  return performance.timeOrigin / 1000;
}

/** Open descriptors of the process; undefined where the system does not say. */
export function openDescriptors(): number | undefined {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return undefined; // not Linux
  }
}
