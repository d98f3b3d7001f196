import type { CallNode, CpuProfile } from "../host/profiler.ts";
import { type Frame, ProfileBuilder } from "./profile.ts";

/** Time between samples, µs. */
export const INTERVAL_US = 1_000;

/** When a profile was recorded. */
export interface ProfileTimes {
  /** Wall clock of its start, ms since 1970. */
  readonly wall: number;
  readonly durationMs: number;
}

/** Converts a CPU profile of the engine to pprof: samples and their time. */
export function cpuProfile({ nodes }: CpuProfile, { wall, durationMs }: ProfileTimes): Uint8Array {
  const builder = new ProfileBuilder({
    measures: [
      ["samples", "count"],
      ["cpu", "nanoseconds"],
    ],
    wall,
    durationMs,
    period: [["cpu", "nanoseconds"], INTERVAL_US * 1_000],
  });
  const parents = parentsOf(nodes);
  for (const node of nodes) {
    if (node.hitCount === 0) continue;
    builder.add(stackOf(node, parents), [node.hitCount, node.hitCount * INTERVAL_US * 1_000]);
  }
  return builder.encode();
}

function parentsOf(nodes: readonly CallNode[]): ReadonlyMap<number, CallNode> {
  const parents = new Map<number, CallNode>();
  for (const node of nodes) {
    for (const child of node.children ?? []) parents.set(child, node);
  }
  return parents;
}

/** The stack of a function, innermost first, without the engine's root. */
function stackOf(top: CallNode, parents: ReadonlyMap<number, CallNode>): Frame[] {
  const stack: Frame[] = [];
  for (let node: CallNode | undefined = top; node !== undefined; node = parents.get(node.id)) {
    if (parents.has(node.id) || node === top) stack.push(frameOf(node));
  }
  return stack;
}

function frameOf({ callFrame: { functionName, url, lineNumber } }: CallNode): Frame {
  return { name: functionName || "(anonymous)", file: url.replace(/^file:\/\//, ""), line: lineNumber + 1 };
}
