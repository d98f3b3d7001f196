import { readAmf0 } from "../../src/formats/amf/amf0-reader.ts";
import { writeAmf0 } from "../../src/formats/amf/amf0-writer.ts";
import { type AmfValue, isAmfObject } from "../../src/formats/amf/value.ts";
import { ProtocolError } from "../../src/lib/errors.ts";
import { AMF0_SAMPLES, sampleBytes } from "../formats/amf/samples.ts";

/** Command and data messages of RTMP, in AMF0. */
export const name = "amf0";

/** What clients send to connect and to publish; values of all types. */
export const seeds: Uint8Array[] = [
  writeAmf0(
    "connect",
    1,
    new Map<string, AmfValue>([
      ["app", "live"],
      ["fourCcList", ["hvc1", "av01"]],
    ]),
  ),
  writeAmf0(
    "@setDataFrame",
    "onMetaData",
    new Map<string, AmfValue>([
      ["width", 1920],
      ["stereo", true],
    ]),
  ),
  ...AMF0_SAMPLES.map(sampleBytes).filter(({ length }) => length < 1_000),
];

/** Reads, writes and reads again. */
export function run(input: Uint8Array): void {
  const values = readAmf0(input);
  checkWritten(values, readAmf0, writeAmf0);
  throw new ProtocolError(kindsOf(values));
}

/** What is written reads back to what is written in the same way again. */
export function checkWritten(
  values: readonly AmfValue[],
  read: (bytes: Uint8Array) => AmfValue[],
  write: (...values: readonly AmfValue[]) => Uint8Array,
): void {
  const written = write(...values);
  let again: readonly AmfValue[];
  try {
    again = read(written);
  } catch (error) {
    // The names of the other version may cost more
    if (error instanceof ProtocolError && error.message === "AMF values too large") return;
    throw new Error("what was written is not read", { cause: error });
  }
  if (!Buffer.from(write(...again)).equals(written)) throw new Error("other values came back");
}

/** A word of a letter for each kind of value. */
export function kindsOf(values: readonly AmfValue[]): string {
  const kinds = new Set<string>();
  for (const value of values) addKinds(value, kinds);
  return `k${[...kinds].sort().join("")}`;
}

function addKinds(value: AmfValue, kinds: Set<string>): void {
  if (value instanceof Uint8Array) kinds.add("y");
  else if (value === null || typeof value !== "object")
    kinds.add(value === null ? "z" : ((typeof value)[0] as string));
  else if (isAmfObject(value)) {
    kinds.add(value.form === "ecma-array" ? "e" : value.className === undefined ? "m" : "t");
    for (const member of value.values()) addKinds(member, kinds);
  } else if ("kind" in value) kinds.add(value.kind === "date" ? "d" : "x");
  else {
    kinds.add("a");
    for (const item of value) addKinds(item, kinds);
  }
}
