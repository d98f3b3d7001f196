import { describe, expect, test } from "bun:test";
import type { CodecParameters } from "../../src/media/codec-parameters.ts";
import { asKnown, pictureOf, setsOf, withInBand } from "../../src/media/parameters.ts";
import { PARAMETER_SAMPLES, sampleName, samplesOf, VP9_FRAME } from "./parameter-samples.ts";

const [AV1, VP9, H265, H264] = samplesOf(["av1", "vp9", "h265", "h264"]) as [
  Extract<CodecParameters, { codec: "av1" }>,
  Extract<CodecParameters, { codec: "vp9" }>,
  Extract<CodecParameters, { codec: "h265" }>,
  Extract<CodecParameters, { codec: "h264" }>,
];
const OTHER = new Uint8Array([1, 2, 3, 4]);

describe("parameters of a codec", () => {
  for (const sample of PARAMETER_SAMPLES) {
    test(`are known with all of them: ${sampleName(sample)}`, () => {
      expect(asKnown(sample)).toBe(sample);
    });

    const optional = Object.entries(sample).filter(([, value]) => typeof value === "object");
    for (const [field] of optional) {
      test(`are not known without one: ${field} of ${sample.codec}`, () => {
        expect(asKnown({ ...sample, [field]: undefined } as CodecParameters)).toBeUndefined();
      });
    }
  }

  test("are not known when they make no sense", () => {
    const broken: CodecParameters[] = [
      { codec: "av1", sequenceHeader: OTHER },
      { codec: "h264", sps: OTHER, pps: OTHER },
      { ...H265, sps: OTHER },
      { codec: "mpeg4Audio", config: new Uint8Array([0x16]) },
    ];
    for (const parameters of broken) {
      expect(asKnown(parameters)).toBeUndefined();
      expect(pictureOf(parameters)).toBeUndefined();
    }
  });

  test("say the size of the picture, those of sound do not", () => {
    const sizes = PARAMETER_SAMPLES.map((sample) => [sample.codec, pictureOf(sample)?.width]);
    expect(Object.fromEntries(sizes)).toMatchObject({ av1: 640, vp9: 640, h265: 1920, h264: 1920 });
    expect(sizes.filter(([, width]) => width !== undefined).length).toBe(4);
  });

  test("have their sets in the order of a stream", () => {
    expect(setsOf(H265)).toEqual([H265.vps!, H265.sps!, H265.pps!]);
    expect(setsOf(H264)).toEqual([H264.sps!, H264.pps!]);
    expect(setsOf({ codec: "h264", pps: OTHER })).toEqual([OTHER]);
    expect(setsOf(AV1)).toEqual([]);
  });
});

describe("what comes in band", () => {
  const { vps, sps, pps } = H265 as { vps: Uint8Array; sps: Uint8Array; pps: Uint8Array };

  test("counts instead of what was known, sets as soon as SPS and PPS are there", () => {
    const before: CodecParameters = { codec: "h265", vps: OTHER, sps: OTHER, pps: OTHER };
    const half = { vps, sps, pps: undefined };
    expect(withInBand(before, { sets: half })).toEqual(before);
    expect(withInBand(before, { sets: { vps, sps, pps } })).toEqual(H265);
    expect(withInBand(before, { sets: { vps: undefined, sps, pps } })).toEqual({ ...H265, vps: OTHER });
    const fresh = { vps: undefined, sps: H264.sps!, pps: H264.pps! };
    expect(withInBand({ codec: "h264", sps: OTHER, pps: OTHER }, { sets: fresh })).toEqual(H264);
    expect(withInBand({ codec: "h264" }, {})).toEqual({ codec: "h264" });
  });

  test("is read from the head of a key frame", () => {
    const delimiter = [0x12, 0];
    const head = new Uint8Array([...delimiter, ...AV1.sequenceHeader!, 0x32, 0x80]);
    expect(withInBand({ codec: "av1" }, { head })).toEqual(AV1);
    expect(withInBand({ codec: "vp9" }, { head: Uint8Array.from(VP9_FRAME) })).toEqual(VP9);
  });

  test("changes nothing where it makes no sense, or is of another codec", () => {
    for (const sample of PARAMETER_SAMPLES) expect(withInBand(sample, { head: OTHER })).toEqual(sample);
    expect(withInBand({ codec: "opus", channels: 2 }, { config: OTHER })).toEqual({
      codec: "opus",
      channels: 2,
    });
  });

  test("is a configuration of AAC", () => {
    expect(withInBand({ codec: "mpeg4Audio" }, { config: OTHER })).toEqual({
      codec: "mpeg4Audio",
      config: OTHER,
    });
    const before: CodecParameters = { codec: "mpeg4Audio", config: new Uint8Array([0x11, 0x90]) };
    expect(withInBand(before, { config: undefined })).toEqual(before);
  });
});
