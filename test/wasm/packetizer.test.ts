import { afterEach, describe, expect, test } from "bun:test";
import { MAX_FRAME_BYTES, UNITS_SAMPLES } from "../../assembly/abi.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import { LogCursor } from "../../wasm/cursor.ts";
import { RtpLog } from "../../wasm/log.ts";
import { Packetizer } from "../../wasm/packetizer.ts";
import { UnitWriter } from "../../wasm/unit-writer.ts";
import { UnitLog, UnitPull } from "../../wasm/units.ts";
import { Random } from "../support/random.ts";
import { BUILDS, loadBuild, SEED } from "./builds.ts";
import { checkReturned, same } from "./compare.ts";
import { LogView } from "./log-view.ts";
import { readRtp } from "./twin/packet.ts";
import { packetizeTwin, type TwinPacket, type TwinUnit } from "./twin/packetizer.ts";
import { MAKERS, type UnitMaker } from "./unit-makers.ts";

const CLOCK_RATE = 90_000;
const GENERIC = { sizeBits: 13, indexBits: 3, deltaBits: 3 };

/** Units of one track on their way through a packetizer, and through a depacketizer back to units. */
class Loop implements Disposable {
  readonly out: UnitLog;
  readonly log: RtpLog;
  readonly packetizer: Packetizer;
  readonly #memory: MediaMemory;
  readonly #in: UnitLog;
  readonly #writer: UnitWriter;
  readonly #view: LogView;
  readonly #cursor: LogCursor;
  readonly #pull: UnitPull;
  #at = 0;
  #seq = 65_500;
  now = 1_000;

