import { ProtocolError } from "../../src/lib/errors.ts";
import { RtpLog } from "../../wasm/log.ts";
import { Packetizer } from "../../wasm/packetizer.ts";
import { UnitWriter } from "../../wasm/unit-writer.ts";
import { UnitLog } from "../../wasm/units.ts";
import { Random } from "../support/random.ts";
import { loadBuild } from "../wasm/builds.ts";
import { checkReturned, same } from "../wasm/compare.ts";
import { LogView } from "../wasm/log-view.ts";
import { readRtp } from "../wasm/twin/packet.ts";
import { packetizeTwin, type TwinUnit } from "../wasm/twin/packetizer.ts";
import { MAKERS } from "../wasm/unit-makers.ts";

/** Units of any bytes: the packets are those of the twin, whatever is in them. */
export const name = "packetizer";

const memory = loadBuild("fuzz", 128);
const CLOCK_RATE = 90_000;

/** A byte of codec, one of packet size, then units: a byte of flags, two of size, the unit. */
export const seeds: Uint8Array[] = MAKERS.flatMap((maker, i) => {
  const random = new Random(i + 1);
  return [100, 900, 3_000].map((size) => {
    const units = [1, 2, 3].flatMap(() => {
      const isKey = random.chance(0.5);
      const unit = maker.make(random, size, isKey);
      return [Number(isKey), unit.length >> 8, unit.length & 255, ...unit];
    });
    return new Uint8Array([i, random.below(256), ...units]).slice(0, 16_000);
  });
});

export function run(input: Uint8Array): void {
  const { format, kind, frameTicks, sampleBytes = 1 } = MAKERS[(input[0] ?? 0) % MAKERS.length]!;
  const maxPacket = 128 + Math.min((input[1] ?? 0) * 6, 1_344);
  const setup = { format, clockRate: CLOCK_RATE, frameTicks, reorderDepth: 0, sampleBytes };
  const track = { kinds: new Map([[96, kind]]), clockRate: CLOCK_RATE, paramsKnown: 0 };
  const log = RtpLog.open(memory, { tracks: [track], lagPackets: 64, maxPacket })!;
  const view = new LogView(memory, log);
  const units = UnitLog.open(memory, setup)!;
  const writer = UnitWriter.open(memory)!;
  const packetizer = Packetizer.open(memory, log, [{ units, setup, payloadType: 96, seq: 1, ssrc: 1 }])!;
  let mood = "";
  try {
    const list = unitsOf(input.subarray(2), frameTicks);
    for (const unit of list) writer.write(units, unit.bytes, unit);
    if (packetizer.pump(1) !== undefined) throw new Error("the packetizer did not go on");
    const packets = view.take().map(({ bytes }) => {
      if (bytes.length > 4 + maxPacket) throw new Error(`a packet of ${bytes.length} bytes`);
      const { marker, time } = readRtp(bytes.subarray(4))!;
      return { payload: bytes.slice(16), marker, time };
    });
    if (log.takeEvents() !== undefined) throw new Error("the log did not take a packet");
    const expected = packetizeTwin(list, { format, room: maxPacket - 12, frameTicks, sampleBytes }, 0);
    same(packets, expected, "packets");
    const counts = [MAKERS.findIndex((maker) => maker.format === format), list.length, packets.length];
    mood = [...counts, packetizer.dropped]
      .map((count) => String.fromCharCode(97 + Math.min(count, 12)))
      .join("");
  } finally {
    packetizer.close();
    writer.close();
    units.close();
    view.close();
    log.close();
  }
  checkReturned(memory);
  throw new ProtocolError(mood);
}

function unitsOf(input: Uint8Array, frameTicks: number): TwinUnit[] {
  const units: TwinUnit[] = [];
  let dts = 0;
  for (let at = 0; at + 3 < input.length; ) {
    const flags = input[at]!;
    const size = Math.min(((input[at + 1]! << 8) | input[at + 2]!) % 16_000, input.length - at - 3);
    const bytes = input.subarray(at + 3, at + 3 + size);
    at += 3 + size;
    if (size === 0) continue;
    units.push({ bytes, isKey: (flags & 1) === 1, pts: dts + (flags & 6), dts });
    dts += frameTicks + ((flags & 8) === 0 ? 0 : 50);
  }
  return units;
}
