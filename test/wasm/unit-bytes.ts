import type { MediaMemory } from "../../wasm/core.ts";
import type { UnitLog } from "../../wasm/units.ts";

const ROOM = 16_384;

/** The bytes of the entries from `from` up to `to`, copied. */
export function unitBytes(memory: MediaMemory, units: UnitLog, from: number, to: number): Uint8Array {
  const room = memory.take(ROOM)!;
  const count = memory.core.unitSpans(units.address, from, to, room, ROOM / 8);
  if (count < 0) throw new Error(`the units from ${from} are gone`);
  const parts = Array.from({ length: count }, (_, i) => {
    const start = memory.i32[(room >> 2) + 2 * i]!;
    return memory.u8.subarray(start, start + memory.i32[(room >> 2) + 2 * i + 1]!);
  });
  const bytes = new Uint8Array(Buffer.concat(parts));
  memory.give(room);
  return bytes;
}