  constructor(memory: MediaMemory, maker: UnitMaker, maxPacket: number) {
    const { format, kind, frameTicks, sampleBytes = 1 } = maker;
    const maxBytes = MAX_FRAME_BYTES;
    const common = { clockRate: CLOCK_RATE, frameTicks, reorderDepth: 0, sampleBytes, maxBytes };
    const setup = { format, ...common, ...GENERIC };
    const track = { kinds: new Map([[97, kind]]), clockRate: CLOCK_RATE, paramsKnown: 0 };
    this.#memory = memory;
    this.log = RtpLog.open(memory, { tracks: [track], lagPackets: 64, maxPacket })!;
    this.#view = new LogView(memory, this.log);
    this.#cursor = LogCursor.open(memory, { log: this.log.address, tracks: 1, channels: [0] })!;
    this.#in = UnitLog.open(memory, setup)!;
    this.out = UnitLog.open(memory, setup)!;
    this.#writer = UnitWriter.open(memory)!;
    this.#pull = UnitPull.open(memory, this.#cursor, [this.out])!;
    const row = { units: this.#in, setup, payloadType: 97, seq: this.#seq, ssrc: 0xfeed_cafe };
    this.packetizer = Packetizer.open(memory, this.log, [row])!;
  }

  /** Units that wait in the first log keep blocks there. */
  get blocksWaiting(): number {
    return this.#in.blocks;
  }

  write(unit: TwinUnit): void {
    expect(this.#writer.write(this.#in, unit.bytes, unit)).toBe(true);
  }

  /** Packetizes what was written; returns the packets, checked in all that no codec decides. */
  pump(limit?: number): TwinPacket[] {
    const fault = this.packetizer.pump(this.now, limit === undefined ? undefined : [limit]);
    expect(fault).toBeUndefined();
    return this.#view.take().map(({ bytes }) => {
      const { payloadType, marker, seq, time, ssrc, header, padded } = readRtp(bytes.subarray(4))!;
      const facts = [bytes[0], bytes[1], payloadType, seq, ssrc, header, padded];
      same(facts, [0x24, 0, 97, this.#seq & 0xffff, 0xfeed_cafe, 12, false], "the header of a packet");
      this.#seq += 1;
      return { payload: bytes.slice(16), marker, time };
    });
  }

  /** The units that a depacketizer makes of the packets. */
  depacketized(): { bytes: Uint8Array; isKey: boolean; pts: number }[] {
    while (this.#pull.pull());
    this.log.trim(this.log.headSeq);
    const units: { bytes: Uint8Array; isKey: boolean; pts: number }[] = [];
    while (this.out.find(this.#at)) {
      const { entries, isKey, pts } = this.out;
      units.push({ bytes: this.#bytes(this.#at, this.#at + entries), isKey, pts });
      this.#at += entries;
      this.out.trim(this.#at);
    }
    return units;
  }

  #bytes(from: number, to: number): Uint8Array {
    const room = this.#memory.take(16_384)!;
    const count = this.#memory.core.unitSpans(this.out.address, from, to, room, 2_000);
    const parts = Array.from({ length: count }, (_, i) => {
      const [start = 0, size = 0] = this.#memory.i32.subarray((room >> 2) + 2 * i, (room >> 2) + 2 * i + 2);
      return this.#memory.u8.subarray(start, start + size);
    });
    const bytes = new Uint8Array(Buffer.concat(parts));
    this.#memory.give(room);
    return bytes;
  }

  [Symbol.dispose](): void {
    this.packetizer.close();
    this.#writer.close();
    this.#pull.close();
    this.#in.close();
    this.out.close();
    this.#cursor.close();
    this.#view.close();
    this.log.close();
  }
}

/** Sizes from one byte to two megabytes, mostly small. */
function sizeOf(random: Random): number {
  if (random.chance(0.01)) return random.between(100_000, 2_000_000);
  if (random.chance(0.3)) return random.between(1_000, 20_000);
  return random.chance(0.2) ? random.between(1, 20) : random.between(1, 1_600);
}

/** Sends units through in small groups, and compares packets and what is made of them. */
function run(loop: Loop, maker: UnitMaker, maxPacket: number, random: Random, count: number): void {
  const { format, frameTicks, sampleBytes = 1, most, normal } = maker;
  const track = { format, room: maxPacket - 12, frameTicks, sampleBytes };
  let dts = 0xffff_f000;
  let picture = 0;
  for (let done = 0; done < count; ) {
    const units = Array.from({ length: random.between(1, 4) }, () => {
      const isKey = random.chance(0.3);
      const bytes = maker.make(random, Math.min(sizeOf(random), most?.(track.room) ?? 2_000_000), isKey);
      const samples = format === UNITS_SAMPLES ? bytes.length / sampleBytes : frameTicks;
      const unit = { bytes, isKey, dts, pts: dts };
      dts += random.chance(0.8) ? samples : samples + 5;
      return unit;
    });
    for (const unit of units) loop.write(unit);
    const packets = loop.pump();
    same(packets, packetizeTwin(units, track, picture), "packets");
    picture += units.length;
    done += units.length;
    loop.now += (1000 * frameTicks * units.length) / CLOCK_RATE;
    const came = loop.depacketized();
    const expected = units.map(({ bytes }) => normal?.(bytes) ?? bytes);
    const joined =
      format === UNITS_SAMPLES
        ? [Buffer.concat(came.map(({ bytes }) => bytes))]
        : came.map(({ bytes }) => bytes);
    const wanted = format === UNITS_SAMPLES ? [Buffer.concat(expected)] : expected;
    same(joined.length, wanted.length, "number of units");
    for (const [i, bytes] of joined.entries())
      same(Buffer.compare(bytes, wanted[i]!), 0, `unit ${i} of ${bytes.length} bytes`);
    if (format === UNITS_SAMPLES) continue;
    for (const [i, { pts }] of came.entries()) same(pts, units[i]!.pts, "time");
  }
  same([loop.out.dropped, loop.out.malformed, loop.packetizer.dropped], [0, 0, 0], "dropped");
  expect(loop.blocksWaiting).toBeLessThanOrEqual(1);
}

test(`every size of packet from 128 to 1472 bytes, of a third of the codecs each (seed ${SEED})`, () => {
  const memory = loadBuild("release", 512);
  const random = new Random(SEED + 2);
  for (let maxPacket = 128; maxPacket <= 1_472; maxPacket++) {
    for (const [i, maker] of MAKERS.entries()) {
      if ((maxPacket + i + SEED) % 3 !== 0) continue;
      using loop = new Loop(memory, maker, maxPacket);
      run(loop, maker, maxPacket, random, 6);
    }
  }
  checkReturned(memory);
}, 120_000);

for (const build of BUILDS) {
  describe(`packetizer, ${build}`, () => {
    const memory = loadBuild(build, 512);
    afterEach(() => checkReturned(memory));

    for (const maker of MAKERS) {
      test(`${maker.name}: packets are the twin's, and become the same units again (seed ${SEED})`, () => {
        const random = new Random(SEED);
        for (const maxPacket of [128, 129, 1_200, 1_460, 1_472]) {
          using loop = new Loop(memory, maker, maxPacket);
          run(loop, maker, maxPacket, random, build === "debug" ? 60 : 200);
        }
      }, 60_000);
    }

    test("a unit that no packet can carry is left out, and counted", () => {
      const cases = [
        ["AAC", 8_192],
        ["Opus", 1_449],
        ["MPEG-1/2 Audio", 65_536],
        ["AC-3", 255 * 1_446 + 1],
      ] as const;
      for (const [name, size] of cases) {
        const maker = MAKERS.find((each) => each.name === name)!;
        using loop = new Loop(memory, maker, 1_460);
        loop.write({ bytes: new Uint8Array(size), isKey: true, pts: 0, dts: 0 });
        const bytes = maker.make(new Random(SEED), 100, true);
        loop.write({ bytes, isKey: true, pts: 50_000, dts: 50_000 });
        expect(loop.pump().map(({ time }) => time)).toEqual([50_000]);
        expect(loop.packetizer.dropped).toBe(1);
        expect(loop.depacketized().map((unit) => [...unit.bytes])).toEqual([[...bytes]]);
      }
    });

    test("times keep their place in 32 bits, whatever they are", () => {
      const opus = MAKERS.find(({ name }) => name === "Opus")!;
      using loop = new Loop(memory, opus, 1_460);
      const times = [
        -1,
        0.4,
        0.5,
        4_294_967_295.4,
        4_294_967_296,
        1e15 + 3,
        -(2 ** 40),
        Number.NaN,
        Infinity,
      ];
      for (const pts of times) loop.write({ bytes: new Uint8Array(9), isKey: true, pts, dts: 0 });
      const expected = [2 ** 32 - 1, 0, 1, 2 ** 32 - 1, 0, (1e15 + 3) % 2 ** 32, 0, 0, 0];
      expect(loop.pump().map(({ time }) => time)).toEqual(expected);
    });
  });
}
