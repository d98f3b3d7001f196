import { afterEach, describe, expect, test } from "bun:test";
import { SAMPLE_FRAMES, SAMPLE_H264 } from "../../assembly/abi.ts";
import { box, fullBox, text, u32 } from "../../src/formats/fmp4/boxes.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import { Mp4Demuxer } from "../../wasm/mp4-demuxer.ts";
import { PartWriter, UnitLog } from "../../wasm/units.ts";
import { Random } from "../support/random.ts";
import { BUILDS, loadBuild, SEED } from "./builds.ts";
import { checkReturned } from "./compare.ts";
import { makeSegment, makeTrack } from "./mp4-maker.ts";
import { readSegmentTwin, type TwinTrack, type TwinUnit } from "./twin/mp4.ts";
import { unitBytes } from "./unit-bytes.ts";

/** A demuxer with the logs of its tracks. */
class Bench implements Disposable {
  readonly demuxer: Mp4Demuxer;
  readonly logs: UnitLog[];
  readonly #memory: MediaMemory;
  readonly #at: number[];

  constructor(memory: MediaMemory, tracks: readonly TwinTrack[]) {
    this.#memory = memory;
    this.demuxer = Mp4Demuxer.open(memory)!;
    this.logs = tracks.map(
      ({ rate }) => UnitLog.open(memory, { format: 0, clockRate: rate, frameTicks: 0, reorderDepth: 0 })!,
    );
    this.#at = tracks.map(() => 0);
    expect(this.demuxer.setUp(tracks.map((track, i) => ({ ...track, units: this.logs[i] })))).toBe(true);
  }

  /** Pushes a segment in pieces of at most `most` bytes; `shift` is added to its times, s. */
  push(segment: Uint8Array, position: number, most = segment.length, shift = 0): string | undefined {
    this.demuxer.begin(position);
    for (let at = 0; at < segment.length; at += most) {
      const fault = this.demuxer.push(segment.subarray(at, at + most), () => shift);
      if (fault !== undefined) return fault;
    }
    return this.demuxer.end();
  }

