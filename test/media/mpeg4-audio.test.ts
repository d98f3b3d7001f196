import { describe, expect, test } from "bun:test";
import { ProtocolError } from "../../src/lib/errors.ts";
import { adtsHeader, parseAudioConfig } from "../../src/media/mpeg4-audio.ts";

describe("an AudioSpecificConfig", () => {
  const CASES = [
    ["AAC-LC, 48 kHz, stereo", "1190", 2, 48_000, 2, 1024],
    ["AAC-LC, 44.1 kHz, mono", "1208", 2, 44_100, 1, 1024],
    ["AAC-LC, frames of 960", "1194", 2, 48_000, 2, 960],
    ["HE-AAC: the core codec", "2b920800", 2, 22_050, 2, 1024],
    ["HE-AAC v2", "eb8a0800", 2, 22_050, 1, 1024],
    ["a rate of its own", "178054601000", 2, 43_200, 2, 1024],
    ["7.1", "11b8", 2, 48_000, 8, 1024],
  ] as const;
  for (const [name, config, objectType, sampleRate, channels, frameSamples] of CASES) {
    test(name, () => {
      const facts = parseAudioConfig(Buffer.from(config, "hex"));
      expect(facts).toEqual({ objectType, sampleRate, channels, frameSamples });
    });
  }

  test("that is cut, or has a forbidden rate", () => {
    expect(() => parseAudioConfig(Buffer.from("11", "hex"))).toThrow(ProtocolError);
    expect(() => parseAudioConfig(Buffer.from("1690", "hex"))).toThrow("rate 13");
  });
});

test("an ADTS header says object type, rate and channels", () => {
  const facts = { objectType: 2, sampleRate: 44_100, channels: 2, frameSamples: 1024 };
  expect([...adtsHeader(facts)]).toEqual([0xff, 0xf1, 0x50, 0x80, 0, 0x1f, 0xfc]);
  expect(() => adtsHeader({ ...facts, objectType: 42 })).toThrow(ProtocolError);
  expect(() => adtsHeader({ ...facts, sampleRate: 43_200 })).toThrow(ProtocolError);
});
