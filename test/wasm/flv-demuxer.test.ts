import { afterEach, describe, expect, test } from "bun:test";
import { FLV_AUDIO, FLV_VIDEO } from "../../assembly/abi.ts";
import { Random } from "../support/random.ts";
import { BUILDS, loadBuild, SEED } from "./builds.ts";
import { checkReturned } from "./compare.ts";
import { FlvBench } from "./flv-bench.ts";
import {
  AAC,
  AAC_FRAME,
  AAC_HEADER,
  AVC_HEADER,
  AVCC,
  avc,
  bytesOf,
  H264,
  KEY_SLICE,
  SETS,
  SLICE,
} from "./flv-samples.ts";

const HVC1_FRAME = [0, 0, 0, 3, 0x26, 1, 9];

for (const build of BUILDS) {
  describe(`FLV, ${build}`, () => {
    const memory = loadBuild(build, 200);
    afterEach(() => checkReturned(memory));

    /** Pushes messages of video at 0 ms, 40 ms and so on, and lists the units of a track. */
    function pictures(bodies: readonly Uint8Array[], id = 0) {
      using bench = new FlvBench(memory);
      bodies.forEach((body, i) => {
        bench.push(FLV_VIDEO, i * 40, body);
      });
      return bench.units(true, id).map(({ bytes, isKey }) => [[...bytes], isKey]);
    }

    test("a legacy video message is read, with its signed composition time", () => {
      using bench = new FlvBench(memory);
      bench.push(FLV_VIDEO, 0, AVC_HEADER);
      expect([bench.track(true).isReady, bench.track(true).parameters]).toEqual([true, H264]);
      bench.push(FLV_VIDEO, 1_000, avc(true, 80));
      bench.push(FLV_VIDEO, 1_040, avc(false, 0));
      bench.push(FLV_VIDEO, 1_080, avc(false, 40));
      expect(bench.units(true).map(({ pts, dts, isKey }) => [pts / 90, dts / 90, isKey])).toEqual([
        [1_080, 1_000, true],
        [1_040, 1_040, false],
        [1_120, 1_080, false],
      ]);
      expect(bench.units(true).map(({ bytes }) => [...bytes])).toEqual([
        [...SETS, ...KEY_SLICE],
        SLICE,
        SLICE,
      ]);
    });

    test("presentation before the timestamp moves decoding ahead, and never what is shown", () => {
      using bench = new FlvBench(memory);
      bench.push(FLV_VIDEO, 0, AVC_HEADER);
      [0, 80, -40, 0, 80, -40].forEach((composition, i) => {
        bench.push(FLV_VIDEO, 1_000 + 40 * i, avc(i === 0, composition));
      });
      const units = bench.units(true);
      expect(units.map(({ pts }) => pts / 90)).toEqual([1_000, 1_120, 1_040, 1_120, 1_240, 1_160]);
      for (const { pts, dts } of units.slice(3)) expect(dts).toBeLessThanOrEqual(pts);
      expect(units.map(({ dts }) => dts).toSorted((a, b) => a - b)).toEqual(units.map(({ dts }) => dts));
    });

    test("enhanced packets are read: frames with and without composition times", () => {
      const start = bytesOf(0x90, "avc1", AVCC);
      expect(
        pictures([start, bytesOf(0x91, "avc1", 0, 0, 40, KEY_SLICE), bytesOf(0xa3, "avc1", SLICE)]),
      ).toEqual([
        [[...SETS, ...KEY_SLICE], true],
        [SLICE, false],
      ]);
      // others have none, whatever the packet type
      const vp9 = pictures([bytesOf(0x91, "vp09", 1, 2, 3, 4), bytesOf(0xa3, "vp09", 5)]);
      expect(vp9).toEqual([
        [[1, 2, 3, 4], true],
        [[5], false],
      ]);
    });

    test("what brings no media is passed over: ends, metadata, commands, descriptors, empty frames", () => {
      using bench = new FlvBench(memory);
      bench.push(FLV_VIDEO, 0, AVC_HEADER);
      bench.push(FLV_AUDIO, 0, AAC_HEADER);
      for (const body of [
        bytesOf(0x17, 2, 0, 0, 0),
        bytesOf(0x17, 1, 0, 0, 0),
        bytesOf(0x57, 0),
        bytesOf(0xd1, 0),
        bytesOf(0x92, "avc1"),
        bytesOf(0x94, "avc1", 2, 0, 9),
        bytesOf(0x95, "av01", 0x80, 4, 1, 2),
        bytesOf(),
      ]) {
        bench.push(FLV_VIDEO, 40, body);
      }
      for (const body of [
        bytesOf(0xaf),
        bytesOf(0xaf, 1),
        bytesOf(),
        bytesOf(0x92, "mp4a"),
        bytesOf(0x94, "mp4a", 1, 2, 0, 0, 0, 3),
      ]) {
        bench.push(FLV_AUDIO, 40, body);
      }
      expect([bench.units(true), bench.units(false)]).toEqual([[], []]);
      expect(bench.demuxer.counters.ignored).toBe(0);
      bench.push(FLV_VIDEO, 80, bytesOf(0x98, "avc1", 1, 2));
      bench.push(FLV_AUDIO, 80, bytesOf(0x9f, "mp4a", 1, 2));
      bench.push(FLV_VIDEO, 80, bytesOf(0x96, 0x31, "avc1", 0, 1));
      expect(bench.demuxer.counters).toMatchObject({ ignored: 3 });
      expect([bench.units(true).length, bench.units(false).length]).toEqual([0, 0]);
    });

    test("all three layouts of multitrack are read; each track is one of its own", () => {
      using bench = new FlvBench(memory);
      const config = [...AVCC];
      const u24 = (value: number) => [0, value >> 8, value & 255];
      bench.push(FLV_VIDEO, 0, bytesOf(0x96, 0x00, "avc1", 0, config));
      bench.push(
        FLV_VIDEO,
        0,
        bytesOf(0x96, 0x10, "avc1", 1, u24(config.length), config, 2, u24(config.length), config),
      );
      bench.push(FLV_VIDEO, 0, bytesOf(0x96, 0x01, "avc1", 0, 0, 0, 0, KEY_SLICE));
      bench.push(
        FLV_VIDEO,
        0,
        bytesOf(
          [0x96, 0x21],
          "avc1",
          [1, ...u24(10), 0, 0, 40, ...KEY_SLICE],
          "vp09",
          [7, ...u24(2), 5, 6],
          "avc1",
          [2, ...u24(10), 0, 0, 0, ...KEY_SLICE],
        ),
      );
      const { tracks, counters } = bench.demuxer;
      expect(tracks.map(({ id, parameters }) => [id, parameters?.codec])).toEqual([
        [0, "h264"],
        [1, "h264"],
        [2, "h264"],
        [7, "vp9"],
      ]);
      expect(bench.units(true, 7).map(({ bytes }) => [...bytes])).toEqual([[5, 6]]);
      for (const id of [0, 1, 2]) {
        expect(bench.units(true, id).map(({ bytes }) => [...bytes])).toEqual([[...SETS, ...KEY_SLICE]]);
      }
      expect(bench.units(true, 1)[0]!.pts).toBe(40 * 90);
      expect(counters).toMatchObject({ malformed: 0, ignored: 0 });
    });

    test("extensions in front of a packet are read: offsets of nanoseconds, others of any size", () => {
      using bench = new FlvBench(memory);
      const offset = [2, ...[500_000 >> 16, (500_000 >> 8) & 255, 500_000 & 255], 0x01];
      bench.push(FLV_AUDIO, 0, bytesOf(0x90, "Opus"));
      bench.push(FLV_AUDIO, 20, bytesOf(0x97, offset, "Opus", 0xfc, 1));
      const unknown = [255, 0x03, 0xff, ...new Array<number>(1_024).fill(9), 0x37, 0, 1, 0x11];
      bench.push(FLV_AUDIO, 40, bytesOf(0x97, unknown, "Opus", 0xfc, 2));
      expect(bench.units(false).map(({ bytes, pts }) => [bytes[1], pts / 48])).toEqual([
        [1, 20.5],
        [2, 40],
      ]);
      expect(bench.demuxer.counters).toMatchObject({ malformed: 0, ignored: 2 });
    });

    test("timestamps that wrap go on; those that jump continue after the latest one, in all tracks", () => {
      using bench = new FlvBench(memory);
      bench.push(FLV_VIDEO, 0, AVC_HEADER);
      bench.push(FLV_AUDIO, 0, AAC_HEADER);
      const frames = (time: number) => {
        bench.push(FLV_VIDEO, time, avc(true));
        bench.push(FLV_AUDIO, time, AAC_FRAME);
      };
      const times = (isVideo: boolean, ticks: number) =>
        bench.units(isVideo).map(({ dts }, _, all) => (dts - all[0]!.dts) / ticks);
      frames(2 ** 32 - 80);
      frames(2 ** 32 - 40);
      frames(0);
      expect([times(true, 90), times(false, 48)]).toEqual([
        [0, 40, 80],
        [0, 40, 80],
      ]);
      expect(bench.demuxer.counters.jumps).toBe(0);
      frames(50_000);
      frames(50_040);
      frames(10);
      expect(bench.demuxer.counters.jumps).toBe(2);
      expect(times(true, 90)).toEqual([0, 40, 80, 580, 620, 1_120]);
      expect(times(false, 48)).toEqual(times(true, 90));
    });

    test("a frame that comes before its sequence header is dropped; a repeated header changes nothing", () => {
      using bench = new FlvBench(memory);
      bench.push(FLV_VIDEO, 0, avc(true));
      expect([bench.track(true).early, bench.track(true).isReady]).toEqual([1, false]);
      bench.push(FLV_VIDEO, 40, bytesOf(0x17, 0, 0, 0, 0, 1, 2, 3));
      expect(bench.track(true).isReady).toBe(false);
      bench.push(FLV_VIDEO, 40, AVC_HEADER);
      bench.push(FLV_VIDEO, 40, avc(true));
      bench.push(FLV_VIDEO, 80, AVC_HEADER);
      expect([bench.units(true).length, bench.track(true).hasChanged]).toEqual([1, false]);
    });

    test("new parameter sets go in band; another codec, or other sound, is a change", () => {
      using bench = new FlvBench(memory);
      bench.push(FLV_VIDEO, 0, AVC_HEADER);
      bench.push(FLV_VIDEO, 0, avc(true));
      const other = AVC_HEADER.slice();
      other[AVC_HEADER.length - 1] = 0x81;
      bench.push(FLV_VIDEO, 40, other);
      bench.push(FLV_VIDEO, 40, avc(true));
      const [, second] = bench.units(true);
      expect([...second!.bytes.subarray(0, SETS.length)]).toEqual([...SETS.slice(0, -1), 0x81]);
      expect(bench.track(true).hasChanged).toBe(false);
      bench.push(FLV_VIDEO, 80, bytesOf(0x90, "hvc1", 1));
      expect(bench.track(true).hasChanged).toBe(true);
      bench.push(FLV_AUDIO, 0, AAC_HEADER);
      expect(bench.track(false).parameters).toEqual(AAC);
      // the same with an extension that says that there is no SBR
      bench.push(FLV_AUDIO, 0, bytesOf(AAC_HEADER, 0x56, 0xe5, 0));
      expect(bench.track(false).hasChanged).toBe(false);
      bench.push(FLV_AUDIO, 0, bytesOf(0xaf, 0, 0x12, 0x10));
      expect(bench.track(false).hasChanged).toBe(true);
    });

    test("the parameter sets of H265 are found where those of H264 should be", () => {
      const record = [1, ...new Array<number>(20).fill(0), 3, 3];
      const sets = [
        [32, 0x40, 1, 2],
        [33, 0x42, 1, 3],
        [34, 0x44, 1, 4],
      ].flatMap(([type, ...set]) => [type!, 0, 1, 0, 3, ...set]);
      const front = [0x40, 1, 2, 0x42, 1, 3, 0x44, 1, 4];
      const prefix = [0, 3, 6].flatMap((at) => [0, 0, 0, 3, ...front.slice(at, at + 3)]);
      const messages = (id: number) => [
        bytesOf(0x10 | id, 0, 0, 0, 0, record, sets),
        bytesOf(0x10 | id, 1, 0, 0, 0, HVC1_FRAME),
      ];
      for (const id of [7, 12]) expect(pictures(messages(id))).toEqual([[[...prefix, ...HVC1_FRAME], true]]);
    });

    test("sound says what it is in its header: G711, and LPCM, whose bytes are swapped", () => {
      using bench = new FlvBench(memory);
      bench.push(FLV_AUDIO, 0, bytesOf(0x72, 1, 2, 3));
      expect(bench.track(false).parameters).toEqual({
        codec: "g711",
        law: "a",
        clockRate: 8_000,
        channels: 1,
      });
      expect(bench.units(false).map(({ bytes }) => [...bytes])).toEqual([[1, 2, 3]]);
      using other = new FlvBench(memory);
      const samples = Array.from({ length: 88 * 4 }, (_, i) => i & 255);
      other.push(FLV_AUDIO, 0, bytesOf(0x3f, samples));
      other.push(FLV_AUDIO, 2, bytesOf(0x3f, samples), 7);
      other.push(FLV_AUDIO, 4, bytesOf(0x3f, 1, 2, 3));
      expect(other.track(false).parameters).toMatchObject({ bitDepth: 16, clockRate: 44_100, channels: 2 });
      const units = other.units(false);
      const swapped = samples.map((_, i) => samples[i ^ 1]!);
      expect(units.map(({ bytes }) => [...bytes])).toEqual([swapped, swapped]);
      expect(units.map(({ dts }) => dts)).toEqual([0, 88]);
      other.push(FLV_AUDIO, 6, bytesOf(0x3b, 1, 2));
      expect(other.track(false).hasChanged).toBe(true);
    });

    test("several frames of MP3 in a message become a unit each; AC-3 says in its frames what it is", () => {
      const mp3 = new Uint8Array(104).fill(5);
      mp3.set([0xff, 0xfb, 0x10, 0xc0]);
      using bench = new FlvBench(memory);
      bench.push(FLV_AUDIO, 0, bytesOf(0x2e, mp3, mp3), 50);
      bench.push(FLV_AUDIO, 52, bytesOf(0x2e, mp3));
      bench.push(FLV_AUDIO, 78, bytesOf(0x2e, mp3.subarray(0, 90)));
      bench.push(FLV_AUDIO, 104, bytesOf(0x2e, 1, 2, 3, 4, 5));
      const ticks = (1_152 * 90_000) / 44_100;
      expect(bench.units(false).map(({ bytes, dts }) => [bytes.length, dts])).toEqual([
        [104, 0],
        [104, Math.round(ticks)],
        [104, Math.round(2 * ticks)],
      ]);
      expect(bench.demuxer.counters.malformed).toBe(2);
      const ac3 = new Uint8Array(128).fill(7);
      ac3.set([0x0b, 0x77, 0, 0, 0x40, 0x40, 0x40]);
      ac3[4] = 0;
      using other = new FlvBench(memory);
      other.push(FLV_AUDIO, 0, bytesOf(0x90, "ac-3"));
      expect(other.track(false).isReady).toBe(false);
      other.push(FLV_AUDIO, 32, bytesOf(0x91, "ac-3", ac3), 3);
      expect(other.track(false).parameters).toEqual({ codec: "ac3", clockRate: 48_000, channels: 2 });
      expect(other.units(false).map(({ bytes, dts }) => [bytes.length, dts / 48])).toEqual([[128, 32]]);
    });

    test("codecs that are not supported are tracks without units", () => {
      using bench = new FlvBench(memory);
      bench.push(FLV_VIDEO, 0, bytesOf(0x12, 1, 2, 3));
      bench.push(FLV_AUDIO, 0, bytesOf(0x90, "ec-3"));
      bench.push(FLV_AUDIO, 0, bytesOf(0x95, 0x01, "ec-3", 1, 5, 6));
      expect(bench.demuxer.tracks.map(({ isSupported, isReady }) => isSupported || isReady)).toEqual([
        false,
        false,
        false,
      ]);
    });

    test("messages of any kind may be cut anywhere, and be left unfinished", () => {
      using bench = new FlvBench(memory);
      bench.push(FLV_VIDEO, 0, AVC_HEADER, 1);
      bench.demuxer.begin(FLV_VIDEO, 200, 0);
      const room = memory.take(64)!;
      memory.u8.set(avc(true), room);
      bench.demuxer.put(FLV_VIDEO, room, 8);
      bench.push(FLV_AUDIO, 0, AAC_HEADER, 1);
      bench.push(FLV_AUDIO, 0, AAC_FRAME, 1);
      bench.demuxer.put(FLV_VIDEO, room + 8, 2);
      bench.push(FLV_VIDEO, 40, avc(true), 2);
      memory.give(room);
      expect(bench.units(true).map(({ dts }) => dts)).toEqual([3_600]);
      expect(bench.units(false).length).toBe(1);
      bench.demuxer.begin(FLV_VIDEO, 200, 80);
    });

    test("a skipped track keeps nothing, even in the middle of a message", () => {
      using bench = new FlvBench(memory);
      bench.push(FLV_VIDEO, 0, AVC_HEADER);
      bench.demuxer.begin(FLV_VIDEO, 15, 0);
      const room = memory.take(64)!;
      memory.u8.set(avc(true), room);
      bench.demuxer.put(FLV_VIDEO, room, 9);
      bench.demuxer.skip(bench.track(true));
      bench.demuxer.put(FLV_VIDEO, room, 3);
      bench.push(FLV_VIDEO, 40, avc(true));
      memory.give(room);
      expect(bench.track(true).units).toBeUndefined();
    });

    test(`bytes that make no sense are survived (seed ${SEED})`, () => {
      const random = new Random(SEED);
      using bench = new FlvBench(memory);
      bench.push(FLV_VIDEO, 0, AVC_HEADER);
      for (let i = 0; i < 3_000; i++) {
        const body = random.bytes(random.below(60));
        if (random.chance(0.7)) body[0] = random.pick([0x17, 0x90, 0x91, 0x96, 0x97, 0x9f, 0xaf, 0x2f]);
        if (random.chance(0.5))
          body.set(Buffer.from(random.pick(["avc1", "av01", "Opus", "mp4a"])).subarray(0, body.length), 0);
        bench.push(random.pick([FLV_AUDIO, FLV_VIDEO]), random.bits(), body, random.between(1, 60));
      }
      expect(bench.demuxer.tracks.length).toBeLessThanOrEqual(16);
    });

    test("without memory frames are dropped, and come again when there is some", () => {
      const small = loadBuild(build, 6);
      {
        using bench = new FlvBench(small);
        bench.push(FLV_VIDEO, 0, AVC_HEADER);
        const large = bytesOf(0x27, 1, 0, 0, 0, [0, 4, 0, 0], new Uint8Array(0x40000).fill(0x41));
        bench.push(FLV_VIDEO, 40, large, 20_000);
        bench.push(FLV_VIDEO, 80, avc(true));
        expect(bench.units(true).map(({ dts }) => dts)).toEqual([7_200]);
        expect(bench.track(true).units!.dropped).toBeGreaterThan(0);
      }
      checkReturned(small);
    });
  });
}
