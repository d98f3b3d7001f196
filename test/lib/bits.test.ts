import { expect, test } from "bun:test";
import { BitReader } from "../../src/lib/bits.ts";
import { ProtocolError } from "../../src/lib/errors.ts";

test("bits come most significant first", () => {
  const bits = new BitReader(new Uint8Array([0b1010_0101, 0xff, 0, 0, 0, 1]));
  expect([bits.read(3), bits.flag(), bits.read(4), bits.read(8)]).toEqual([5, false, 5, 255]);
  expect([bits.left, bits.read(32), bits.left]).toEqual([32, 1, 0]);
  expect(() => bits.read(1)).toThrow(ProtocolError);
  expect(() => bits.skip(1)).toThrow(ProtocolError);
});

test("Exp-Golomb numbers (ITU-T H.264 table 9-2, 9-3)", () => {
  // 1 010 011 00100 00111 0001000
  const bytes = new Uint8Array([
    0b1010_0110, 0b0100_0011, 0b1000_1000, 0b1010_0110, 0b0100_0011, 0b1000_1000,
  ]);
  const bits = new BitReader(bytes);
  expect(Array.from({ length: 6 }, () => bits.golomb())).toEqual([0, 1, 2, 3, 6, 7]);
  const signed = new BitReader(bytes);
  expect(Array.from({ length: 6 }, () => signed.signedGolomb())).toEqual([-0, 1, -1, 2, -3, 4]);
  expect(() => new BitReader(new Uint8Array(5)).golomb()).toThrow(ProtocolError);
});
