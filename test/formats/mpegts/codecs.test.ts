import { afterEach, describe, expect, test } from "bun:test";
import { readTsTrack, TS_CODECS, tsCarriage, tsKind } from "../../../src/formats/mpegts/codecs.ts";
import { TsPrograms } from "../../../src/formats/mpegts/programs.ts";
import { ProtocolError } from "../../../src/lib/errors.ts";
import type { CodecId } from "../../../src/media/codec-parameters.ts";
import { withLengths } from "../../../src/media/nal.ts";
import { setsOf } from "../../../src/media/parameters.ts";
import { TsDemuxer } from "../../../wasm/ts-demuxer.ts";
import { sampleName, samplesOf } from "../../media/parameter-samples.ts";
import { Random } from "../../support/random.ts";
import { loadBuild } from "../../wasm/builds.ts";
import { checkReturned } from "../../wasm/compare.ts";
import { TS_MAKERS, type TsMaker } from "../../wasm/ts-makers.ts";
import { makeUnits, mux, takeUnits } from "../../wasm/ts-units.ts";

const CODECS = Object.keys(TS_CODECS) as CodecId[];
const IDR = { h264: [0x65, 0x9a, 1, 2], h265: [0x26, 1, 0xaf, 1, 2] } as const;

describe("transport streams carry codec parameters there and back", () => {
  const memory = loadBuild("release", 64);
  afterEach(() => checkReturned(memory));

  test("every codec has a sample", () => {
    expect(new Set(samplesOf(CODECS).map(({ codec }) => codec))).toEqual(new Set(CODECS));
  });

  for (const sample of samplesOf(CODECS)) {
    if (sample.codec === "ac3") continue; // its frames say their channels: below
    test(sampleName(sample), () => {
      const usual = TS_MAKERS.find(({ codec }) => codec.codec === sample.codec)!;
      // pictures without sets: those of the parameters go in front
      const bare = sample.codec === "h264" || sample.codec === "h265" ? IDR[sample.codec] : undefined;
      const unit = bare && withLengths([new Uint8Array(bare)]);
      const maker: TsMaker = {
        ...usual,
        codec: sample,
        make: (random, i) =>
          unit === undefined ? usual.make(random, i) : { bytes: unit, isKey: true, ticks: 3_600 },
      };
      const stream = mux(memory, [{ maker, units: makeUnits(maker, new Random(1), 1) }], 0);
      const demuxer = TsDemuxer.open(memory, new TsPrograms())!;
      demuxer.push(stream);
      demuxer.flush();
      const [track] = demuxer.tracks;
      const parameters = readTsTrack(track!);
      expect(parameters).toEqual(sample);
      expect(tsCarriage(parameters)).toEqual(tsCarriage(sample));
      const [first] = takeUnits(memory, track!.units!);
      if (unit !== undefined) expect([...first!.bytes]).toEqual([...withLengths(setsOf(sample)), ...unit]);
      demuxer.close();
    });
  }

  test("ac3: its frames say what it is", () => {
    const maker = TS_MAKERS.find(({ codec }) => codec.codec === "ac3")!;
    const demuxer = TsDemuxer.open(memory, new TsPrograms())!;
    demuxer.push(mux(memory, [{ maker, units: makeUnits(maker, new Random(1), 1) }], 0));
    demuxer.flush();
    expect(readTsTrack(demuxer.tracks[0]!)).toEqual({ codec: "ac3", clockRate: 48_000, channels: 2 });
    demuxer.close();
  });
});

describe("an elementary stream", () => {
  test("is of the codec of its stream type, and of what its row is written with", () => {
    for (const codec of CODECS) {
      const row = TS_CODECS[codec as keyof typeof TS_CODECS];
      const types = row.streamTypes.filter((type) => type !== 6);
      for (const type of types) expect(tsKind(type, new Uint8Array(0))?.kind).toBe(row.kind);
    }
    for (const sample of samplesOf(CODECS)) {
      const { kind, map } = tsCarriage(sample)!;
      expect(tsKind(map[0]!, map.subarray(1))?.kind).toBe(kind);
    }
  });

  test("of private data is what its descriptors say", () => {
    expect(tsKind(6, new Uint8Array(0))).toBeUndefined();
    expect(tsKind(6, new Uint8Array([0x6a, 0]))?.kind).toBe(TS_CODECS.ac3.kind);
    expect(tsKind(6, new Uint8Array([5, 4, ...Buffer.from("HEVC")]))?.kind).toBe(TS_CODECS.h265.kind);
    const opus = (code: number) => [5, 4, ...Buffer.from("Opus"), 0x7f, 2, 0x80, code];
    expect([0, 1, 6, 0x88, 0x7f].map((code) => tsKind(6, new Uint8Array(opus(code)))?.channels)).toEqual([
      2, 1, 6, 8, 2,
    ]);
  });

  test("is not written of what has no row, nor of AAC without a header for it", () => {
    expect(tsCarriage({ codec: "vp9" })).toBeUndefined();
    expect(() => tsCarriage({ codec: "mpeg4Audio" })).toThrow(ProtocolError);
    const explicitRate = new Uint8Array(Buffer.from("178054601000", "hex"));
    expect(() => tsCarriage({ codec: "mpeg4Audio", config: explicitRate })).toThrow(ProtocolError);
  });
});
