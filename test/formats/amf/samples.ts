import {
  type AmfValue,
  amfObject,
  ecmaArray,
  type MutableAmfObject,
  newAmfObject,
} from "../../../src/formats/amf/value.ts";

/** A message in hexadecimal, spaces allowed, and its values. */
export interface AmfSample {
  readonly name: string;
  readonly hex: string;
  readonly values: readonly AmfValue[];
  /** False if the same values are written in another way. */
  readonly isCanonical?: boolean;
}

const text = (value: string) => new TextEncoder().encode(value).toHex();
const string = (value: string) => `02 ${value.length.toString(16).padStart(4, "0")} ${text(value)}`;
const name = (value: string) => `${value.length.toString(16).padStart(4, "0")} ${text(value)}`;
/** A short AMF3 string, without its marker. */
const string3 = (value: string) => `${(2 * value.length + 1).toString(16).padStart(2, "0")} ${text(value)}`;
const END = "000009";
const ONE = "003ff0000000000000";

const inOrder = (object: MutableAmfObject, members: readonly (readonly [string, AmfValue])[]) => {
  for (const [key, value] of members) object.set(key, value);
  return object;
};
const typed = (className: string, members: Readonly<Record<string, AmfValue>>) =>
  inOrder(newAmfObject({ className }), Object.entries(members));
const shared = amfObject({ a: 1 });

export const AMF0_SAMPLES: readonly AmfSample[] = [
  { name: "nothing", hex: "", values: [] },
  { name: "numbers", hex: `00c000000000000000 007ff0000000000000 ${ONE}`, values: [-2, Infinity, 1] },
  { name: "booleans", hex: "0100 0101", values: [false, true] },
  { name: "a boolean that is neither 0 nor 1", hex: "0107", values: [true], isCanonical: false },
  { name: "strings", hex: `${string("connect")} 020000`, values: ["connect", ""] },
  { name: "text in UTF-8", hex: "020007 e282ac c3bc c3bc", values: ["€üü"] },
  { name: "text that is not UTF-8", hex: "020002 fc41", values: ["�A"], isCanonical: false },
  { name: "a byte order mark is text", hex: "020004 efbbbf41", values: ["\ufeffA"] },
  { name: "a long string", hex: `0c00010000 ${"61".repeat(65536)}`, values: ["a".repeat(65536)] },
  { name: "a short long string", hex: "0c00000001 61", values: ["a"], isCanonical: false },
  { name: "null and undefined", hex: "05 06", values: [null, undefined] },
  { name: "unsupported", hex: "0d", values: [undefined], isCanonical: false },
  { name: "a date", hex: "0b 4271f71fb04cb000 0000", values: [{ kind: "date", ms: 1_234_567_890_123 }] },
  { name: "XML", hex: `0f00000004 ${text("<a/>")}`, values: [{ kind: "xml", text: "<a/>" }] },
  { name: "an empty object", hex: `03 ${END}`, values: [amfObject({})] },
  {
    name: "an object in an object",
    hex: `03 ${name("a")} ${ONE} ${name("b")} 03 ${name("c")} 05 ${END} ${END}`,
    values: [amfObject({ a: 1, b: amfObject({ c: null }) })],
  },
  {
    name: "an empty name",
    hex: `03 0000 05 ${name("a")} 06 ${END}`,
    values: [amfObject({ "": null, a: undefined })],
  },
  {
    name: "the same name twice",
    hex: `03 ${name("a")} 05 ${name("a")} 06 ${END}`,
    values: [amfObject({ a: undefined })],
    isCanonical: false,
  },
  {
    name: "names that objects of JavaScript have",
    hex: `03 ${name("__proto__")} 05 ${name("constructor")} 06 ${END}`,
    values: [
      new Map<string, AmfValue>([
        ["__proto__", null],
        ["constructor", undefined],
      ]),
    ],
  },
  {
    name: "a typed object",
    hex: `10 ${name("T")} ${name("a")} 05 ${END}`,
    values: [typed("T", { a: null })],
  },
  { name: "an ECMA array", hex: `08 00000001 ${name("a")} 0100 ${END}`, values: [ecmaArray({ a: false })] },
  {
    name: "an ECMA array that says it is empty",
    hex: `08 00000000 ${name("a")} 0100 ${END}`,
    values: [ecmaArray({ a: false })],
    isCanonical: false,
  },
  { name: "strict arrays", hex: "0a 00000002 05 0a 00000000", values: [[null, []]] },
  {
    name: "references count objects and arrays in the order in which they begin",
    hex: `0a 00000003 03 ${name("a")} ${ONE} ${END} 08 00000000 ${END} 070001 070002 070001`,
    values: [[shared, ecmaArray({}), shared], ecmaArray({}), shared],
    isCanonical: false,
  },
  {
    name: "values that switch to AMF3",
    hex: `${string("a")} 11 04 05 11 06 ${string3("b")} 05`,
    values: ["a", 5, "b", null],
    isCanonical: false,
  },
  { name: "bytes", hex: "11 0c 05 0102", values: [Uint8Array.of(1, 2)] },
];

