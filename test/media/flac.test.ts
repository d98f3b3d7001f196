import { expect, test } from "bun:test";
import { findStreamInfo, parseStreamInfo } from "../../src/media/flac.ts";
import { samplesOf } from "./parameter-samples.ts";

const [sample] = samplesOf(["flac"]);
const INFO = sample?.codec === "flac" ? sample.streamInfo : new Uint8Array(0);

test("a STREAMINFO block says what the stream is", () => {
  expect(parseStreamInfo(INFO)).toEqual({
    sampleRate: 48_000,
    channels: 2,
    bitDepth: 16,
    frameSamples: 4_608,
  });
  const other = INFO.slice();
  other[1] = 16;
  expect(parseStreamInfo(other).frameSamples).toBeUndefined();
  for (const invalid of [INFO.subarray(0, 20), INFO.subarray(0, 33), new Uint8Array(34)]) {
    expect(() => parseStreamInfo(invalid)).toThrow("FLAC");
  }
});

test("it is found alone, behind its header, and behind the marker of the stream", () => {
  const block = [0x80, 0, 0, 34, ...INFO];
  for (const header of [
    INFO,
    block,
    [...Buffer.from("fLaC"), ...block],
    [0x66, 0x4c, 0x61, 0x43, 0, 0, 0, 34, ...INFO, 4, 0, 0, 1, 9],
  ]) {
    expect(findStreamInfo(Uint8Array.from(header))).toEqual(INFO);
  }
  for (const cut of [
    INFO.subarray(0, 33),
    Uint8Array.from([...Buffer.from("fLaC"), ...block.slice(0, 30)]),
  ]) {
    expect(findStreamInfo(cut)).toBeUndefined();
  }
});
