import { afterEach, describe, expect, test } from "bun:test";
import { MAX_AUDIO_BYTES, MAX_FRAME_BYTES } from "../../../assembly/abi.ts";
import { writeInit } from "../../../src/formats/fmp4/init.ts";
import { tsCarriage } from "../../../src/formats/mpegts/codecs.ts";
import { Timeline } from "../../../src/ingest/timeline.ts";
import type { Container } from "../../../src/protocols/hls/source-container.ts";
import { Mp4Container } from "../../../src/protocols/hls/source-mp4.ts";
import { TsContainer } from "../../../src/protocols/hls/source-ts.ts";
import { TsWriter } from "../../../wasm/mpegts.ts";
import { UnitWriter } from "../../../wasm/unit-writer.ts";
import { PartWriter, UnitLog } from "../../../wasm/units.ts";
import { testLog } from "../../lib/test-log.ts";
import { loadBuild } from "../../wasm/builds.ts";
import { checkReturned } from "../../wasm/compare.ts";

const SPS = new Uint8Array([0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x47, 0xfe, 0xc8]);
const PPS = new Uint8Array([0x68, 0xce, 0x3c, 0x80]);

describe("segments of a source", () => {
  const memory = loadBuild("release", 1_024);
  afterEach(() => checkReturned(memory));

  /** Units of some sizes, a tick of 1,000 apart. */
  function unitsOf(clockRate: number, make: (size: number) => Uint8Array, sizes: readonly number[]): UnitLog {
    const units = UnitLog.open(memory, {
      format: 0,
      clockRate,
      frameTicks: 0,
      reorderDepth: 0,
      maxBytes: 2 * MAX_FRAME_BYTES,
    })!;
    const writer = UnitWriter.open(memory)!;
    sizes.forEach((size, i) => {
      expect(writer.write(units, make(size), { pts: i * 1_000, dts: i * 1_000, isKey: true })).toBe(true);
    });
    writer.close();
    return units;
  }

  function rangeOf(units: UnitLog, isVideo: boolean) {
    return { units, id: 1, isVideo, from: 0, to: units.headSeq, origin: 0, endDts: 100_000 };
  }

  /** Sizes of the units that a container has made. */
  function sizesOf(container: Container): number[] {
    const { units } = container.tracks![0]!;
    const sizes: number[] = [];
    for (let at = 0; units.find(at); at += units.entries) sizes.push(units.size);
    return sizes;
  }

  test("a sample of sound that is too large is dropped, alone, and said once a segment", () => {
    const { logger, lines } = testLog();
    const container = new Mp4Container({ memory, timeline: new Timeline(), wanted: "all", logger });
    const sizes = [100, MAX_AUDIO_BYTES, MAX_AUDIO_BYTES + 1, MAX_FRAME_BYTES, 200];
    const sound = unitsOf(48_000, (size) => new Uint8Array(size), sizes);
    const parts = PartWriter.open(memory)!;
    const segment = Buffer.concat(parts.write([rangeOf(sound, false)], 1)!);
    container.init(writeInit([{ parameters: { codec: "opus", channels: 2 }, timescale: 48_000 }]));
    for (const _ of [1, 2]) {
      container.begin(0, 0);
      container.push(segment);
      container.end();
    }
    const taken = [100, MAX_AUDIO_BYTES, 200];
    expect(sizesOf(container)).toEqual([...taken, ...taken]);
    expect(lines).toEqual(Array(2).fill("WAR samples dropped, too large: 2"));
    for (const each of [container, parts, sound]) each.close();
  });

  test("a picture that is too large is dropped, alone, and said", () => {
    const { logger, lines } = testLog();
    const container = new TsContainer(memory, "all", logger);
    const picture = (size: number) => {
      const nal = new Uint8Array(4 + size).fill(7);
      new DataView(nal.buffer).setUint32(0, size);
      nal[4] = 0x65;
      nal[5] = 0x88;
      return nal;
    };
    const video = unitsOf(90_000, picture, [1_000, MAX_FRAME_BYTES + 100, 2_000, 3_000]);
    const writer = TsWriter.open(memory)!;
    writer.setUp([
      { units: video, pid: 256, ...tsCarriage({ codec: "h264", sps: SPS, pps: PPS })!, hasClock: true },
    ]);
    const segment = Buffer.concat(writer.write([rangeOf(video, true)], true)!);
    container.begin(0);
    container.push(segment);
    container.end();
    expect(sizesOf(container)).toHaveLength(3);
    expect(lines).toEqual(["WAR frames dropped, too large: 1"]);
    for (const each of [container, writer, video]) each.close();
  }, 20_000);
});
