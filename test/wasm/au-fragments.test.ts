import { afterEach, describe, expect, test } from "bun:test";
import { KIND_AAC, KIND_PACKET, UNITS_GENERIC } from "../../assembly/abi.ts";
import { BUILDS, loadBuild } from "./builds.ts";
import { checkReturned } from "./compare.ts";
import { LogView } from "./log-view.ts";
import { concat, readRtp } from "./twin/packet.ts";
import type { Codec } from "./twin/packetize.ts";
import { UnitBench } from "./unit-bench.ts";

const FRAME = 1_024;

/** A packet with one AU header that says `size`. */
function payload(size: number, bytes: Uint8Array): Uint8Array {
  return concat([new Uint8Array([0, 16, size >> 5, (size & 31) << 3]), bytes]);
}

function unit(i: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, at) => (at * 7 + i) & 255);
}

/** An AU in fragments of `most` bytes, whose headers say their own size or that of the AU. */
function fragments(bytes: Uint8Array, most: number, isOwn: boolean): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / most) }, (_, i) => {
    const piece = bytes.subarray(i * most, (i + 1) * most);
    return payload(isOwn ? piece.length : bytes.length, piece);
  });
}

for (const build of BUILDS) {
  for (const kind of [KIND_AAC, KIND_PACKET]) {
    const codec: Codec = {
      name: "AAC",
      format: UNITS_GENERIC,
      kind,
      make: () => ({ payloads: [], units: [] }),
    };

    describe(`AAC in fragments, ${kind === KIND_AAC ? "rewritten" : "as it is"}, ${build}`, () => {
      const memory = loadBuild(build, 512);
      afterEach(() => checkReturned(memory));

      for (const isOwn of [true, false]) {
        test(`headers with the size of the ${isOwn ? "fragment" : "unit"}`, () => {
          using bench = new UnitBench(memory, codec);
          for (let i = 0; i < 20; i++) {
            const bytes = unit(i, 30 + 13 * i);
            bench.send(fragments(bytes, 100, isOwn), i * FRAME);
            bench.pull();
            expect(bench.take()).toMatchObject({ bytes, pts: i * FRAME });
            bench.now += 21;
          }
          expect([bench.units.dropped, bench.units.malformed]).toEqual([0, 0]);
        });

        test(`one of them is missing, the size is that of the ${isOwn ? "fragment" : "unit"}`, () => {
          for (const lost of [0, 1, 2]) {
            using bench = new UnitBench(memory, codec);
            bench.send([payload(40, unit(0, 40))], 0);
            bench.send(fragments(unit(1, 300), 100, isOwn), FRAME, lost);
            bench.send([payload(50, unit(2, 50))], 2 * FRAME);
            bench.pull();
            const units: Uint8Array[] = [];
            for (let next = bench.take(); next !== undefined; next = bench.take()) units.push(next.bytes);
            // without its first fragment, the rest says that it is a unit
            expect(units.at(-1)).toEqual(unit(2, 50));
            if (!isOwn || lost > 0) expect(units).toHaveLength(2);
          }
        });
      }

      test("whole units of a sender that sets no markers", () => {
        using bench = new UnitBench(memory, codec);
        bench.hold = true;
        const sizes = [10, 20, 30, 40];
        sizes.forEach((size, i) => {
          bench.send([payload(size, unit(i, size))], i * FRAME);
          bench.now += 21;
        });
        bench.pull();
        for (const [i, size] of sizes.slice(0, -1).entries())
          expect(bench.take()?.bytes).toEqual(unit(i, size));
      });

      test("fragments of a sender that sets no markers", () => {
        using bench = new UnitBench(memory, codec);
        bench.hold = true;
        for (let i = 0; i < 5; i++) bench.send(fragments(unit(i, 250), 100, true), i * FRAME);
        bench.pull();
        for (let i = 0; i < 4; i++) expect(bench.take()?.bytes).toEqual(unit(i, 250));
      });
    });
  }

  describe(`fragments of AAC for readers, ${build}`, () => {
    const memory = loadBuild(build, 512);
    const codec: Codec = {
      name: "AAC",
      format: UNITS_GENERIC,
      kind: KIND_AAC,
      make: () => ({ payloads: [], units: [] }),
    };
    afterEach(() => checkReturned(memory));

    test("they say the size of the unit, and nothing else is different", () => {
      using bench = new UnitBench(memory, codec);
      const bytes = unit(1, 250);
      const view = new LogView(memory, bench.log);
      bench.send(fragments(bytes, 100, true), FRAME);
      bench.send([payload(250, bytes)], 2 * FRAME);
      const wanted = [...fragments(bytes, 100, false), payload(250, bytes)];
      const packets = view.take().map(({ bytes: framed }) => readRtp(framed.subarray(4))!);
      expect(packets.map((packet) => packet.bytes.subarray(packet.header))).toEqual(wanted);
      view.close();
      expect(packets.map(({ marker }) => marker)).toEqual([false, false, true, true]);
      expect(packets.map(({ seq }) => seq)).toEqual([65_000, 65_001, 65_002, 65_003]);
    });
  });
}
