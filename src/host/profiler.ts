import { heapStats } from "bun:jsc";
import type { Session } from "node:inspector";

/** A node of the call tree of a profile. */
export interface CallNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    /** From 0. */
    readonly lineNumber: number;
  };
  /** Samples in which it was the innermost function. */
  readonly hitCount: number;
  /** Ids of the functions it called. */
  readonly children?: readonly number[];
}

/** A CPU profile of the engine. Idle time has no samples. */
export interface CpuProfile {
  /** The first one is the root. */
  readonly nodes: readonly CallNode[];
}

/** A profile in progress. */
export interface CpuProfiling {
  /** Ends the profile. */
  stop(): Promise<CpuProfile>;
}

/** Starts the engine's sampling profiler. @param intervalUs time between samples, µs */
export async function startCpuProfile(intervalUs: number): Promise<CpuProfiling> {
  const inspector = await import("node:inspector"); // most servers never need it
  const session = new inspector.Session();
  session.connect();
  await post(session, "Profiler.enable");
  await post(session, "Profiler.setSamplingInterval", { interval: intervalUs });
  await post(session, "Profiler.start");
  return {
    stop: async () => {
      try {
        const { profile } = (await post(session, "Profiler.stop")) as { profile: CpuProfile };
        return profile;
      } finally {
        session.disconnect();
      }
    },
  };
}

function post(session: Session, method: string, parameters: object = {}): Promise<unknown> {
  return new Promise((resolve, reject) => {
    session.post(method, parameters, (error, result) => (error === null ? resolve(result) : reject(error)));
  });
}

/** The objects on the engine's heap. */
export interface HeapStats {
  /** Bytes of objects. */
  readonly heapBytes: number;
  /** Bytes that objects hold outside the heap: buffers, long strings. */
  readonly extraBytes: number;
  /** Objects by the name of their class. */
  readonly objects: Readonly<Record<string, number>>;
}

/** Counts the objects on the heap, which takes some milliseconds. */
export function readHeap(): HeapStats {
  const { heapSize, extraMemorySize, objectTypeCounts } = heapStats();
  return { heapBytes: heapSize, extraBytes: extraMemorySize, objects: objectTypeCounts };
}
