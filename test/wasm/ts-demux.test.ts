import { afterEach, describe, expect, test } from "bun:test";
import { tsCodecId } from "../../src/formats/mpegts/codecs.ts";
import { TsPrograms } from "../../src/formats/mpegts/programs.ts";
import { TsDemuxer } from "../../wasm/ts-demuxer.ts";
import { Random } from "../support/random.ts";
import { BUILDS, loadBuild, SEED } from "./builds.ts";
import { checkReturned } from "./compare.ts";
import { TS_MAKERS } from "./ts-makers.ts";
import { frame, picture } from "./ts-samples.ts";
import { type TakenUnit, takeUnits } from "./ts-units.ts";
import { loasFrame } from "./twin/loas.ts";
import { type MapRow, PacketTwin } from "./twin/ts-packets.ts";

const PMT = 0x100;
const VIDEO: MapRow = { pid: 0x101, streamType: 0x1b };
const MP2: MapRow = { pid: 0x102, streamType: 0x03 };
const TICKS = 3_600;
const WRAP = 2 ** 33;

for (const build of BUILDS) {
  describe(`demultiplexer, ${build}`, () => {
    const memory = loadBuild(build, 128);
    afterEach(() => checkReturned(memory));

    /** What comes out of a stream. */
    function demux(chunks: readonly Uint8Array[], between: (demuxer: TsDemuxer) => void = () => {}) {
      const demuxer = TsDemuxer.open(memory, new TsPrograms())!;
      for (const chunk of chunks) demuxer.push(chunk);
      demuxer.flush();
      between(demuxer);
      const tracks = demuxer.tracks.map((track) => ({
        codec: tsCodecId(track),
        pid: track.pid,
        isPresent: track.isPresent,
        units: track.units === undefined ? [] : takeUnits(memory, track.units),
        dropped: track.units?.dropped ?? 0,
      }));
      const { counters, changes, unknown } = demuxer;
      demuxer.close();
      return { tracks, counters, changes, unknown };
    }

    /** A stream of pictures, one in a PES packet each. */
    function pictures(twin: PacketTwin, from: number, to: number, start = 0): void {
      for (let i = from; i < to; i++) {
        twin.pes(VIDEO.pid, 0xe0, picture(i, { isKey: i % 10 === 0 }).stream, {
          pts: start + (i - from) * TICKS + TICKS,
          dts: start + (i - from) * TICKS,
          isOpen: true,
        });
      }
    }

    function begin(): PacketTwin {
      const twin = new PacketTwin();
      twin.association({ 1: PMT });
      twin.map(PMT, 1, [VIDEO, MP2]);
      return twin;
    }

    const numbers = (units: readonly TakenUnit[]) =>
      units.map(({ bytes }) => bytes.at(-302)! * 256 + bytes.at(-301)!);
    const marks = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => (from + i) | 1);

    test("noise in front and in between is skipped, a bad sync byte costs its packet alone", () => {
      const twin = begin();
      pictures(twin, 0, 30);
      const random = new Random(SEED);
      const noise = () => random.bytes(random.between(1, 700)).map((byte) => (byte === 0x47 ? 0 : byte));
      const packets = twin.take();
      const clean = demux([noise(), ...packets]);
      expect(numbers(clean.tracks[0]!.units)).toEqual(marks(0, 30));
      // noise between pictures; two packets each
      const torn = demux(packets.map((packet, i) => (i === 20 ? Buffer.concat([noise(), packet]) : packet)));
      expect(numbers(torn.tracks[0]!.units).length).toBeGreaterThanOrEqual(29);
      expect(torn.counters.syncLosses).toBe(1);
      const bad = packets.map((packet) => packet.slice());
      bad[21]![0] = 0x46;
      const one = demux([Buffer.concat(bad)]);
      expect(numbers(one.tracks[0]!.units).length).toBeGreaterThanOrEqual(28);
      expect(one.counters).toMatchObject({ syncLosses: 1, continuityErrors: 1 });
    });

    test("packets that come twice count once; encrypted ones, empty ones and strangers do not", () => {
      const twin = begin();
      pictures(twin, 0, 20);
      const packets = twin.take().flatMap((packet, i) => {
        const stranger = new PacketTwin();
        stranger.payload(0x777, new Uint8Array(100));
        stranger.empty();
        stranger.payload(VIDEO.pid, new Uint8Array(100).fill(1), 0x80);
        return i % 3 === 0 ? [packet, packet, ...stranger.take()] : [packet];
      });
      const { tracks, counters } = demux(packets);
      expect(numbers(tracks[0]!.units)).toEqual(marks(0, 20));
      expect(counters.continuityErrors).toBe(0);
      expect(counters.duplicates).toBeGreaterThan(10);
      expect(counters.scrambled).toBeGreaterThan(10);
    });

    test("where packets are missing, the picture is left out and counted; nothing else is", () => {
      const twin = begin();
      pictures(twin, 0, 60);
      // tables are two packets, pictures two each: the second one of every fifth is missing
      const packets = twin.take().filter((_, i) => i < 2 || (i - 2) % 10 !== 5);
      const { tracks, counters } = demux(packets);
      const lost = Array.from({ length: 12 }, (_, i) => 5 * i + 2);
      expect(numbers(tracks[0]!.units)).toEqual(
        Array.from({ length: 60 }, (_, i) => i)
          .filter((i) => !lost.includes(i))
          .map((i) => i | 1),
      );
      expect(counters.continuityErrors).toBe(12);
      expect(tracks[0]!.dropped).toBe(12);
    });

    test("a counter that says that it begins anew is no loss", () => {
      const twin = begin();
      pictures(twin, 0, 5);
      twin.discontinuity(VIDEO.pid, 9);
      pictures(twin, 5, 10, 5 * TICKS);
      const { tracks, counters } = demux(twin.take());
      expect(numbers(tracks[0]!.units)).toEqual(marks(0, 10));
      expect(counters.continuityErrors).toBe(0);
    });

    test("thirty hours: timestamps wrap, time does not", () => {
      const twin = begin();
      const step = 5 * 90_000;
      const start = WRAP - 7 * step;
      const count = (30 * 3_600) / 5;
      for (let i = 0; i < count; i++) {
        twin.pes(VIDEO.pid, 0xe0, picture(i, { isKey: true, size: 8 }).stream, { pts: start + i * step });
        twin.pes(MP2.pid, 0xc0, frame(i), { pts: start + i * step - 900 });
      }
      const { tracks, counters } = demux(twin.take());
      expect(tracks.map(({ units }) => units.length)).toEqual([count, count]);
      tracks[0]!.units.forEach(({ pts, dts }, i) => {
        expect([pts, dts]).toEqual([start + i * step, start + i * step]);
      });
      tracks[1]!.units.forEach(({ pts }, i) => {
        expect(pts).toBe(start + i * step - 900);
      });
      expect(counters.jumps).toBe(0);
    }, 60_000);

    test("a sender that starts again goes on where it was, whatever its times and counters are", () => {
      for (const start of [0, 123_456_789, WRAP - 5]) {
        const first = begin();
        pictures(first, 0, 10, 4_000_000);
        const second = begin();
        pictures(second, 20, 30, start);
        const { tracks, counters } = demux([...first.take(), ...second.take()]);
        const { units } = tracks[0]!;
        expect(units.length).toBeGreaterThanOrEqual(19);
        const steps = units.slice(1).map(({ dts }, i) => dts - units[i]!.dts);
        expect(Math.min(...steps)).toBeGreaterThan(0);
        expect(Math.max(...steps)).toBeLessThan(60_000);
        expect(counters.jumps).toBe(1);
      }
    });

    test("a sender that starts again with sound ahead of its pictures does not go back", () => {
      const first = begin();
      pictures(first, 0, 10, 4_000_000);
      const second = begin();
      for (let i = 0; i < 3; i++) second.pes(MP2.pid, 0xc0, frame(i), { pts: 22_500 + i * 2_160 });
      pictures(second, 20, 30);
      const { units } = demux([...first.take(), ...second.take()]).tracks[0]!;
      const steps = units.slice(1).map(({ dts }, i) => dts - units[i]!.dts);
      expect(Math.min(...steps)).toBeGreaterThanOrEqual(TICKS);
    });

    test("streams keep their tracks when identifiers change; other codecs are other tracks", () => {
      const twin = begin();
      pictures(twin, 0, 10);
      twin.association({ 1: 0x200 }, 1);
      twin.map(
        0x200,
        1,
        [
          { ...MP2, pid: 0x301 },
          { ...VIDEO, pid: 0x300 },
        ],
        { version: 3 },
      );
      for (let i = 10; i < 20; i++) {
        twin.pes(0x300, 0xe0, picture(i).stream, { pts: i * TICKS });
        twin.pes(0x301, 0xc0, frame(i), { pts: i * TICKS });
      }
      const moved = demux(twin.take());
      expect(moved.tracks.map(({ codec, pid, units }) => [codec, pid, units.length])).toEqual([
        ["h264", 0x300, 19],
        ["mpeg12Audio", 0x301, 10],
      ]);
      expect(moved.changes).toBe(1);
      twin.association({ 1: PMT });
      twin.map(PMT, 1, [VIDEO]);
      twin.map(PMT, 1, [{ pid: 0x101, streamType: 0x24 }], { version: 1 });
      const other = demux(twin.take());
      expect(other.tracks.map(({ codec, isPresent }) => [codec, isPresent])).toEqual([
        ["h264", false],
        ["h265", true],
      ]);
      expect(other.changes).toBe(2);
    });

    test("a program map over several packets; the first program with a known codec", () => {
      const twin = new PacketTwin();
      twin.association({ 1: 0x200, 2: 0x201, 3: PMT, 4: 0x202 });
      twin.map(0x202, 4, [MP2]);
      twin.map(PMT, 3, [VIDEO, { pid: 0x333, streamType: 0x05 }], { programInfo: 900 });
      twin.map(0x200, 1, [{ pid: 0x444, streamType: 0x90 }]);
      twin.map(0x201, 2, []);
      pictures(twin, 0, 5);
      const { tracks, unknown } = demux(twin.take());
      expect(tracks.map(({ codec, units }) => [codec, units.length])).toEqual([["h264", 5]]);
      expect(unknown.map(({ streamType }) => streamType)).toEqual([0x05]);
      // maps of earlier programs never come: the one that comes again is taken
      const half = new PacketTwin();
      half.association({ 1: 0x200, 3: PMT });
      for (let i = 0; i < 2; i++) half.map(PMT, 3, [VIDEO]);
      pictures(half, 0, 5);
      expect(demux(half.take()).tracks.map(({ units }) => units.length)).toEqual([5]);
    });

    test("a table with a wrong check sum does not count", () => {
      const twin = begin();
      pictures(twin, 0, 5);
      const packets = twin.take();
      packets[1]![180]! ^= 1;
      const { tracks, counters } = demux(packets);
      expect(tracks).toEqual([]);
      expect(counters.malformed).toBe(1);
    });

    test("sound: several frames in a PES packet, and frames across PES packets, each with its own time", () => {
      const twin = begin();
      const frames = Array.from({ length: 60 }, (_, i) => frame(i));
      const stream = Buffer.concat(frames);
      const random = new Random(SEED);
      for (let at = 0; at < stream.length; ) {
        const size = random.between(1, 1_000);
        const next = Math.ceil(at / 192);
        // the time of the first frame that begins in it, if one does
        const isTimed = next * 192 < Math.min(at + size, stream.length);
        twin.pes(
          MP2.pid,
          0xc0,
          stream.subarray(at, at + size),
          isTimed ? { pts: 90_000 + next * 2_160 } : {},
        );
        at += size;
      }
      const [, sound] = demux(twin.take()).tracks;
      expect(sound!.units.map(({ pts }) => pts)).toEqual(frames.map((_, i) => 90_000 + i * 2_160));
      sound!.units.forEach(({ bytes }, i) => {
        expect(Buffer.compare(bytes, frames[i]!)).toBe(0);
      });
    });

    test("AAC in LATM: frames at any bit, cut anywhere", () => {
      const random = new Random(SEED);
      const frames = Array.from({ length: 80 }, () => random.bytes(random.between(1, 700)));
      const loas = frames.map((bytes, i) => loasFrame(bytes, i % 5 === 0));
      const starts = loas.map((_, i) => loas.slice(0, i).reduce((sum, { length }) => sum + length, 0));
      const stream = Buffer.concat(loas);
      const twin = new PacketTwin();
      twin.association({ 1: PMT });
      twin.map(PMT, 1, [{ pid: 0x102, streamType: 0x11 }]);
      for (let at = 0; at < stream.length; ) {
        const size = at === 0 ? loas[0]!.length : random.between(1, 1_500);
        const next = starts.findIndex((start) => start >= at);
        const isTimed = next >= 0 && starts[next]! < at + size;
        twin.pes(0x102, 0xc0, stream.subarray(at, at + size), isTimed ? { pts: 90_000 + next * 1_920 } : {});
        at += size;
      }
      const [track] = demux(twin.take()).tracks;
      expect(track!.codec).toBe("mpeg4Audio");
      expect(track!.units.map(({ bytes }) => bytes)).toEqual(frames);
      expect(track!.units.map(({ pts }) => pts)).toEqual(frames.map((_, i) => 48_000 + i * 1_024));
    });

    test("sound whose times are rounded is counted by samples; a gap is a gap", () => {
      const twin = begin();
      const random = new Random(SEED);
      for (let i = 0; i < 200; i++) {
        if (i >= 100 && i < 110) continue;
        twin.pes(MP2.pid, 0xc0, frame(i), {
          pts: 90_000 + i * 2_160 + (i === 0 ? 0 : random.between(-400, 400)),
        });
      }
      const times = demux(twin.take()).tracks[1]!.units.map(({ pts }) => pts);
      const steps = times.slice(1).map((time, i) => time - times[i]!);
      expect(steps.filter((step) => step !== 2_160).length).toBe(1);
      expect(Math.abs(Math.max(...steps) - 11 * 2_160)).toBeLessThanOrEqual(400);
    });

    test("pictures: several in a PES packet, and one across several", () => {
      const twin = begin();
      const all = Array.from({ length: 24 }, (_, i) => picture(i, { isKey: i === 0 }));
      for (let i = 0; i < 24; i += 3) {
        const bytes = Buffer.concat(all.slice(i, i + 3).map(({ stream }) => stream));
        twin.pes(VIDEO.pid, 0xe0, bytes, { pts: i * TICKS });
      }
      const several = demux(twin.take()).tracks[0]!.units;
      expect(several.map(({ bytes }) => bytes)).toEqual(all.map(({ unit }) => unit));
      expect(several.slice(6).map(({ pts }) => pts)).toEqual(all.slice(6).map((_, i) => (i + 6) * TICKS));
      const pieces = begin();
      for (const [i, { stream }] of all.entries()) {
        const cut = 40 + ((i * 13) % 250);
        pieces.pes(VIDEO.pid, 0xe0, stream.subarray(0, cut), { pts: i * TICKS });
        // the rest without a time, or with the same one
        pieces.pes(VIDEO.pid, 0xe0, stream.subarray(cut), i % 2 === 0 ? {} : { pts: i * TICKS });
      }
      const across = demux(pieces.take()).tracks[0]!.units;
      expect(across.map(({ bytes }) => bytes)).toEqual(all.map(({ unit }) => unit));
      expect(across.map(({ pts }) => pts)).toEqual(all.map((_, i) => i * TICKS));
    });

    test("pictures without decoding times get some, in order", () => {
      const twin = begin();
      const order = Array.from({ length: 10 }, (_, i) => [3 * i + 3, 3 * i + 1, 3 * i + 2]).flat();
      for (const [i, shown] of order.entries()) {
        twin.pes(VIDEO.pid, 0xe0, picture(i, { isKey: i === 0 }).stream, { pts: 90_000 + shown * TICKS });
      }
      const { units } = demux(twin.take()).tracks[0]!;
      expect(units.map(({ pts }) => pts)).toEqual(order.map((shown) => 90_000 + shown * TICKS));
      const dts = units.map((unit) => unit.dts);
      expect(dts.every((time, i) => i === 0 || time > dts[i - 1]!)).toBe(true);
      units.slice(3).forEach((unit) => {
        expect(unit.dts).toBeLessThanOrEqual(unit.pts);
      });
    });

    test("an access unit without end is given up, the next one comes", () => {
      const twin = begin();
      pictures(twin, 0, 2);
      const endless = new Uint8Array(17 * 1024 * 1024).fill(9);
      endless.set(picture(2).stream);
      twin.pes(VIDEO.pid, 0xe0, endless, { pts: 2 * TICKS, isOpen: true });
      pictures(twin, 3, 6, 3 * TICKS);
      const large = loadBuild(build, 256);
      const demuxer = TsDemuxer.open(large, new TsPrograms())!;
      demuxer.push(twin.bytes);
      demuxer.flush();
      expect(numbers(takeUnits(large, demuxer.tracks[0]!.units!))).toEqual([1, 1, 3, 5, 5]);
      demuxer.close();
      checkReturned(large);
    }, 30_000);

    test("without memory units are dropped, and come again when there is some", () => {
      const small = loadBuild(build, 8);
      const twin = begin();
      pictures(twin, 0, 2);
      const large = new Uint8Array(2 * 1024 * 1024).fill(9);
      large.set(picture(2).stream);
      twin.pes(VIDEO.pid, 0xe0, large, { pts: 2 * TICKS, isOpen: true });
      pictures(twin, 3, 6, 3 * TICKS);
      const demuxer = TsDemuxer.open(small, new TsPrograms())!;
      demuxer.push(twin.bytes);
      demuxer.flush();
      expect(numbers(takeUnits(small, demuxer.tracks[0]!.units!))).toEqual([1, 1, 3, 5, 5]);
      demuxer.close();
      checkReturned(small);
    });

    test(`random bytes, and streams with random damage, break nothing (seed ${SEED})`, () => {
      const random = new Random(SEED);
      for (let round = 0; round < 30; round++) {
        const twin = begin();
        pictures(twin, 0, 40);
        const maker = TS_MAKERS[5]!;
        for (let i = 0; i < 40; i++) twin.pes(MP2.pid, 0xc0, maker.make(random, i).bytes, { pts: i * 2_000 });
        const bytes = round % 5 === 0 ? random.bytes(50_000) : twin.bytes;
        for (let i = 0; i < 60; i++) bytes[random.below(bytes.length)] = random.bits();
        const { tracks } = demux([bytes]);
        for (const { units } of tracks) {
          units.forEach(({ dts }, i) => {
            if (i > 0) expect(dts).toBeGreaterThan(units[i - 1]!.dts);
          });
        }
      }
    });
  });
}
