import { readdirSync } from "node:fs";

/** Resources used by the process. */
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

/** Open file descriptors of the process; undefined if unknown. */
export function openDescriptors(): number | undefined {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return undefined; // not Linux
  }
}
