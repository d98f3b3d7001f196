import { describe, expect, test } from "bun:test";
import { ProtocolError } from "../../src/lib/errors.ts";
import { parseStreamMuxConfig } from "../../src/media/latm.ts";
import { parseAudioConfig } from "../../src/media/mpeg4-audio.ts";

const read = (hex: string) => parseStreamMuxConfig(Buffer.from(hex, "hex"));

describe("a StreamMuxConfig", () => {
  const CASES = [
    // RFC 6416 §7.4.1: AAC at 44.1 kHz in stereo, and at 24 kHz in mono
    ["AAC-LC, 24 kHz, mono", "40002610 3fc0", "1308", 1, 0],
    ["AAC-LC, 48 kHz, stereo", "40002320 3fc0", "1190", 1, 0],
    ["as GStreamer 1.22 writes it, without an end", "40002320 adca00", "119056e500", 1, 0],
    ["two subframes", "41002320 3fc0", "1190", 2, 0],
    ["a fixed size", "40002320 4c80", "1190", 1, 20 + 100],
    ["HE-AAC, said in the open", "40005623 101fe0", "2b118800", 1, 0],
  ] as const;
  for (const [name, hex, config, subFrames, frameBytes] of CASES) {
    test(name, () => {
      const facts = read(hex.replaceAll(" ", ""));
      expect({ ...facts, config: Buffer.from(facts.config).toString("hex") }).toEqual({
        config,
        subFrames,
        frameBytes,
      });
      expect(parseAudioConfig(facts.config).channels).toBeGreaterThan(0);
    });
  }

  test("of several programs or layers, cut, or of a codec without an end", () => {
    for (const hex of ["40102320", "40022320", "4000", "c0", "00002320", "4000fd203fc0"])
      expect(() => read(hex)).toThrow(ProtocolError);
  });
});
