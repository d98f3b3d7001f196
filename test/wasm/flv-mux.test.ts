import { afterEach, describe, expect, test } from "bun:test";
import { flvRow, isFlvVideo } from "../../src/formats/flv/codecs.ts";
import { flvHead } from "../../src/formats/flv/messages.ts";
import type { CodecId, CodecParameters, KnownParameters } from "../../src/media/codec-parameters.ts";
import { parseAudioConfig } from "../../src/media/mpeg4-audio.ts";
import { withLengths } from "../../src/media/nal.ts";
import { asKnown, setsOf } from "../../src/media/parameters.ts";
import { FlvMuxer } from "../../wasm/flv-muxer.ts";
import { UnitWriter } from "../../wasm/unit-writer.ts";
import { spanViews, UnitLog } from "../../wasm/units.ts";
import { PARAMETER_SAMPLES, sampleName, VP9_FRAME } from "../media/parameter-samples.ts";
import type { FlvTag } from "../support/flv.ts";
import { Random } from "../support/random.ts";
import { BUILDS, loadBuild, SEED } from "./builds.ts";
import { checkReturned } from "./compare.ts";
import { FlvBench } from "./flv-bench.ts";
import { muxFlv } from "./flv-mux.ts";
import { AAC, bytesOf, H264 } from "./flv-samples.ts";
import { TS_MAKERS, type TsMaker } from "./ts-makers.ts";
import { type MadeTimes, makeUnits } from "./ts-units.ts";

/** Makers of units of the codecs that transport streams do not carry. */
const OTHERS: Partial<Record<CodecId, TsMaker["make"]>> = {
  av1: (random, i) => {
    const isKey = i % 7 === 0;
    const header = AV1.sequenceHeader;
    const obu = random.bytes(random.between(1, 100));
    return { bytes: bytesOf(isKey ? header : [], 0x32, obu.length, obu), isKey, ticks: 3_600 };
  },
  vp9: (random, i) => picture(random, i, Uint8Array.from(VP9_FRAME)),
  vp8: (random, i) => picture(random, i, new Uint8Array([0x10])),
  flac: (random) => ({ bytes: random.bytes(random.between(14, 20_000)), isKey: true, ticks: 4_608 }),
  g711: (random) => samples(random, 1),
  lpcm: (random) => samples(random, 4),
};

const AV1 = PARAMETER_SAMPLES.find(({ codec }) => codec === "av1") as Extract<
  KnownParameters,
  { codec: "av1" }
>;

function picture(random: Random, index: number, key: Uint8Array) {
  const isKey = index % 7 === 0;
  const rest = random.bytes(random.between(1, 30_000));
  return { bytes: bytesOf(isKey ? key : [], rest), isKey, ticks: 3_600 };
}

function samples(random: Random, bytes: number) {
  const ticks = random.between(1, 3_000);
  return { bytes: random.bytes(ticks * bytes), isKey: true, ticks };
}

/** The codecs of FLV with parameters that it can say. */
const PARAMETERS: readonly KnownParameters[] = [
  ...PARAMETER_SAMPLES.filter(
    ({ codec }) => flvRow(codec) !== undefined && codec !== "g711" && codec !== "lpcm",
  ),
  { codec: "g711", law: "mu", clockRate: 8_000, channels: 1 },
  { codec: "g711", law: "a", clockRate: 8_000, channels: 1 },
  { codec: "lpcm", bitDepth: 16, clockRate: 44_100, channels: 2 },
];

function makerOf(parameters: KnownParameters): TsMaker {
  const { codec } = parameters;
  const make = OTHERS[codec] ?? TS_MAKERS.find((maker) => maker.codec.codec === codec)?.make;
  if (make === undefined) throw new Error(`nobody makes units of ${codec}`);
  return { codec: parameters, clockRate: clockRateOf(parameters), isVideo: isFlvVideo(codec), make };
}

function clockRateOf(parameters: KnownParameters): number {
  if ("clockRate" in parameters) return parameters.clockRate;
  if (parameters.codec === "opus" || parameters.codec === "flac") return 48_000;
  return parameters.codec === "mpeg4Audio" ? parseAudioConfig(parameters.config).sampleRate : 90_000;
}

