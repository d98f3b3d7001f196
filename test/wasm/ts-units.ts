import { tsCarriage } from "../../src/formats/mpegts/codecs.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import { TsWriter } from "../../wasm/mpegts.ts";
import { UnitWriter } from "../../wasm/unit-writer.ts";
import { UnitLog } from "../../wasm/units.ts";
import type { Random } from "../support/random.ts";
import type { TsMaker } from "./ts-makers.ts";

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

/** A unit with its times, ticks of its track. */
export interface MadeTimes {
  readonly bytes: Uint8Array;
  readonly pts: number;
  readonly dts: number;
  readonly isKey: boolean;
}

/** Units of a few seconds, with pictures out of order now and then. */
export function makeUnits(
  { make, isVideo, clockRate }: TsMaker,
  random: Random,
  seconds: number,
): MadeTimes[] {
  const units: MadeTimes[] = [];
  let time = 0;
  for (let i = 0; time < seconds * clockRate; i++) {
    const { bytes, isKey, ticks } = make(random, i);
    const dts = Math.round(time);
    units.push({ bytes, isKey, dts, pts: dts + (isVideo ? ticks * random.below(3) : 0) });
    time += ticks;
  }
  return units;
}

/** The packets of some tracks, written in stretches of a quarter of a second, with what lies between the stretches. */
export function mux(
  memory: MediaMemory,
  tracks: readonly { readonly maker: TsMaker; readonly units: readonly MadeTimes[] }[],
  repeatMs: number,
): Uint8Array {
  const writer = TsWriter.open(memory, repeatMs)!;
  const input = UnitWriter.open(memory)!;
  const logs = tracks.map(
    ({ maker }) =>
      UnitLog.open(memory, { format: 0, clockRate: maker.clockRate, frameTicks: 0, reorderDepth: 0 })!,
  );
  writer.setUp(
    tracks.map(({ maker }, i) => ({
      units: logs[i]!,
      pid: 256 + i,
      hasClock: i === 0,
      ...tsCarriage(maker.codec)!,
    })),
  );
  const parts: Buffer[] = [];
  const next = tracks.map(() => 0);
  for (let end = 0.25; next.some((at, i) => at < tracks[i]!.units.length); end += 0.25) {
    const from = logs.map((log) => log.headSeq);
    tracks.forEach(({ maker, units }, i) => {
      for (let unit = units[next[i]!]; unit !== undefined; unit = units[next[i]!]) {
        if (unit.dts >= end * maker.clockRate) break;
        input.write(logs[i]!, unit.bytes, unit);
        next[i]! += 1;
      }
    });
    const ranges = logs.map((units, i) => ({
      units,
      id: i,
      isVideo: tracks[i]!.maker.isVideo,
      from: from[i]!,
      to: units.headSeq,
      origin: 0,
      endDts: 0,
    }));
    parts.push(Buffer.concat(writer.write(ranges, end === 0.25)!));
    for (const log of logs) log.trim(log.headSeq);
  }
  for (const log of logs) log.close();
  input.close();
  writer.close();
  return new Uint8Array(Buffer.concat(parts));
}
