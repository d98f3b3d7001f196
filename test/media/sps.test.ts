import { describe, expect, test } from "bun:test";
import { ProtocolError } from "../../src/lib/errors.ts";
import { parseH264Sps } from "../../src/media/h264.ts";
import { parseH265Sps } from "../../src/media/h265.ts";

const hex = (text: string) => new Uint8Array(Buffer.from(text, "hex"));

/** From x264 and x265. */
const H264 = [
  ["baseline", "6742c01ed900a02ff970110000030001000003003c8f162e48", 640, 360, 30, 0],
  ["high, with B frames", "67640028acd940780227e5c044000003000400000300c83c60c658", 1920, 1080, 25, 2],
  ["interlaced", "67640028ace401e0113f78088000000300800000190f8b1724", 1920, 1080, 25, 0],
  ["4:4:4, cropped", "67f4000d919b282a10f1f1f808800001f480005dc0078a14cb", 322, 242, 24000 / 1001, 2],
] as const;
const H265 = [
  [
    "main",
    "42010101600000030090000003000003007ba003c08010e596566924caf0168080000003008000001904",
    1920,
    1080,
    50,
    2,
  ],
  [
    "main 10, cropped",
    "42010102200000030090000003000003003fa005020171f3365ba4a4c2f0168080000003008000000f04",
    640,
    358,
    30,
    0,
  ],
] as const;

describe("sequence parameter sets", () => {
  for (const [name, sps, width, height, frameRate, reorderDepth] of H264) {
    test(`of H264, ${name}`, () => {
      const facts = parseH264Sps(hex(sps));
      expect(facts).toMatchObject({ width, height, reorderDepth });
      expect(facts.frameRate).toBeCloseTo(frameRate, 3);
    });
  }
  for (const [name, sps, width, height, frameRate, reorderDepth] of H265) {
    test(`of H265, ${name}`, () => {
      const facts = parseH265Sps(hex(sps));
      expect(facts).toMatchObject({ width, height, reorderDepth });
      expect(facts.frameRate).toBeCloseTo(frameRate, 3);
    });
  }

  test("that are cut or changed end in an answer or a clean error", () => {
    const parsers = [
      [H264, parseH264Sps],
      [H265, parseH265Sps],
    ] as const;
    for (const [cases, parse] of parsers) {
      for (const [, sps] of cases) {
        const bytes = hex(sps);
        for (let bit = 0; bit < 8 * bytes.length; bit++) {
          const changed = bytes.slice();
          changed[bit >> 3]! ^= 1 << (bit & 7);
          for (const input of [changed, bytes.subarray(0, bit >> 3)]) {
            try {
              const { width, height } = parse(input);
              expect(width > 0 && height > 0 && width <= 16_384 && height <= 16_384).toBe(true);
            } catch (error) {
              expect(error).toBeInstanceOf(ProtocolError);
            }
          }
        }
      }
    }
  });
});