/** What comes back of a unit: parameter sets are in front of key frames, times are in milliseconds. */
function carried(unit: MadeTimes, parameters: KnownParameters, clockRate: number) {
  const front = unit.isKey ? withLengths(setsOf(parameters)) : [];
  const ms = (ticks: number) => Math.round((ticks * 1000) / clockRate);
  return {
    bytes: [...front, ...unit.bytes].length,
    hash: Bun.hash(bytesOf(front, unit.bytes)),
    isKey: unit.isKey,
    dts: ms(unit.dts),
    pts: ms(unit.pts),
  };
}

for (const build of BUILDS) {
  describe(`FLV there and back, ${build}`, () => {
    const memory = loadBuild(build, 500);
    afterEach(() => checkReturned(memory));

    for (const parameters of PARAMETERS) {
      test(`${sampleName(parameters)} (seed ${SEED})`, () => {
        const random = new Random(SEED);
        const maker = makerOf(parameters);
        const hasComposition = flvHead(parameters)!.compositionAt !== undefined;
        const made = makeUnits(maker, random, 2).map((unit) =>
          hasComposition ? unit : { ...unit, pts: unit.dts },
        );
        const tags = write(maker, parameters, made, random.pick([1, 11, 30_000]), 1);
        using bench = new FlvBench(memory);
        for (const { type, timestamp, body } of tags)
          bench.push(type, timestamp, body, random.pick(body.length > 900 ? [500, 90_000] : [3, 500]));
        expect(bench.demuxer.counters).toMatchObject({ malformed: 0, ignored: 0, jumps: 0 });
        const [track] = bench.demuxer.tracks;
        expect(asKnown(track!.parameters!) ?? track!.parameters).toEqual(expected(parameters));
        const units = bench
          .units(maker.isVideo)
          .map((unit) => carried(unit, { codec: "vp8" }, maker.clockRate));
        const wanted = made.map((unit) => carried(unit, parameters, maker.clockRate));
        expect(units.map(({ bytes, hash, isKey }) => [bytes, hash, isKey])).toEqual(
          wanted.map(({ bytes, hash, isKey }) => [bytes, hash, isKey]),
        );
        units.forEach(({ dts, pts }, i) => {
          expect(Math.abs(dts - wanted[i]!.dts)).toBeLessThanOrEqual(1);
          expect(Math.abs(pts - wanted[i]!.pts)).toBeLessThanOrEqual(1);
        });
      }, 60_000);
    }

    test("several tracks of a kind are written as multitrack, and come back as they were", () => {
      const random = new Random(SEED);
      const [h264, aac] = [H264, AAC].map((parameters) => ({ parameters, maker: makerOf(parameters) }));
      const made = [h264!, aac!].map(({ maker }) => makeUnits(maker, random, 1));
      const tags = [h264!, aac!].flatMap(({ maker, parameters }, i) =>
        write(maker, parameters, made[i]!, 30_000, 3),
      );
      using bench = new FlvBench(memory);
      for (const { type, timestamp, body } of tags) bench.push(type, timestamp, body);
      expect(bench.demuxer.tracks.map(({ isVideo, id }) => [isVideo, id])).toEqual([
        [true, 0],
        [true, 1],
        [true, 2],
        [false, 0],
        [false, 1],
        [false, 2],
      ]);
      for (const { isVideo, id } of bench.demuxer.tracks) {
        const bytes = bench.units(isVideo, id).map((unit) => unit.bytes.length);
        const front = isVideo ? withLengths(setsOf(H264)).length : 0;
        expect(bytes).toEqual(
          made[isVideo ? 0 : 1]!.map((unit) => unit.bytes.length + (unit.isKey ? front : 0)),
        );
      }
    });

    test("MP3 says its rate and channels in each message; 8 kHz is a format of its own", () => {
      for (const [frame, byte] of [
        [[0xff, 0xfb, 0x90, 0x00], 0x2f], // 44.1 kHz
        [[0xff, 0xfb, 0x94, 0xc0], 0x2e], // 48 kHz, mono
        [[0xff, 0xf3, 0x90, 0x00], 0x2b], // 22.05 kHz
        [[0xff, 0xf3, 0x98, 0xc0], 0x2a], // 16 kHz, mono
        [[0xff, 0xe3, 0x90, 0x00], 0x27], // 11.025 kHz
        [[0xff, 0xe3, 0x98, 0x00], 0xe3], // 8 kHz
      ] as const) {
        const parameters: KnownParameters = { codec: "mpeg12Audio" };
        const unit = { bytes: bytesOf([...frame], 1, 2), isKey: true, dts: 0, pts: 0 };
        const [tag] = write(makerOf(parameters), parameters, [unit], 100, 1);
        expect([...tag!.body]).toEqual([byte, ...unit.bytes]);
      }
    });

    test("the bytes of a message are listed where they are, across blocks; swapped samples are in the scratch", () => {
      const room = memory.take(70_000)!;
      const muxer = FlvMuxer.open(memory);
      const input = UnitWriter.open(memory)!;
      const h264 = UnitLog.open(memory, { format: 0, clockRate: 90_000, frameTicks: 0, reorderDepth: 0 })!;
      const pcm = UnitLog.open(memory, { format: 0, clockRate: 44_100, frameTicks: 0, reorderDepth: 0 })!;
      const lpcm: KnownParameters = { codec: "lpcm", bitDepth: 16, clockRate: 44_100, channels: 2 };
      muxer.setUp([
        { units: h264, isVideo: true, ...flvHead(H264)! },
        { units: pcm, isVideo: false, ...flvHead(lpcm)! },
      ]);
      const large = new Random(SEED).bytes(300_000);
      input.write(h264, large, { pts: 7_200, dts: 3_600, isKey: false });
      input.write(pcm, new Uint8Array([1, 2, 3, 4]), { pts: 44_100, dts: 44_100, isKey: true });
      const bytes = (limit: number) => {
        const count = muxer.spans(room, limit, room + 1_000);
        return count === undefined
          ? undefined
          : new Uint8Array(Buffer.concat(spanViews(memory, room, count)));
      };
      expect([muxer.find(0, h264.headSeq, 0), muxer.find(0, 0, 0)]).toEqual([false, true]);
      expect([muxer.size, muxer.time, muxer.isKey]).toEqual([300_005, 40, false]);
      expect(Bun.hash(bytes(16)!)).toBe(Bun.hash(bytesOf([0x27, 1, 0, 0, 40], large)));
      expect([bytes(2), bytes(0)]).toEqual([undefined, undefined]);
      expect(muxer.find(1, 0, 22_050)).toBe(true);
      expect([[...bytes(1)!], muxer.time]).toEqual([[0x3f, 2, 1, 4, 3], 500]);
      h264.trim(h264.headSeq);
      muxer.close();
      input.close();
      h264.close();
      pcm.close();
      memory.give(room);
    });

    /** Writes units as `count` tracks of the same content. */
    function write(
      { clockRate }: TsMaker,
      parameters: KnownParameters,
      made: readonly MadeTimes[],
      piece: number,
      count: number,
    ): FlvTag[] {
      const input = UnitWriter.open(memory)!;
      const setup = { format: 0, clockRate, frameTicks: 0, reorderDepth: 0 };
      const tracks = Array.from({ length: count }, () => ({
        parameters,
        units: UnitLog.open(memory, setup)!,
      }));
      for (const { units } of tracks) for (const unit of made) input.write(units, unit.bytes, unit);
      const tags = muxFlv(memory, tracks, piece);
      for (const { units } of tracks) units.close();
      input.close();
      return tags;
    }
  });
}

/** What is known again: each key frame of VP9 says the rest. */
function expected(parameters: KnownParameters): CodecParameters {
  if (parameters.codec === "vp9") return { codec: "vp9" };
  // the maker's frames say so
  return parameters.codec === "ac3" ? { codec: "ac3", clockRate: 48_000, channels: 2 } : parameters;
}
