import { describe, expect, test } from "bun:test";
import { readAmf0, readAmf3Command } from "../../../src/formats/amf/amf0-reader.ts";
import { writeAmf0, writeAmf3Command } from "../../../src/formats/amf/amf0-writer.ts";
import { writeAmf3Value } from "../../../src/formats/amf/amf3-writer.ts";
import { MAX_AMF_COST, MAX_AMF_DEPTH, MAX_AMF_VALUES } from "../../../src/formats/amf/limits.ts";
import { AmfOutput } from "../../../src/formats/amf/output.ts";
import { type AmfValue, amfObject, ecmaArray, newAmfObject } from "../../../src/formats/amf/value.ts";
import { ProtocolError } from "../../../src/lib/errors.ts";
import { Random } from "../../support/random.ts";
import { plain } from "./compare.ts";
import { AMF0_SAMPLES, AMF3_SAMPLES, type AmfSample, sampleBytes } from "./samples.ts";

const hex = (text: string) => sampleBytes({ hex: text });
const isCanonical = (sample: AmfSample) => sample.isCanonical !== false;

describe("AMF0", () => {
  test.each(AMF0_SAMPLES)("is read: $name", (sample) => {
    expect(readAmf0(sampleBytes(sample)).map(plain)).toEqual(sample.values.map(plain));
  });

  test.each(AMF0_SAMPLES.filter(isCanonical))("is written: $name", (sample) => {
    expect(writeAmf0(...sample.values).toHex()).toBe(sampleBytes(sample).toHex());
  });
});

describe("AMF3", () => {
  test.each(AMF3_SAMPLES)("is read: $name", (sample) => {
    expect(readAmf0(sampleBytes(sample)).map(plain)).toEqual(sample.values.map(plain));
  });

  test.each(AMF3_SAMPLES.filter(isCanonical))("is written: $name", (sample) => {
    const output = new AmfOutput();
    for (const value of sample.values) writeAmf3Value(value, output.u8(0x11));
    expect(output.finish().toHex()).toBe(sampleBytes(sample).toHex());
  });

  test("a command begins with a byte 0, which may be missing", () => {
    const command = writeAmf3Command("connect", 1, amfObject({ app: "live" }), null);
    const values = ["connect", 1, amfObject({ app: "live" }), null];
    expect(command.toHex()).toStartWith(`00${writeAmf0("connect", 1).toHex()}110a0b01`);
    expect(readAmf3Command(command).map(plain)).toEqual(values.map(plain));
    expect(readAmf3Command(command.subarray(1)).map(plain)).toEqual(values.map(plain));
    expect(readAmf3Command(new Uint8Array(0))).toEqual([]);
  });

  test("bytes outlive the message", () => {
    const message = hex("11 0c 05 0102");
    const [bytes] = readAmf0(message);
    message.fill(9);
    expect(bytes).toEqual(Uint8Array.of(1, 2));
  });
});

test.each([
  ["no end of an object", "03 0001 61 05", "unexpected end of AMF data"],
  ["half a number", "00 3ff0", "unexpected end of AMF data"],
  ["a string that is longer than the message", "02 ffff 61", "unexpected end of AMF data"],
  ["a long string of 4 GB", "0c ffffffff 61", "unexpected end of AMF data"],
  ["an array of 4 billion", "0a ffffffff 05", "unexpected end of AMF data"],
  ["an AMF3 array of 268 million", "11 09 ffffffff 01 01", "unexpected end of AMF data"],
  ["a vector that is longer than the message", "11 0d 7f 00 00000000", "unexpected end of AMF data"],
  ["traits that are longer than the message", "11 0a fffffff3 01", "unexpected end of AMF data"],
  ["a movie clip", "04", "unsupported AMF0 type: movie clip"],
  ["an end without an object", "09", "unsupported AMF0 type: end of an object"],
  ["a record set", "0e", "unsupported AMF0 type: record set"],
  ["an unknown marker", "12", "unsupported AMF0 type: 0x12"],
  ["a dictionary", "11 11 01 00", "unsupported AMF3 type: dictionary"],
  ["an unknown AMF3 marker", "11 12", "unsupported AMF3 type: 0x12"],
  [
    "an externalizable object",
    `11 0a 07 09 ${Buffer.from('a"\nb').toString("hex")}`,
    'unsupported AMF3 type: externalizable object of class "a\\"\\nb"',
  ],
  ["a reference to nothing", "07 0000", "invalid AMF reference: 0"],
  ["an object that contains itself", "03 0001 61 07 0000 000009", "an AMF value contains itself: 0"],
  ["an AMF3 array that contains itself", "11 09 03 01 09 00", "an AMF value contains itself: 0"],
  ["an AMF3 reference to nothing", "11 0a 02", "invalid AMF reference: 1"],
  ["a reference to no string", "11 06 00", "invalid reference to an AMF3 string: 0"],
  ["a reference to no traits", "11 0a 05", "invalid reference to AMF3 traits: 1"],
])("%s is refused", (_, text, message) => {
  expect(() => readAmf0(hex(text))).toThrow(new ProtocolError(message));
});

