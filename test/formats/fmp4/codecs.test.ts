import { describe, expect, test } from "bun:test";
import { codecName, isReadable, MP4_WRITTEN, sampleEntry } from "../../../src/formats/fmp4/codecs.ts";
import { writeInit } from "../../../src/formats/fmp4/init.ts";
import { readInit } from "../../../src/formats/fmp4/read-init.ts";
import type { CodecParameters, KnownParameters } from "../../../src/media/codec-parameters.ts";
import { asKnown, setsOf } from "../../../src/media/parameters.ts";
import { sampleName, samplesOf } from "../../media/parameter-samples.ts";

/** What an entry is read for: each key frame of VP9 says the rest. */
function carried(parameters: KnownParameters): CodecParameters {
  return parameters.codec === "vp9" ? { codec: "vp9" } : parameters;
}

describe("files carry codec parameters there and back", () => {
  test("every codec that is written has a sample", () => {
    expect(new Set(samplesOf(MP4_WRITTEN).map(({ codec }) => codec))).toEqual(new Set(MP4_WRITTEN));
  });

  for (const sample of samplesOf(MP4_WRITTEN)) {
    test(sampleName(sample), () => {
      const init = writeInit([{ parameters: sample, timescale: 90_000 }]);
      const [track] = readInit(init);
      const { parameters, sets = [] } = track!.description!;
      expect(parameters).toEqual(carried(sample));
      expect(sets).toEqual([...setsOf(sample)]);
      if (sample.codec === "vp9") return;
      expect(writeInit([{ parameters: asKnown(parameters)!, timescale: 90_000 }])).toEqual(init);
    });
  }

  test("what is not written is a mistake of ours", () => {
    expect(() => sampleEntry({ codec: "g722" })).toThrow("g722");
  });
});

test("playlists and pages name a codec with its parameters", () => {
  expect(samplesOf(MP4_WRITTEN).map(codecName)).toEqual([
    "av01.0.08M.08.0.110.02.02.02.0",
    "vp09.00.10.08",
    "hvc1.1.6.L123.90",
    "avc1.640028",
    "opus",
    "opus",
    "mp4a.40.2",
    "mp4a.40.2",
  ]);
});

test("names of codecs that can be read", () => {
  const names = [
    "avc1.640028",
    "avc3",
    "HVC1.1.6.L93.B0",
    "hev1",
    "av01",
    "vp08",
    "vp09",
    "mp4a.40.34",
    "Opus",
  ];
  for (const name of [...names, "ac-3"]) expect([name, isReadable(name)]).toEqual([name, true]);
  for (const name of ["ec-3", "dvh1.05.06", "stpp", "", ".mp3", "fLaC"]) {
    expect([name, isReadable(name)]).toEqual([name, false]);
  }
});

test("of several tracks of a kind the newest codec is taken", () => {
  expect(MP4_WRITTEN).toEqual(["av1", "vp9", "h265", "h264", "opus", "mpeg4Audio"]);
});
