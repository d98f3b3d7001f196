import { afterEach, describe, expect, test } from "bun:test";
import { UnitWriter } from "../../wasm/unit-writer.ts";
import { UnitLog } from "../../wasm/units.ts";
import { Random } from "../support/random.ts";
import { BUILDS, loadBuild, SEED } from "./builds.ts";
import { checkReturned } from "./compare.ts";
import { CODECS, type Codec } from "./twin/packetize.ts";
import { AUDIO_CODECS } from "./twin/packetize-audio.ts";
import { VIDEO_CODECS } from "./twin/packetize-video.ts";
import { CLOCK_RATE, FRAME_TICKS, UnitBench } from "./unit-bench.ts";

for (const build of BUILDS) {
  describe(`limits of units, ${build}`, () => {
    const memory = loadBuild(build, 512);
    afterEach(() => checkReturned(memory));

    for (const codec of [...CODECS, ...AUDIO_CODECS, ...VIDEO_CODECS]) {
      test(`${codec.name}: a unit that is too large is left out, alone, and counted (seed ${SEED})`, () => {
        const random = new Random(SEED + 3);
        const maxBytes = 1_000;
        using bench = new UnitBench(memory, { ...codec, setup: { ...codec.setup, maxBytes } });
        let oversized = 0;
        for (let i = 0; i < 100; i++) {
          const frame = codec.make(random);
          bench.send(frame.payloads, i * 10 * FRAME_TICKS, -1, () => {
            bench.pull();
            expect(bench.units.blocks).toBeLessThanOrEqual(2);
          });
          const units = frame.units.filter(({ bytes }) => bytes.length > 0);
          for (const { bytes } of units.filter(({ bytes: { length } }) => length <= maxBytes)) {
            expect(Buffer.compare(bench.take()!.bytes, bytes)).toBe(0);
          }
          expect(bench.take()).toBeUndefined();
          oversized += units.filter(({ bytes }) => bytes.length > maxBytes).length;
          bench.now += 333;
        }
        const { units } = bench;
        expect([units.oversized, units.dropped, units.malformed]).toEqual([oversized, oversized, 0]);
      }, 30_000);
    }

    test("sound whose unit never ends takes no more than 64 KB, says so, and goes on with the next unit", () => {
      const bytes = new Uint8Array(1_400);
      const aac = new Uint8Array([0, 16, 0xff, 0xf8, ...bytes]);
      const endless: Readonly<Record<string, readonly [first: Uint8Array, piece: Uint8Array]>> = {
        AAC: [aac, aac],
        "AC-3": [new Uint8Array([1, 255, ...bytes]), new Uint8Array([3, 255, ...bytes])],
        "LATM, configuration in the description": [bytes.slice().fill(255, 0, 600), bytes],
      };
      const random = new Random(SEED);
      for (const [name, [first, piece]] of Object.entries(endless)) {
        const codec = [...CODECS, ...AUDIO_CODECS].find((each) => each.name === name)!;
        using bench = new UnitBench(memory, codec);
        bench.hold = true;
        bench.send([first], 0);
        for (let i = 0; i < 500; i++) {
          bench.send([piece], 0);
          bench.pull();
          expect(bench.units.blocks).toBeLessThanOrEqual(2);
        }
        bench.hold = false;
        expect(bench.units.oversized).toBe(1);
        expect(bench.log.takeEvents()).toMatchObject({
          bits: memory.core.EVENT_UNIT_OVERSIZED.value,
          track: 0,
          expected: 65_536,
        });
        bench.now += 333;
        const frame = codec.make(random);
        bench.send(frame.payloads, 30_000);
        bench.pull();
        for (const { bytes } of frame.units) expect(bench.take()!.bytes).toEqual(bytes);
        expect([bench.units.oversized, bench.units.dropped]).toEqual([1, 1]);
      }
    });

    test("a picture takes no more than 16 MB, whatever its packets become", () => {
      using bench = new UnitBench(memory, CODECS[0]!);
      const nals = Uint8Array.from({ length: 1_400 }, (_, i) => [0, 1, 0x41][i % 3]!);
      const payload = new Uint8Array([0x78, ...nals]);
      bench.hold = true;
      for (let i = 0; i < 9_000; i++) {
        bench.send([payload], 0);
        bench.pull();
      }
      bench.hold = false;
      bench.send([payload], 0);
      bench.pull();
      expect(bench.take()).toBeUndefined();
      expect([bench.units.oversized, bench.units.dropped, bench.units.malformed]).toEqual([1, 1, 0]);
      expect(bench.log.takeEvents()).toMatchObject({ expected: 16_777_216 });
      bench.send([new Uint8Array([0x41, 1])], 3_000);
      bench.pull();
      expect(bench.take()?.bytes).toEqual(new Uint8Array([0, 0, 0, 2, 0x41, 1]));
    }, 20_000);

    test("an AU whose size is beyond all bounds is no unit", () => {
      const aac = CODECS.find(({ name }) => name === "AAC")!;
      const fields = { sizeBits: 32, indexBits: 0, deltaBits: 0 };
      for (const size of [
        [0xff, 0xff, 0xff, 0xfb],
        [0x7f, 0xff, 0xff, 0xff],
        [0x80, 0, 0, 0],
      ]) {
        using bench = new UnitBench(memory, { ...aac, setup: fields });
        bench.send([new Uint8Array([0, 64, ...size, 0, 0, 0, 1, 9, 9])], 0);
        bench.pull();
        expect([bench.units.malformed, bench.units.headSeq, bench.units.blocks]).toEqual([1, 0, 0]);
      }
    });

    test("a unit that is written is refused when it is too large, and the next one is taken", () => {
      const setup = { format: 0, clockRate: CLOCK_RATE, frameTicks: 0, reorderDepth: 0, maxBytes: 300_000 };
      const units = UnitLog.open(memory, setup)!;
      const writer = UnitWriter.open(memory)!;
      const write = (size: number, dts: number) =>
        writer.write(units, new Uint8Array(size), { pts: dts, dts, isKey: true });
      expect([write(300_001, 1), write(300_000, 2), write(1, 3)]).toEqual([false, true, true]);
      expect([units.oversized, units.dropped]).toEqual([1, 1]);
      expect([units.find(0), units.size, units.dts]).toEqual([true, 300_000, 2]);
      writer.close();
      units.close();
    });

    test("what a unit has taken is given back at once when there is no memory for the rest", () => {
      const small = loadBuild(build, 12);
      const setup = { format: 0, clockRate: CLOCK_RATE, frameTicks: 0, reorderDepth: 0 };
      const units = UnitLog.open(small, setup)!;
      const writer = UnitWriter.open(small)!;
      expect(writer.write(units, new Uint8Array(2_000_000), { pts: 0, dts: 0, isKey: true })).toBe(false);
      expect([units.blocks, units.dropped, units.oversized]).toEqual([1, 1, 0]);
      writer.close();
      units.close();
      checkReturned(small);
    });

    test("without memory units are dropped, and come again when there is some", () => {
      const small = loadBuild(build, 12);
      const [h264] = CODECS as [Codec];
      {
        using bench = new UnitBench(small, h264);
        const large = new Uint8Array(900_000).fill(3);
        large[0] = 0x65;
        const pieces = Array.from({ length: 700 }, (_, i) =>
          large.subarray(1 + i * 1_280, 1 + (i + 1) * 1_280),
        );
        const fragments = pieces.map((piece, i) => {
          const flags = (i === 0 ? 0x80 : 0) | (i === pieces.length - 1 ? 0x40 : 0);
          return new Uint8Array([0x7c, flags | 5, ...piece]);
        });
        for (let i = 0; i < 3; i++) {
          bench.send(fragments.slice(0, 400), 1_000 + i);
          bench.pull();
        }
        bench.send([new Uint8Array([0x41, 1, 2, 3])], 50_000);
        bench.pull();
        while (bench.take() !== undefined);
        bench.send([new Uint8Array([0x41, 4, 5, 6])], 53_000);
        bench.pull();
        expect(bench.take()?.bytes).toEqual(new Uint8Array([0, 0, 0, 4, 0x41, 4, 5, 6]));
      }
      checkReturned(small);
    });
  });
}
