import type { MediaMemory } from "../../wasm/core.ts";
import type { UnitLog } from "../../wasm/units.ts";

/** A unit, copied. */
export interface TakenUnit {
  readonly bytes: Uint8Array;
  readonly isKey: boolean;
  readonly pts: number;
  readonly dts: number;
}

/** All units of a log from its first entry on. */
export function takeUnits(memory: MediaMemory, log: UnitLog, from = 0): TakenUnit[] {
  const room = memory.take(16_384)!;
  const units: TakenUnit[] = [];
  for (let at = from; log.find(at); at += log.entries) {
    const count = memory.core.unitSpans(log.address, at, at + log.entries, room, 2_000);
    const parts = Array.from({ length: count }, (_, i) => {
      const start = memory.i32[(room >> 2) + 2 * i]!;
      return memory.u8.subarray(start, start + memory.i32[(room >> 2) + 2 * i + 1]!);
    });
    const { isKey, pts, dts } = log;
    units.push({ bytes: new Uint8Array(Buffer.concat(parts)), isKey, pts, dts });
  }
  memory.give(room);
  return units;
}