  /** What has come of each track since the last call. */
  take(): TwinUnit[][] {
    return this.logs.map((log, track) => {
      const units: TwinUnit[] = [];
      while (log.find(this.#at[track]!)) {
        const from = this.#at[track]!;
        const { entries, isKey, pts, dts } = log;
        units.push({ track, bytes: unitBytes(this.#memory, log, from, from + entries), isKey, pts, dts });
        this.#at[track] = (from + entries) | 0;
        log.trim(this.#at[track]!);
      }
      return units;
    });
  }

  [Symbol.dispose](): void {
    this.demuxer.close();
    for (const log of this.logs) log.close();
  }
}

const TRACK: TwinTrack = {
  id: 1,
  kind: SAMPLE_FRAMES,
  rate: 90_000,
  lengthSize: 4,
  sets: new Uint8Array(0),
  timescale: 90_000,
  offset: 0,
  duration: 3_000,
  size: 4,
  flags: 0,
  next: 0n,
  last: undefined,
};

/** A fragment whose one run has `count` samples of four bytes. */
function fragment(count: number, offset: number, time = 0): Uint8Array {
  return box(
    "moof",
    box(
      "traf",
      fullBox("tfhd", 0, 0x20000, u32(1)),
      fullBox("tfdt", 0, 0, u32(time)),
      fullBox("trun", 0, 1, u32(count), u32(offset)),
    ),
  );
}

for (const build of BUILDS) {
  describe(`fMP4, ${build}`, () => {
    const memory = loadBuild(build, 512);
    afterEach(() => checkReturned(memory));

    test(`segments of every kind become what the twin reads, in any pieces (seed ${SEED})`, () => {
      let units = 0;
      for (let round = 0; round < 150; round++) {
        const random = new Random(SEED * 1_000 + round);
        const tracks = Array.from({ length: random.between(1, 4) }, (_, i) => makeTrack(random, i + 1));
        using bench = new Bench(memory, tracks);
        for (let i = 0; i < 3; i++) {
          const position = random.pick([0, 1_000, 5_000_000]);
          const segment = makeSegment(random, tracks, position);
          const expected = readSegmentTwin(segment, position, tracks);
          units += expected.length;
          expect(bench.push(segment, position, random.pick([1, 7, 1_000, segment.length]))).toBeUndefined();
          const got = bench.take();
          got.forEach((list, track) => {
            const wanted = expected.filter((unit) => unit.track === track);
            expect(list.map(({ pts, dts, isKey }) => [pts, dts, isKey])).toEqual(
              wanted.map(({ pts, dts, isKey }) => [pts, dts, isKey]),
            );
            const isSame = list.map(({ bytes }, j) => Buffer.compare(bytes, wanted[j]!.bytes) === 0);
            expect(isSame).not.toContain(false);
          });
        }
        expect(bench.demuxer.missing).toBe(0);
      }
      expect(units).toBeGreaterThan(3_000);
    }, 120_000);

    test("what the part writer writes comes back", () => {
      const random = new Random(SEED);
      const track = { ...TRACK, kind: SAMPLE_H264, sets: new Uint8Array([0, 0, 0, 2, 0x67, 1]) };
      using first = new Bench(memory, [track]);
      for (let round = 0; round < 20; round++) {
        const segment = makeSegment(random, [track], 0);
        first.push(segment, 0);
      }
      const [log] = first.logs as [UnitLog];
      const writer = PartWriter.open(memory)!;
      const views = writer.write(
        [{ units: log, id: 1, isVideo: true, from: 0, to: log.headSeq, origin: -1_000_000, endDts: 0 }],
        1,
      )!;
      const part = new Uint8Array(Buffer.concat(views));
      writer.close();
      const [before] = first.take() as [TwinUnit[]];
      using second = new Bench(memory, [{ ...track, sets: new Uint8Array(0) }]);
      expect(second.push(part, 0, 5_000)).toBeUndefined();
      const [after] = second.take() as [TwinUnit[]];
      expect(after.map(({ isKey }) => isKey)).toEqual(before.map(({ isKey }) => isKey));
      after.forEach(({ bytes, pts, dts }, i) => {
        expect(Buffer.compare(bytes, before[i]!.bytes)).toBe(0);
        expect(dts - after[0]!.dts).toBe(before[i]!.dts - before[0]!.dts);
        expect(pts - dts).toBe(before[i]!.pts - before[i]!.dts);
      });
    });

    test("times are exact after years, and do not drift", () => {
      const track = { ...TRACK, timescale: 10_000_000, rate: 48_000, duration: 213_333 };
      using bench = new Bench(memory, [track]);
      const moof = box(
        "moof",
        box(
          "traf",
          fullBox("tfhd", 0, 0x20000, u32(1)),
          // 1.7e9 s since 1970, in 100 ns
          fullBox("tfdt", 1, 0, [...u32(3_958_120), ...u32(1_000_000_000)]),
          fullBox("trun", 0, 1, u32(2), u32(100)),
        ),
      );
      const segment = new Uint8Array([
        ...moof,
        ...box("mdat", new Uint8Array(100 - moof.length), [1, 2, 3, 4, 5, 6, 7, 8]),
      ]);
      expect(bench.push(segment, 0, segment.length, 0.5)).toBeUndefined();
      const ticks = 3_958_120n * 0x1_0000_0000n + 1_000_000_000n;
      const exact = Number((ticks * 48_000n + 5_000_000n) / 10_000_000n) + 24_000;
      const [units] = bench.take() as [TwinUnit[]];
      expect(units.map(({ dts }) => dts - exact)).toEqual([0, 1_024]);
    });

    test("media in front of their fragment, and samples that are cut off, are missing and nothing else is", () => {
      using bench = new Bench(memory, [TRACK]);
      const mdat = box("mdat", new Uint8Array(40));
      expect(bench.push(new Uint8Array([...mdat, ...fragment(2, -40)]), 0)).toBeUndefined();
      expect([bench.demuxer.missing, bench.take()[0]!.length]).toEqual([2, 0]);
      const size = fragment(3, 0).length;
      const cut = new Uint8Array([...fragment(3, size + 8), ...box("mdat", [1, 2, 3, 4, 5, 6])]);
      expect(bench.push(cut, 0)).toBeUndefined();
      expect(bench.take()[0]!.map(({ bytes }) => [...bytes])).toEqual([[1, 2, 3, 4]]);
      expect(bench.demuxer.missing).toBe(4);
      const whole = new Uint8Array([...fragment(1, size + 8), ...box("mdat", [9, 8, 7, 6])]);
      expect(bench.push(whole.subarray(0, whole.length - 1), 0)).toBe("invalid box size");
      expect(bench.push(whole, 0)).toBeUndefined();
      expect(bench.take()[0]!.map(({ bytes }) => [...bytes])).toEqual([[9, 8, 7, 6]]);
    });

    test("what makes no sense is refused by name", () => {
      using bench = new Bench(memory, [TRACK]);
      const traf = (...boxes: Uint8Array[]) => box("moof", box("traf", ...boxes));
      const tfhd = fullBox("tfhd", 0, 0x20000, u32(1));
      const cases: [Uint8Array, string][] = [
        [new Uint8Array([...u32(7), ...text("moof")]), "invalid box size"],
        [new Uint8Array([...u32(1), ...text("mdat"), 255, 255, 255, 255, 0, 0, 0, 0]), "invalid box size"],
        [new Uint8Array([...u32(70_000), ...text("moof")]), "moof of 69992 bytes is too large"],
        [new Uint8Array([...u32(0), ...text("moof")]), "moof of 2147483647 bytes is too large"],
        [traf(), "invalid box size"],
        [traf(fullBox("tfhd", 0, 1, u32(1))), "invalid box size"],
        [traf(tfhd, fullBox("trun", 0, 0x100, u32(50), u32(1))), "invalid box size"],
        [traf(tfhd, fullBox("trun", 0, 0, u32(0xffff_ffff))), "too many samples in a fragment"],
        [
          traf(tfhd, ...Array.from({ length: 600 }, () => fullBox("trun", 0, 0, u32(1)))),
          "too many runs in a fragment",
        ],
        [
          traf(tfhd, fullBox("trun", 0, 0x200, u32(1), u32(0x7fff_ffff))),
          "sample of 2147483647 bytes is too large",
        ],
        [traf(tfhd, fullBox("tfdt", 1, 0, u32(0x7fff_ffff), u32(0))), "timestamp out of range"],
      ];
      for (const [bytes, reason] of cases) {
        expect(bench.push(bytes, 0)).toBe(reason);
        const whole = new Uint8Array([
          ...fragment(1, fragment(1, 0).length + 8),
          ...box("mdat", [9, 8, 7, 6]),
        ]);
        expect(bench.push(whole, 0)).toBeUndefined();
        expect(bench.take()[0]!.length).toBe(1);
      }
    });

    test("without memory units are dropped, and come again when there is some", () => {
      const small = loadBuild(build, 12);
      {
        using bench = new Bench(small, [{ ...TRACK, size: 1_000_000 }]);
        const size = fragment(1, 0).length + 8;
        const large = new Uint8Array([...fragment(3, size), ...u32(3_000_008), ...text("mdat")]);
        const segment = Buffer.concat([large, new Uint8Array(3_000_000)]);
        expect(bench.push(segment, 0)).toBeUndefined();
        expect(bench.logs[0]!.dropped).toBeGreaterThan(0);
        bench.take();
        expect(bench.push(segment.subarray(0, large.length + 500_000), 0)).toBeDefined();
        expect(bench.demuxer.setUp([{ ...TRACK, units: bench.logs[0] }])).toBe(true);
        const whole = new Uint8Array([...fragment(1, size), ...box("mdat", [9, 8, 7, 6])]);
        expect(bench.push(whole, 0)).toBeUndefined();
        expect(bench.take()[0]!.at(-1)?.bytes).toEqual(new Uint8Array([9, 8, 7, 6]));
      }
      checkReturned(small);
    });
  });
}
