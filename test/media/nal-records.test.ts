import { describe, expect, test } from "bun:test";
import type { Known, ParametersOf } from "../../src/media/codec-parameters.ts";
import {
  readH264Record,
  readH265Record,
  writeH264Record,
  writeH265Record,
} from "../../src/media/nal-records.ts";
import { samplesOf } from "./parameter-samples.ts";

const H264 = samplesOf(["h264"])[0] as Known<ParametersOf<"h264">>;
const H265 = samplesOf(["h265"])[0] as Known<ParametersOf<"h265">>;

describe("a decoder configuration record", () => {
  test("of H264 has its sets", () => {
    const record = writeH264Record(H264);
    expect([...record.subarray(0, 6)]).toEqual([1, 0x64, 0, 0x28, 0xff, 0xe1]);
    expect(readH264Record(record)).toEqual({ lengthSize: 4, sets: { sps: [H264.sps], pps: [H264.pps] } });
  });

  test("of H265 has its sets, and what the SPS says", () => {
    const record = writeH265Record(H265);
    expect(Buffer.from(record.subarray(0, 23)).toString("hex")).toBe(
      "0101600000009000000000007bf000fcfdf8f800000f03",
    );
    expect(readH265Record(record)).toEqual({
      lengthSize: 4,
      sets: { vps: [H265.vps], sps: [H265.sps], pps: [H265.pps] },
    });
  });

  test("that is cut anywhere is none", () => {
    for (const [record, read] of [
      [writeH264Record(H264), readH264Record],
      [writeH265Record(H265), readH265Record],
    ] as const) {
      for (let size = 0; size < record.length; size++) expect(read(record.subarray(0, size))).toBeUndefined();
    }
  });

  test("may have several sets of a kind, or empty ones", () => {
    const record = new Uint8Array([1, 66, 0, 30, 0xfd, 0xe2, 0, 1, 7, 0, 0, 2, 0, 1, 8, 0, 2, 8, 9]);
    expect(readH264Record(record)).toEqual({
      lengthSize: 2,
      sets: { sps: [new Uint8Array([7])], pps: [new Uint8Array([8]), new Uint8Array([8, 9])] },
    });
  });
});
