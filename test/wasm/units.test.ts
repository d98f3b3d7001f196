import { afterEach, describe, expect, test } from "bun:test";
import { Random } from "../support/random.ts";
import { BUILDS, loadBuild, SEED } from "./builds.ts";
import { checkReturned } from "./compare.ts";
import { CODECS, type Codec } from "./twin/packetize.ts";
import { AUDIO_CODECS } from "./twin/packetize-audio.ts";
import { CLOCK_RATE, FRAME_TICKS, UnitBench } from "./unit-bench.ts";

for (const build of BUILDS) {
  describe(`units, ${build}`, () => {
    const memory = loadBuild(build, 512);
    afterEach(() => checkReturned(memory));

    for (const codec of [...CODECS, ...AUDIO_CODECS]) {
      test(`${codec.name}: what was packetized comes out, across blocks and wraps (seed ${SEED})`, () => {
        const random = new Random(SEED);
        using bench = new UnitBench(memory, codec);
        let time = 0xffff_f000;
        for (let i = 0; i < 300; i++) {
          const frame = codec.make(random);
          bench.send(frame.payloads, time);
          bench.pull();
          for (const { bytes, isKey, offset } of frame.units.filter((unit) => unit.bytes.length > 0)) {
            const unit = bench.take();
            expect(unit).toBeDefined();
            expect(Buffer.compare(unit!.bytes, bytes)).toBe(0);
            expect([unit!.isKey, unit!.pts]).toEqual([isKey, time + offset]);
            expect(unit!.dts).toBeLessThanOrEqual(unit!.pts);
          }
          expect(bench.take()).toBeUndefined();
          // longer than what a packet has of any codec
          time += 10 * FRAME_TICKS;
          bench.now += 333;
        }
        expect([bench.units.dropped, bench.units.malformed, bench.units.jumps]).toEqual([0, 0, 0]);
        expect(bench.units.blocks).toBeLessThanOrEqual(2);
      }, 30_000);

      test(`${codec.name}: a unit of which something is missing is left out, alone (seed ${SEED})`, () => {
        const random = new Random(SEED + 1);
        using bench = new UnitBench(memory, codec);
        let sent = 0;
        let came = 0;
        for (let i = 0; i < 200; i++) {
          const frame = codec.make(random);
          const isLost = i % 3 === 1;
          const time = 5_000 + i * 4 * FRAME_TICKS;
          bench.send(frame.payloads, time, isLost ? random.below(frame.payloads.length) : -1);
          bench.pull();
          const whole = isLost ? [] : frame.units.filter((unit) => unit.bytes.length > 0);
          sent += whole.length;
          for (let unit = bench.take(); unit !== undefined; unit = bench.take()) {
            const match = whole.find(({ bytes }) => Buffer.compare(bytes, unit!.bytes) === 0);
            // without its last packet a frame ends where the next begins, as if it were whole
            if (match !== undefined) came += 1;
          }
          bench.now += 133;
        }
        expect(came / sent).toBeGreaterThan(0.6);
        expect(bench.units.blocks).toBeLessThanOrEqual(3);
      }, 30_000);
    }

    test("a configuration of LATM that comes in band is kept", () => {
      const inBand = AUDIO_CODECS.find(({ name }) => name.endsWith("in band"))!;
      using bench = new UnitBench(memory, inBand);
      const random = new Random(SEED);
      expect(bench.units.audioConfig).toBeUndefined();
      const seen = new Set<string>();
      for (let i = 0; i < 20; i++) {
        bench.send(inBand.make(random).payloads, i * 30_000);
        bench.pull();
        seen.add(Buffer.from(bench.units.audioConfig!).toString("hex"));
        bench.now += 333;
      }
      // the one whose length is said has two bits of filler
      expect([...seen].sort()).toEqual(["1190", "119000", "119056e59d4880"]);
    });

    test("decoding times grow, and are never later than presentation, however frames are reordered", () => {
      const [h264] = CODECS as [Codec];
      for (const depth of [0, 1, 2, 4]) {
        for (const known of [depth, 0]) {
          using bench = new UnitBench(memory, h264, known);
          const order: number[] = [];
          // mini groups: a reference, then the frames that are shown before it
          for (let first = 0; first < 120; first += depth + 1) {
            order.push(first + depth, ...Array.from({ length: depth }, (_, i) => first + i));
          }
          const times = order.map((shown) => 10_000 + shown * FRAME_TICKS);
          const units = times.map((time) => {
            bench.send([new Uint8Array([0x41, 1, 2, 3])], time); // no IDR picture: nothing is shown before one

            bench.now += 33;
            bench.pull();
            return bench.take();
          });
          const seen = units.filter((unit) => unit !== undefined);
          seen.forEach(({ pts, dts }, i) => {
            if (i > 0) expect(dts).toBeGreaterThan(seen[i - 1]!.dts);
            if (known === depth || i > 2 * depth + 2) expect(dts).toBeLessThanOrEqual(pts);
          });
          const settled = seen.slice(20).map(({ dts }) => dts);
          const steps = settled.slice(1).map((dts, i) => dts - settled[i]!);
          if (known === depth) expect(Math.max(...steps)).toBeLessThanOrEqual(2 * FRAME_TICKS);
        }
      }
    });

    test("decoding times of a stream that begins with a key frame are even from the first frame on", () => {
      const [h264] = CODECS as [Codec];
      for (const depth of [0, 1, 2, 4]) {
        using bench = new UnitBench(memory, { ...h264, setup: { frameTicks: FRAME_TICKS } }, depth);
        const order = [0];
        for (let first = 1; first < 60; first += depth + 1) {
          order.push(first + depth, ...Array.from({ length: depth }, (_, i) => first + i));
        }
        const times = order.map((shown, i) => {
          bench.send([new Uint8Array([i === 0 ? 0x65 : 0x41, 1, 2, i])], 0xffff_ff00 + shown * FRAME_TICKS);
          bench.now += 33;
          bench.pull();
          return bench.take()!.dts;
        });
        expect(times.map((dts) => dts - times[0]!)).toEqual(times.map((_, i) => i * FRAME_TICKS));
      }
    });

    test("decoding times are even too where frames are shown before the first one", () => {
      const h265 = CODECS.find(({ name }) => name === "H265")!;
      using bench = new UnitBench(memory, { ...h265, setup: { frameTicks: FRAME_TICKS } }, 2);
      const order = [2, 0, 1, 5, 3, 4, 8, 6, 7];
      const times = order.map((shown, i) => {
        const slice = new Uint8Array([i === 0 ? 0x2a : 0x02, 1, 0x80, i]); // CRA, then trailing pictures
        bench.send([slice], 10_000 + shown * FRAME_TICKS);
        bench.now += 33;
        bench.pull();
        return bench.take()!.dts;
      });
      expect(times).toEqual(times.map((_, i) => 10_000 + (i - 2) * FRAME_TICKS));
    });

    if (build === "release") {
      test("thirty hours of reordered pictures: decoding times go on evenly over every wrap", () => {
        const [h264] = CODECS as [Codec];
        const step = 40_000;
        using bench = new UnitBench(memory, { ...h264, setup: { frameTicks: step } }, 2);
        const first = 0xfff0_0000;
        const slice = [new Uint8Array([0x41, 1, 2, 3])];
        let before = 0;
        let wrong = 0;
        const pictures = Math.round((30 * 3_600 * CLOCK_RATE) / step);
        for (let i = 0; i < pictures; i++) {
          // after the first, a picture and then the two that are shown before it
          const shown = i === 0 ? 0 : i % 3 === 1 ? i + 2 : i - 1;
          bench.send(slice, first + shown * step);
          bench.now += (1_000 * step) / CLOCK_RATE;
          bench.pull();
          const { pts, dts } = bench.take()!;
          // nothing says that the first picture is shown first
          const isRight = pts === first + shown * step && dts <= pts && (i < 2 || dts - before === step);
          if (!isRight) wrong += 1;
          before = dts;
        }
        expect([wrong, bench.units.jumps, bench.units.dropped]).toEqual([0, 0, 0]);
      }, 60_000);
    }

    test("a stall of the connection does not move times that go on evenly, by whatever it is longer", () => {
      const opus = CODECS.find(({ name }) => name === "Opus")!;
      for (const stall of [900, 4_999, 5_001, 60_000]) {
        using bench = new UnitBench(memory, opus);
        const random = new Random(SEED);
        let before: number | undefined;
        for (let i = 0; i < 20; i++) {
          bench.send(opus.make(random).payloads, i * FRAME_TICKS);
          bench.pull();
          const { pts } = bench.take()!;
          if (before !== undefined) expect(pts - before).toBe(FRAME_TICKS);
          before = pts;
          if (i === 9) bench.now += stall;
          else if (i < 9) bench.now += 20;
        }
        expect(bench.units.jumps).toBe(0);
      }
    });

    test("times that jump do not: arrival says how much has passed; thirty hours do not either", () => {
      const opus = CODECS.find(({ name }) => name === "Opus")!;
      using bench = new UnitBench(memory, opus);
      const random = new Random(SEED);
      let expected: number | undefined;
      let time = 0xfff0_0000;
      for (let minute = 0; minute < 30 * 60; minute += 5) {
        bench.send(opus.make(random).payloads, time);
        bench.pull();
        const { pts } = bench.take()!;
        expect(pts).toBe(expected ?? pts);
        expected = pts + 300 * CLOCK_RATE;
        time += 300 * CLOCK_RATE;
        bench.now += 300_000;
      }
      for (const jump of [1_000_000_000, -700_000_000, 90_000 * 3_600]) {
        time += jump;
        bench.send(opus.make(random).payloads, time);
        bench.pull();
        const { pts } = bench.take()!;
        expect(Math.abs(pts - expected!)).toBeLessThanOrEqual(FRAME_TICKS);
        expected = pts + 300 * CLOCK_RATE;
        time += 300 * CLOCK_RATE;
        bench.now += 300_000;
      }
      expect(bench.units.jumps).toBe(3);
    });
  });
}
