import {
  UNITS_AV1,
  UNITS_GENERIC,
  UNITS_LATM,
  UNITS_MPEG12_AUDIO,
  UNITS_SAMPLES,
} from "../../assembly/abi.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import { LogCursor } from "../../wasm/cursor.ts";
import { RtpLog } from "../../wasm/log.ts";
import { Packetizer } from "../../wasm/packetizer.ts";
import { UnitLog, UnitPull } from "../../wasm/units.ts";
import { AAC, type Codec } from "../wasm/twin/packetize.ts";
import { obusOf } from "../wasm/twin/packetizer-av1-vp.ts";

const CLOCK_RATE = 90_000;

/**
 * Packetizes units that came out of a depacketizer, and makes units of the packets: they must be the same.
 *
 * @returns units that no packet could carry
 */
export function packetizeAgain(
  memory: MediaMemory,
  units: UnitLog,
  { format, kind }: Codec,
  maxPacket: number,
): number {
  const track = { kinds: new Map([[96, kind]]), clockRate: CLOCK_RATE, paramsKnown: 0 };
  // what comes in LATM are frames of AAC
  const carried = format === UNITS_LATM ? UNITS_GENERIC : format;
  const setup = { format: carried, clockRate: CLOCK_RATE, reorderDepth: 0, sampleBytes: 2, ...AAC };
  const log = RtpLog.open(memory, { tracks: [track], lagPackets: 64, maxPacket })!;
  const cursor = LogCursor.open(memory, { log: log.address, tracks: 1, channels: [0] })!;
  const back = UnitLog.open(memory, setup)!;
  const pull = UnitPull.open(memory, cursor, [back])!;
  const sent = bytesOf(memory, units);
  const packetizer = Packetizer.open(memory, log, [{ units, setup, payloadType: 96, seq: 65_530, ssrc: 1 }])!;
  try {
    if (packetizer.pump(1) !== undefined) throw new Error("the packetizer did not go on");
    while (pull.pull());
    if (log.takeEvents() !== undefined) throw new Error("the log did not take a packet");
    const came = bytesOf(memory, back);
    if (packetizer.dropped === 0 && back.malformed === 0) compare(sent, came, carried);
    if (back.malformed > 0 && !isFreeFormat(sent, carried)) throw new Error("a packet that makes no sense");
    return packetizer.dropped;
  } finally {
    packetizer.close();
    pull.close();
    back.close();
    cursor.close();
    log.close();
  }
}

/** Every unit of a log. */
function bytesOf(memory: MediaMemory, units: UnitLog): Uint8Array[] {
  const room = memory.take(16_384)!;
  const found: Uint8Array[] = [];
  for (let at = 0; units.find(at); at += units.entries) {
    const count = memory.core.unitSpans(units.address, at, at + units.entries, room, 2_000);
    const pairs = memory.i32.slice(room >> 2, (room >> 2) + 2 * count);
    const parts = Array.from({ length: count }, (_, i) => {
      const start = pairs[2 * i]!;
      return memory.u8.subarray(start, start + pairs[2 * i + 1]!);
    });
    found.push(new Uint8Array(Buffer.concat(parts)));
  }
  memory.give(room);
  return found;
}

function compare(sent: readonly Uint8Array[], came: readonly Uint8Array[], format: number): void {
  if (isFreeFormat(sent, format)) return;
  const [all = [], again = []] =
    format === UNITS_SAMPLES
      ? [[Buffer.concat(sent)], [Buffer.concat(came)]]
      : [sent, came].map((list) =>
          list.map((unit) => plain(unit, format)).filter(({ length }) => length > 0),
        );
  if (all.length !== again.length) throw new Error(`${again.length} of ${all.length} units came`);
  all.forEach((unit, i) => {
    if (Buffer.compare(unit, again[i]!) !== 0) throw new Error(`unit ${i} has changed`);
  });
}

/** A unit without what may differ: how the sizes of OBUs are written. */
function plain(unit: Uint8Array, format: number): Uint8Array {
  if (format !== UNITS_AV1) return unit;
  return new Uint8Array(Buffer.concat(obusOf(unit).flatMap((obu) => [Buffer.from([obu.length & 255]), obu])));
}

/** Frames of MPEG-1/2 Audio whose size their header does not say. */
function isFreeFormat(units: readonly Uint8Array[], format: number): boolean {
  return format === UNITS_MPEG12_AUDIO && units.some((unit) => unit[2]! >> 4 === 0);
}
