import type { Load, PublishResult, ReadResult } from "./load.ts";
import { readUsage, type Usage, usedBetween } from "./usage.ts";

/** What a process used while readers measured, and what they saw. */
export interface Measured extends Usage {
  readonly read: ReadResult;
}

/** Faults that no run may have. */
export interface Faults {
  readonly gaps: number;
  readonly mismatches: number;
}

/** CPU time of `pid` from the readers' "begin" to their "end". */
export async function measureReaders(pid: number, readers: Load<ReadResult>): Promise<Measured> {
  await readers.began();
  const before = readUsage(pid);
  await readers.over();
  const used = usedBetween(before, readUsage(pid));
  return { ...used, read: await readers.result() };
}

/** Sums of what the readers found missing or wrong; readers that were closed or never played count as gaps. */
export function countFaults(results: readonly ReadResult[], readers: number): Faults {
  let gaps = 0;
  let mismatches = 0;
  for (const result of results) {
    gaps +=
      Math.max(result.gaps, result.sequenceGaps) + result.closed + Math.max(0, readers - result.playing);
    mismatches += result.mismatches;
  }
  return { gaps, mismatches };
}

/** @throws {Error} if a publisher was refused or closed */
export async function requirePublishers(publishers: Load<PublishResult>, count: number): Promise<void> {
  const ready = await publishers.ready();
  if (ready !== count) throw new Error(`${ready} of ${count} publishers publish\n${publishers.output}`);
}
