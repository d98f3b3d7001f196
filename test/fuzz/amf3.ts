import { readAmf3Command } from "../../src/formats/amf/amf0-reader.ts";
import { writeAmf3Command } from "../../src/formats/amf/amf0-writer.ts";
import { amfObject } from "../../src/formats/amf/value.ts";
import { ProtocolError } from "../../src/lib/errors.ts";
import { AMF3_SAMPLES, sampleBytes } from "../formats/amf/samples.ts";
import { checkWritten, kindsOf } from "./amf0.ts";

/** Command and data messages of RTMP, in AMF3. */
export const name = "amf3";

/** A command, and values of all types. */
export const seeds: Uint8Array[] = [
  writeAmf3Command(
    "connect",
    1,
    amfObject({ app: "live", capabilities: [1, 2.5], at: { kind: "date", ms: 0 } }),
  ),
  ...AMF3_SAMPLES.map((sample) => Uint8Array.of(0, ...sampleBytes(sample))),
];

/** Reads, writes and reads again. */
export function run(input: Uint8Array): void {
  const values = readAmf3Command(input);
  checkWritten(values, readAmf3Command, writeAmf3Command);
  throw new ProtocolError(kindsOf(values));
}