/** An AMF3 string of this length, without its marker. */
const text3 = (length: number) =>
  `${new AmfOutput()
    .u29(2 * length + 1)
    .finish()
    .toHex()} ${"61".repeat(length)}`;

describe("limits", () => {
  const nested = (depth: number) => `${"0a00000001".repeat(depth - 1)}0a00000000`;

  test("values nest up to a depth, across both versions", () => {
    expect(readAmf0(hex(nested(MAX_AMF_DEPTH)))).toHaveLength(1);
    const error = new ProtocolError(`AMF values nested deeper than ${MAX_AMF_DEPTH}`);
    expect(() => readAmf0(hex(nested(MAX_AMF_DEPTH + 1)))).toThrow(error);
    expect(() => readAmf0(hex(nested(500_000)))).toThrow(error);
    expect(() => readAmf0(hex(`11${"090301".repeat(500_000)}`))).toThrow(error);
    const inner = nested(MAX_AMF_DEPTH).replace(/0a00000000$/, "11090101");
    expect(readAmf0(hex(inner))).toHaveLength(1);
    expect(() => readAmf0(hex(inner.replace(/11090101$/, "11090301090101")))).toThrow(error);
  });

  test("depth counts through references", () => {
    const link = (i: number) => `0a00000001 07${i.toString(16).padStart(4, "0")}`;
    const chain = (length: number) =>
      `0a00000000 ${Array.from({ length: length - 1 }, (_, i) => link(i)).join(" ")}`;
    expect(readAmf0(hex(chain(MAX_AMF_DEPTH)))).toHaveLength(MAX_AMF_DEPTH);
    expect(() => readAmf0(hex(chain(MAX_AMF_DEPTH + 1)))).toThrow(
      new ProtocolError(`AMF values nested deeper than ${MAX_AMF_DEPTH}`),
    );
  });

  test("references that multiply are refused", () => {
    const level = (i: number) => `0a00000002 ${`07${i.toString(16).padStart(4, "0")}`.repeat(2)}`;
    const message = (levels: number) =>
      `0a00000000 ${Array.from({ length: levels }, (_, i) => level(i)).join("")}`;
    expect(writeAmf0(...readAmf0(hex(message(8)))).length).toBeLessThan(MAX_AMF_COST);
    expect(() => readAmf0(hex(message(40)))).toThrow(new ProtocolError("AMF values too large"));
  });

  test("so are references to a long string, and names that an object's traits repeat", () => {
    const long = `11 06 ${text3(100_000)}`;
    const error = new ProtocolError("AMF values too large");
    expect(() => readAmf0(hex(`${long} ${"11 06 00".repeat(1_000)}`))).toThrow(error);
    const name = text3(10_000);
    expect(() => readAmf0(hex(`11 0a 13 01 ${name} 01 ${"11 0a 01 01".repeat(1_000)}`))).toThrow(error);
  });

  test("a reference costs as much as the names that come with its object", () => {
    const error = new ProtocolError("AMF values too large");
    const name = `2710 ${"61".repeat(10_000)}`;
    expect(() => readAmf0(hex(`10 ${name} 000009 ${"070000".repeat(1_000)}`))).toThrow(error);
    const name3 = text3(10_000);
    expect(() => readAmf0(hex(`11 0a 0b ${name3} 01 ${"11 0a 00".repeat(1_000)}`))).toThrow(error);
    expect(() => readAmf0(hex(`11 09 01 ${name3} 01 01 ${"11 09 00".repeat(1_000)}`))).toThrow(error);
  });

  test("so are more values than a message has reason for", () => {
    const error = new ProtocolError("AMF values too large");
    const array = (item: string, count: number) =>
      hex(`0a ${count.toString(16).padStart(8, "0")} ${item.repeat(count)}`);
    for (const item of ["05", "0d", "020000", "03000009", "0a00000000", "110c01"])
      expect(() => readAmf0(array(item, 300_000))).toThrow(error);
    expect(readAmf0(new Uint8Array(MAX_AMF_VALUES).fill(0x05))).toHaveLength(MAX_AMF_VALUES);
    expect(() => readAmf0(new Uint8Array(16 << 20).fill(0x05))).toThrow(
      new ProtocolError(`more than ${MAX_AMF_VALUES} AMF values`),
    );
  });

  test("a name has a length at which it can be written again, even if it is not UTF-8", () => {
    const object = (length: number) => hex(`03 ${length.toString(16)} ${"ff".repeat(length)} 05 000009`);
    const values = readAmf0(object(16_384));
    expect(readAmf0(writeAmf0(...values)).map(plain)).toEqual(values.map(plain));
    const error = new ProtocolError("AMF name longer than 16384");
    expect(() => readAmf0(object(16_385))).toThrow(error);
    const long = text3(16_385);
    expect(() => readAmf0(hex(`11 06 ${long} 11 0a 0b 00 01`))).toThrow(error);
    expect(() => readAmf0(hex(`11 06 ${long} 11 0a 0b 01 00 01 01`))).toThrow(error);
  });

  test("a table of 50,000 key frames is no reason to refuse a recording", () => {
    const times = Array.from({ length: 50_000 }, (_, i) => 2 * i);
    const metadata = ecmaArray({ keyframes: amfObject({ times, filepositions: times }) });
    expect(readAmf0(writeAmf0("onMetaData", metadata)).map(plain)).toEqual(
      ["onMetaData", metadata].map(plain),
    );
  });
});

