import { afterEach, describe, expect, test } from "bun:test";
import { PartWriter } from "../../wasm/units.ts";
import { Random } from "../support/random.ts";
import { BUILDS, loadBuild, SEED } from "./builds.ts";
import { checkReturned } from "./compare.ts";
import { CODECS, type Codec } from "./twin/packetize.ts";
import { AUDIO_CODECS } from "./twin/packetize-audio.ts";
import { VIDEO_CODECS } from "./twin/packetize-video.ts";
import { FRAME_TICKS, UnitBench } from "./unit-bench.ts";

for (const build of BUILDS) {
  describe(`parts of units, ${build}`, () => {
    const memory = loadBuild(build, 512);
    afterEach(() => checkReturned(memory));

    for (const codec of [...CODECS, ...AUDIO_CODECS, ...VIDEO_CODECS]) {
      test(`${codec.name}: parts cut between any two packets change no unit (seed ${SEED})`, () => {
        const random = new Random(SEED + 2);
        const frames = Array.from({ length: 40 }, () => codec.make(random));
        const writer = PartWriter.open(memory)!;
        const [whole, cut] = [false, true].map((isCut) => {
          using bench = new UnitBench(memory, codec);
          const { units } = bench;
          const part = () => {
            bench.pull();
            const range = { units, id: 1, isVideo: true, from: 0, to: units.headSeq, origin: 0, endDts: 1e9 };
            if (isCut) expect(writer.write([range], 1)).toBeDefined();
          };
          for (const [i, { payloads }] of frames.entries()) {
            bench.send(payloads, i * 10 * FRAME_TICKS, -1, part);
            bench.now += 333;
          }
          return bench.all();
        });
        writer.close();
        expect(whole!.length).toBeGreaterThan(20);
        expect(cut).toEqual(whole!);
      });
    }

    test("a part has the units of its tracks in order, and says where they are", () => {
      const [h264] = CODECS as [Codec];
      const random = new Random(SEED);
      using bench = new UnitBench(memory, h264);
      const frames = Array.from({ length: 20 }, () => h264.make(random));
      for (const [i, frame] of frames.entries()) {
        bench.send(frame.payloads, 900_000 + i * FRAME_TICKS);
        bench.now += 33;
      }
      bench.pull();
      const { units } = bench;
      const writer = PartWriter.open(memory)!;
      const views = writer.write(
        [
          {
            units,
            id: 1,
            isVideo: true,
            from: 0,
            to: units.headSeq,
            origin: 900_000,
            endDts: 900_000 + 20 * FRAME_TICKS,
          },
        ],
        5,
      )!;
      const part = new Uint8Array(Buffer.concat(views));
      const view = new DataView(part.buffer);
      const moof = view.getUint32(0);
      const expected = frames.map(({ units: [unit] }) => unit!.bytes).filter(({ length }) => length > 0);
      expect(Buffer.from(part.subarray(moof + 8)).equals(Buffer.concat(expected))).toBe(true);
      expect(view.getUint32(moof)).toBe(part.length - moof);
      const trun = Buffer.from(part).indexOf("trun") - 4;
      expect(view.getUint32(trun + 12)).toBe(expected.length);
      expect(view.getUint32(trun + 16)).toBe(moof + 8);
      expected.forEach(({ length }, i) => {
        expect(view.getUint32(trun + 20 + 16 * i)).toBe(FRAME_TICKS);
        expect(view.getUint32(trun + 24 + 16 * i)).toBe(length);
      });
      writer.close();
    });

    test("what goes in front of a part becomes part of its first unit, and what follows moves", () => {
      const [h264] = CODECS as [Codec];
      const random = new Random(SEED);
      using bench = new UnitBench(memory, h264);
      for (let i = 0; i < 5; i++) {
        bench.send(h264.make(random).payloads, 900_000 + i * FRAME_TICKS);
        bench.now += 33;
      }
      bench.pull();
      const { units } = bench;
      const writer = PartWriter.open(memory)!;
      const range = { units, isVideo: true, from: 0, to: units.headSeq, origin: 900_000, endDts: 950_000 };
      const ranges = [
        { ...range, id: 1 },
        { ...range, id: 2 },
      ];
      const front = new Uint8Array([0, 0, 0, 2, 0x67, 1]);
      const plain = Buffer.concat(writer.write(ranges, 1)!);
      const fronted = Buffer.concat(writer.write(ranges, 1, front)!);
      const moof = plain.readUInt32BE(0);
      const [first, second] = [plain.indexOf("trun") - 4, plain.lastIndexOf("trun") - 4];
      const grown = (at: number) => fronted.readUInt32BE(at) - plain.readUInt32BE(at);
      const [offset, size] = [16, 24]; // in a trun: of its data, and of the first sample
      const places = [moof, first + offset, first + size, second + offset, second + size];
      expect(places.map(grown)).toEqual([6, 0, 6, 6, 0]);
      expect(fronted.readUInt32BE(moof)).toBe(fronted.length - moof);
      const media = Buffer.concat([front, plain.subarray(moof + 8)]);
      expect(fronted.subarray(moof + 8).equals(media)).toBe(true);
      writer.close();
    });
  });
}