/** AMF3 values, each after its marker of AMF0. */
export const AMF3_SAMPLES: readonly AmfSample[] = [
  { name: "simple values", hex: "11 00 11 01 11 02 11 03", values: [undefined, null, false, true] },
  ...(
    [
      [0, "00"],
      [0x7f, "7f"],
      [0x80, "8100"],
      [0x3fff, "ff7f"],
      [0x4000, "818000"],
      [0x1fffff, "ffff7f"],
      [0x200000, "80c08000"],
      [0xfffffff, "bfffffff"],
      [-1, "ffffffff"],
      [-0x10000000, "c0808000"],
    ] as const
  ).map(([value, hex]) => ({ name: `the integer ${value}`, hex: `11 04 ${hex}`, values: [value] })),
  { name: "doubles", hex: "11 05 41b0000000000000 11 05 8000000000000000", values: [0x10000000, -0] },
  { name: "strings", hex: `11 06 01 11 06 ${string3("ab")}`, values: ["", "ab"] },
  {
    name: "references to strings, of which the empty one is not counted",
    hex: `11 06 ${string3("ab")} 11 06 01 11 06 ${string3("c")} 11 06 00 11 06 02`,
    values: ["ab", "", "c", "ab", "c"],
    isCanonical: false,
  },
  { name: "a date", hex: "11 08 01 4000000000000000", values: [{ kind: "date", ms: 2 }] },
  { name: "XML", hex: `11 0b ${string3("<a/>")}`, values: [{ kind: "xml", text: "<a/>" }] },
  {
    name: "an XML document",
    hex: `11 07 ${string3("<a/>")}`,
    values: [{ kind: "xml", text: "<a/>" }],
    isCanonical: false,
  },
  { name: "bytes", hex: "11 0c 05 0102", values: [Uint8Array.of(1, 2)] },
  { name: "a dense array", hex: "11 09 05 01 01 04 07", values: [[null, 7]] },
  { name: "an array with names", hex: `11 09 01 ${string3("a")} 03 01`, values: [ecmaArray({ a: true })] },
  {
    name: "an array with names and without",
    hex: `11 09 05 ${string3("a")} 03 01 01 02`,
    values: [
      inOrder(newAmfObject({ form: "ecma-array" }), [
        ["a", true],
        ["0", null],
        ["1", false],
      ]),
    ],
    isCanonical: false,
  },
  { name: "an object", hex: `11 0a 0b 01 ${string3("a")} 04 01 01`, values: [amfObject({ a: 1 })] },
  {
    name: "an object with an empty name",
    hex: `11 0a 1b 01 01 01 ${string3("a")} 04 01 01`,
    values: [amfObject({ "": null, a: 1 })],
  },
  {
    name: "a typed object",
    hex: `11 0a 0b ${string3("T")} ${string3("a")} 01 01`,
    values: [typed("T", { a: null })],
  },
  {
    name: "traits, then a reference to them",
    hex: `11 0a 23 ${string3("T")} ${string3("a")} ${string3("b")} 01 02 11 0a 01 03 04 09`,
    values: [typed("T", { a: null, b: false }), typed("T", { a: true, b: 9 })],
    isCanonical: false,
  },
  {
    name: "members of the traits, then others",
    hex: `11 0a 1b 01 ${string3("a")} 01 ${string3("b")} 02 01`,
    values: [amfObject({ a: null, b: false })],
    isCanonical: false,
  },
  {
    name: "references to a date, XML, bytes, an array and an object",
    hex: `11 08 01 4000000000000000 11 0b 03 78 11 0c 03 07 11 09 01 01 11 0a 0b 01 01
      11 08 00 11 0b 02 11 0c 04 11 09 06 11 0a 08`,
    values: [
      { kind: "date", ms: 2 },
      { kind: "xml", text: "x" },
      Uint8Array.of(7),
      [],
      amfObject({}),
      { kind: "date", ms: 2 },
      { kind: "xml", text: "x" },
      Uint8Array.of(7),
      [],
      amfObject({}),
    ],
    isCanonical: false,
  },
  {
    name: "vectors",
    hex: `11 0d 05 00 ffffffff 00000001 11 0e 03 01 ffffffff 11 0f 03 00 3ff0000000000000
      11 10 05 00 01 04 01 01 11 0d 02`,
    values: [[-1, 1], [0xffffffff], [1], [1, null], [0xffffffff]],
    isCanonical: false,
  },
];

/** The bytes of a sample. */
export function sampleBytes({ hex }: Pick<AmfSample, "hex">): Uint8Array {
  return Uint8Array.fromHex(hex.replace(/\s/g, ""));
}