describe("random values come back as they were", () => {
  test.each(Array.from({ length: 50 }, (_, i) => i + 1))("seed %d", (seed) => {
    const random = new Random(seed);
    const values = Array.from({ length: random.below(5) }, () => randomValue(random, 4));
    const expected = values.map(plain);
    expect(readAmf0(writeAmf0(...values)).map(plain)).toEqual(expected);
    expect(readAmf3Command(writeAmf3Command(...values)).map(plain)).toEqual(expected);
  });
});

function randomValue(random: Random, depth: number): AmfValue {
  switch (random.below(depth === 0 ? 8 : 11)) {
    case 0:
      return random.bits() - random.bits();
    case 1:
      return (random.bits() - 0x8000_0000) / 2 ** random.below(40);
    case 2:
      return random.pick(["", "a", "€", "x".repeat(random.below(70_000))]);
    case 3:
      return random.chance(0.5);
    case 4:
      return random.pick([null, undefined, Number.NaN, -0]);
    case 5:
      return { kind: "date", ms: random.bits() };
    case 6:
      return { kind: "xml", text: "<a/>" };
    case 7:
      return random.bytes(random.below(300));
    case 8:
      return Array.from({ length: random.below(4) }, () => randomValue(random, depth - 1));
    default:
      return randomObject(random, depth);
  }
}

/** An ECMA array has a member, without an empty name, because AMF3 could not tell it from others. */
function randomObject(random: Random, depth: number): AmfValue {
  const isArray = random.chance(0.5);
  const object = newAmfObject(
    isArray ? { form: "ecma-array" } : random.chance(0.3) ? { className: "some.Class" } : {},
  );
  if (!isArray && random.chance(0.2)) object.set("", randomValue(random, depth - 1));
  for (let i = random.below(4); i >= 0; i--) object.set(`name${i}`, randomValue(random, depth - 1));
  return object;
}
