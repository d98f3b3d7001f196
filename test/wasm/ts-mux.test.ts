import { afterEach, describe, expect, test } from "bun:test";
import { readTsTrack } from "../../src/formats/mpegts/codecs.ts";
import { TsPrograms } from "../../src/formats/mpegts/programs.ts";
import type { CodecParameters } from "../../src/media/codec-parameters.ts";
import { TsDemuxer } from "../../wasm/ts-demuxer.ts";
import { Random } from "../support/random.ts";
import { BUILDS, loadBuild, SEED } from "./builds.ts";
import { checkReturned } from "./compare.ts";
import { TS_MAKERS, type TsMaker } from "./ts-makers.ts";
import { makeUnits, mux, takeUnits } from "./ts-units.ts";

const SECONDS = 4;
/** Ticks of 90 kHz that the multiplexer adds to all times. */
const OFFSET = 126_000;

function* pids(stream: Uint8Array): Generator<{ pid: number; packet: Uint8Array }> {
  for (let at = 0; at < stream.length; at += 188) {
    const packet = stream.subarray(at, at + 188);
    yield { pid: ((packet[1]! & 31) << 8) | packet[2]!, packet };
  }
}

for (const build of BUILDS) {
  describe(`transport streams, ${build}`, () => {
    const memory = loadBuild(build, 512);
    afterEach(() => checkReturned(memory));

    for (const maker of TS_MAKERS) {
      test(`${maker.codec.codec}: what is written is read again, cut anywhere (seed ${SEED})`, () => {
        const random = new Random(SEED);
        const units = makeUnits(maker, random, SECONDS);
        const stream = mux(memory, [{ maker, units }], 0);
        const demuxer = TsDemuxer.open(memory, new TsPrograms())!;
        for (let at = 0; at < stream.length; ) {
          const size = random.chance(0.2) ? random.between(1, 40_000) : random.between(1, 900);
          demuxer.push(stream.subarray(at, at + size));
          at += size;
        }
        demuxer.flush();
        const [track] = demuxer.tracks;
        expect(demuxer.tracks.length).toBe(1);
        expect(track!.isReady).toBe(true);
        const told = readTsTrack(track!);
        expect({ ...told, ...withoutSets(told) }).toEqual(maker.codec);
        expect(track!.units!.clockRate).toBe(maker.clockRate);
        const read = takeUnits(memory, track!.units!);
        expect(read.length).toBe(units.length);
        const shift = (OFFSET * maker.clockRate) / 90_000;
        read.forEach((unit, i) => {
          const { bytes, isKey, pts, dts } = units[i]!;
          expect(Buffer.compare(unit.bytes, bytes)).toBe(0);
          expect(unit.isKey).toBe(isKey);
          // times are in 90 kHz on their way, and frames are counted from there
          expect(Math.abs(unit.pts - pts - shift)).toBeLessThanOrEqual(maker.isVideo ? 0 : 1);
          expect(Math.abs(unit.dts - dts - shift)).toBeLessThanOrEqual(maker.isVideo ? 0 : 1);
        });
        expect(demuxer.counters).toMatchObject({
          packets: stream.length / 188,
          syncLosses: 0,
          continuityErrors: 0,
          malformed: 0,
          jumps: 0,
        });
        demuxer.close();
      }, 60_000);
    }

    test("four tracks: counters go on, the clock never pauses, tables are repeated", () => {
      const random = new Random(SEED);
      const makers = [TS_MAKERS[0]!, TS_MAKERS[3]!, TS_MAKERS[4]!, TS_MAKERS[6]!];
      const tracks = makers.map((maker) => ({ maker, units: makeUnits(maker, random, SECONDS) }));
      // two pictures in four seconds
      tracks[0] = { maker: makers[0]!, units: tracks[0]!.units.filter((_, i) => i % 49 === 0) };
      checkClock(mux(memory, tracks, 400), 5);
    });

    test("sound alone, and one picture a second: the clock never pauses", () => {
      const random = new Random(SEED);
      const [h264, , , aac] = TS_MAKERS as unknown as [TsMaker, TsMaker, TsMaker, TsMaker];
      checkClock(mux(memory, [{ maker: aac, units: makeUnits(aac, random, SECONDS) }], 400), 2);
      const slow = makeUnits(h264, random, SECONDS).filter((_, i) => i % 28 === 0);
      checkClock(mux(memory, [{ maker: h264, units: slow }], 400), 2);
    });
  });
}

function withoutSets(codec: CodecParameters): object {
  return "sps" in codec ? { sps: undefined, pps: undefined, ...("vps" in codec && { vps: undefined }) } : {};
}

/** ISO/IEC 13818-1 §2.4.3.3, §2.7.2: counters, clock references, tables. */
function checkClock(stream: Uint8Array, tables: number): void {
  const counters = new Map<number, number>();
  const clocks: number[] = [];
  let maps = 0;
  for (const { pid, packet } of pids(stream)) {
    expect(packet[0]).toBe(0x47);
    const hasPayload = (packet[3]! & 0x10) !== 0;
    const counter = packet[3]! & 15;
    const before = counters.get(pid);
    if (before !== undefined) expect(counter).toBe(hasPayload ? (before + 1) & 15 : before);
    counters.set(pid, counter);
    if (pid === 0x1000) maps += 1;
    if ((packet[3]! & 0x20) !== 0 && packet[4]! > 0 && (packet[5]! & 0x10) !== 0) {
      clocks.push(new DataView(packet.buffer, packet.byteOffset).getUint32(6) * 2 + (packet[10]! >> 7));
    }
  }
  const steps = clocks.slice(1).map((clock, i) => clock - clocks[i]!);
  expect(Math.min(...steps)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...steps)).toBeLessThanOrEqual(9_000);
  expect(clocks.at(-1)! - clocks[0]!).toBeGreaterThan((SECONDS - 1.2) * 90_000);
  expect(maps).toBeGreaterThanOrEqual(tables);
}
