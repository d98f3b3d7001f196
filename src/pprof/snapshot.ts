import type { HeapStats } from "../host/profiler.ts";
import type { JsonObject, Registry } from "../lib/registry.ts";
import { type Frame, type Measure, ProfileBuilder } from "./profile.ts";

/** One entry of a snapshot. */
export interface Entry {
  /** The stack, outermost first. */
  readonly stack: readonly string[];
  /** One number per type. */
  readonly value: readonly number[];
}

/** Memory outside of the engine's heap. */
export interface MemoryStats {
  /** Blocks of the media memory in use, and their bytes. */
  readonly mediaBlocks: number;
  readonly mediaBytes: number;
}

export const HEAP_MEASURES: readonly Measure[] = [
  ["inuse_objects", "count"],
  ["inuse_space", "bytes"],
];
export const ACTIVITY_MEASURES: readonly Measure[] = [["goroutine", "count"]];

/**
 * A snapshot of memory use. The engine counts objects by class but not their bytes; bytes are known for the heap as a
 * whole.
 */
export function heapEntries(heap: HeapStats, { mediaBlocks, mediaBytes }: MemoryStats): Entry[] {
  const objects = Object.entries(heap.objects).sort(([, a], [, b]) => b - a);
  return [
    { stack: ["JavaScript heap"], value: [0, heap.heapBytes] },
    { stack: ["JavaScript heap", "outside of it: buffers, long strings"], value: [0, heap.extraBytes] },
    { stack: ["media memory", "blocks"], value: [mediaBlocks, mediaBytes] },
    ...objects.map(([name, count]): Entry => ({ stack: ["JavaScript heap", name], value: [count, 0] })),
  ];
}

/** A snapshot of activity: listed items by kind, state and path, and pending timers. */
export function activityEntries(registries: ReadonlyMap<string, Registry>, timers: number): Entry[] {
  const counts = new Map<string, { readonly stack: readonly string[]; count: number }>();
  for (const [name, registry] of registries) {
    for (const item of registry.values()) {
      const stack = [name, ...placesOf(item.measure?.() ?? item.describe())];
      const key = stack.join("\n");
      const known = counts.get(key);
      if (known === undefined) counts.set(key, { stack, count: 1 });
      else known.count += 1;
    }
  }
  const entries = [...counts.values()].map(({ stack, count }): Entry => ({ stack, value: [count] }));
  return timers === 0 ? entries : [...entries, { stack: ["timers"], value: [timers] }];
}

function placesOf({ state, path, name }: JsonObject): string[] {
  return [state, path ?? name].filter((place) => typeof place === "string" && place !== "") as string[];
}

/** Entries in the form of pprof. @param wall ms since 1970 */
export function snapshotProfile(
  entries: readonly Entry[],
  measures: readonly Measure[],
  wall: number,
): Uint8Array {
  const builder = new ProfileBuilder({ measures, wall, period: [measures.at(-1) as Measure, 1] });
  for (const { stack, value } of entries) {
    builder.add(
      stack.toReversed().map((name): Frame => ({ name })),
      value,
    );
  }
  return builder.encode();
}

/** The same as text: `12 rtspsessions > read > cam`. */
export function snapshotText(entries: readonly Entry[], measures: readonly Measure[]): string {
  const head = `# ${measures.map(([type, unit]) => `${type} (${unit})`).join(" ")}\n`;
  const lines = entries.map(({ stack, value }) => `${value.join(" ")} ${stack.map(plain).join(" > ")}\n`);
  return head + lines.join("");
}

/** Escapes line breaks: names come from clients. */
function plain(text: string): string {
  return text.replace(/\p{C}/gu, "?");
}
