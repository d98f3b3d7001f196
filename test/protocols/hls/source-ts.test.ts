import { afterEach, describe, expect, test } from "bun:test";
import { tsCarriage } from "../../../src/formats/mpegts/codecs.ts";
import type { CodecParameters } from "../../../src/media/codec-parameters.ts";
import { PackedAudioContainer } from "../../../src/protocols/hls/source-packed.ts";
import { TsContainer } from "../../../src/protocols/hls/source-ts.ts";
import { TsWriter } from "../../../wasm/mpegts.ts";
import { UnitWriter } from "../../../wasm/unit-writer.ts";
import { UnitLog } from "../../../wasm/units.ts";
import { testLog } from "../../lib/test-log.ts";
import { loadBuild } from "../../wasm/builds.ts";
import { checkReturned } from "../../wasm/compare.ts";

const VIDEO: CodecParameters = {
  codec: "h264",
  sps: new Uint8Array([0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x47, 0xfe, 0xc8]),
  pps: new Uint8Array([0x68, 0xce, 0x3c, 0x80]),
};
const SOUND: CodecParameters = { codec: "mpeg4Audio", config: new Uint8Array([0x11, 0x90]) };
const PICTURE = new Uint8Array([0, 0, 0, 4, 0x65, 0x88, 1, 2]);
const SECOND = { video: 90_000, sound: 48_000 };

describe("tracks of a transport stream", () => {
  const memory = loadBuild("release", 1_024);
  afterEach(() => checkReturned(memory));

  /** A second of pictures and sound, from `second` on, as far as there are any; the tables name all of `parts`. */
  function segment(
    second: number,
    parts: readonly { sends: boolean; parameters: CodecParameters }[],
  ): Uint8Array {
    const writer = TsWriter.open(memory)!;
    const feed = UnitWriter.open(memory)!;
    const logs = parts.map(({ sends, parameters }, id) => {
      const isVideo = parameters.codec === "h264";
      const clockRate = isVideo ? SECOND.video : SECOND.sound;
      const units = UnitLog.open(memory, { format: 0, clockRate, frameTicks: 0, reorderDepth: 0 })!;
      const step = isVideo ? 9_000 : 1_024;
      for (let at = 0; sends && at < clockRate; at += step) {
        const dts = second * clockRate + at;
        feed.write(units, isVideo ? PICTURE : new Uint8Array(9).fill(at), { pts: dts, dts, isKey: true });
      }
      return { units, id: id + 1, isVideo };
    });
    writer.setUp(
      parts.map(({ parameters }, i) => ({
        units: logs[i]!.units,
        pid: 256 + i,
        ...tsCarriage(parameters)!,
        hasClock: i === 0,
      })),
    );
    const ranges = logs.map((log) => ({ ...log, from: 0, to: log.units.headSeq, origin: 0, endDts: 0 }));
    const bytes = Buffer.concat(writer.write(ranges, true)!);
    for (const each of [writer, feed, ...logs.map(({ units }) => units)]) each.close();
    return new Uint8Array(bytes);
  }

  const both = (sends: boolean) => [
    { sends: true, parameters: VIDEO },
    { sends, parameters: SOUND },
  ];

  function play(container: TsContainer, bytes: Uint8Array): void {
    container.begin(0);
    container.push(bytes);
    container.end();
  }

  const codecsOf = ({ tracks }: TsContainer) => tracks?.map(({ parameters }) => parameters.codec);

  test("one that begins in the second or the third segment is waited for", () => {
    for (const first of [1, 2]) {
      const { logger, lines } = testLog();
      const container = new TsContainer(memory, "all", logger);
      for (let i = 0; i < first; i++) {
        play(container, segment(i, both(false)));
        expect(container.tracks).toBeUndefined();
      }
      play(container, segment(first, both(true)));
      expect(codecsOf(container)).toEqual(["h264", "mpeg4Audio"]);
      const [video, sound] = container.tracks!;
      expect(video!.clock).toBe(sound!.clock!);
      expect(video!.units.find(0) && sound!.units.find(0)).toBe(true);
      expect(sound!.units.dts / SECOND.sound - video!.units.dts / SECOND.video).toBeCloseTo(first, 3);
      expect(lines).toEqual([]);
      container.close();
    }
  });

  test("one that sends nothing is skipped after three segments, and named", () => {
    const { logger, lines } = testLog();
    const container = new TsContainer(memory, "all", logger);
    for (let i = 0; i < 3; i++) play(container, segment(i, both(false)));
    expect(codecsOf(container)).toEqual(["h264"]);
    expect(lines).toEqual(["WAR skipping stream 257 (MPEG-4 Audio): no data received"]);
    play(container, segment(3, both(true)));
    expect(codecsOf(container)).toEqual(["h264"]);
    container.close();
  });

  test("one that the tables name later makes the source begin anew; one that they do not name any more does not", () => {
    const { logger } = testLog();
    const container = new TsContainer(memory, "all", logger);
    play(container, segment(0, both(true)));
    play(container, segment(1, both(true).slice(0, 1)));
    play(container, segment(2, both(true)));
    container.close();
    const other = new TsContainer(memory, "all", logger);
    play(other, segment(0, both(true).slice(0, 1)));
    expect(() => play(other, segment(1, both(true)))).toThrow("the tracks have changed");
    other.close();
  });

  test("they are not waited for at the cost of all memory", () => {
    const { logger } = testLog();
    const container = new TsContainer(memory, "all", logger);
    const nal = new Uint8Array(4_000_000).fill(7);
    nal.set([0, 0x3d, 0x08, 0xfc, 0x65, 0x88]);
    const before = PICTURE.slice();
    const large = segmentOf(nal);
    for (let i = 0; i < 2 && container.tracks === undefined; i++) play(container, large);
    expect(codecsOf(container)).toEqual(["h264"]);
    expect(before).toEqual(PICTURE);
    container.close();
  });

  /** Pictures of several megabytes, and the name of a track that sends nothing. */
  function segmentOf(picture: Uint8Array): Uint8Array {
    const writer = TsWriter.open(memory)!;
    const feed = UnitWriter.open(memory)!;
    const setup = { format: 0, frameTicks: 0, reorderDepth: 0 };
    const units = UnitLog.open(memory, { ...setup, clockRate: SECOND.video })!;
    const sound = UnitLog.open(memory, { ...setup, clockRate: SECOND.sound })!;
    const pictures = 6;
    for (let i = 0; i < pictures; i++)
      feed.write(units, picture, { pts: 9_000 * i, dts: 9_000 * i, isKey: true });
    writer.setUp([
      { units, pid: 256, ...tsCarriage(VIDEO)!, hasClock: true },
      { units: sound, pid: 257, ...tsCarriage(SOUND)!, hasClock: false },
    ]);
    const parts: Uint8Array[] = [];
    for (let at = 0; units.find(at); at += units.entries) {
      const range = { units, id: 1, isVideo: true, from: at, to: at + units.entries, origin: 0, endDts: 0 };
      const none = { units: sound, id: 2, isVideo: false, from: 0, to: 0, origin: 0, endDts: 0 };
      parts.push(Buffer.concat(writer.write([range, none], at === 0)!));
    }
    for (const each of [writer, feed, units, sound]) each.close();
    return new Uint8Array(Buffer.concat(parts));
  }
});

/** ADTS frames of AAC-LC, 48 kHz, stereo, that say their number. */
function adts(first: number, count: number): Uint8Array {
  const frames = Array.from({ length: count }, (_, i) => {
    const size = 7 + 9;
    return [0xff, 0xf1, 0x4c, 0x80, size >> 3, ((size & 7) << 5) | 0x1f, 0xfc, ...Array(9).fill(first + i)];
  });
  return new Uint8Array(frames.flat());
}

/** An ID3 tag with the timestamp, 90 kHz. */
function tag(time: number, fill = 0): Uint8Array {
  const owner = Buffer.from("com.apple.streaming.transportStreamTimestamp\0");
  const stamp = Buffer.alloc(8);
  stamp.writeUInt32BE(Math.floor(time / 2 ** 32), 0);
  stamp.writeUInt32BE(time % 2 ** 32, 4);
  const frame = [..."PRIV"].map((letter) => letter.charCodeAt(0));
  const content = [...frame, 0, 0, 0, owner.length + 8, 0, 0, ...owner, ...stamp, ...Array(fill).fill(0)];
  return new Uint8Array([
    0x49,
    0x44,
    0x33,
    4,
    0,
    0,
    0,
    0,
    content.length >> 7,
    content.length & 127,
    ...content,
  ]);
}

describe("packed audio", () => {
  const memory = loadBuild("release", 256);
  afterEach(() => checkReturned(memory));

  function open(): PackedAudioContainer {
    return new PackedAudioContainer(memory, "all", testLog().logger);
  }

  function play(container: PackedAudioContainer, parts: readonly Uint8Array[], cut = 1_000): void {
    const bytes = Buffer.concat(parts);
    container.begin(0);
    for (let at = 0; at < bytes.length; at += cut) container.push(bytes.subarray(at, at + cut));
    container.end();
  }

  /** Numbers and times, ms, of the frames. */
  function framesOf({ tracks }: PackedAudioContainer): [number, number][] {
    const { units } = tracks![0]!;
    const frames: [number, number][] = [];
    for (let at = 0; units.find(at); at += units.entries)
      frames.push([units.head(1)[0]!, Math.round((1_000 * units.dts) / units.clockRate)]);
    return frames;
  }

  test("frames have the time of the tag, however the bytes are cut", () => {
    for (const cut of [1, 7, 64, 100_000]) {
      const container = open();
      const start = 2 ** 32 + 90_000;
      play(container, [tag(start, 150), adts(0, 30)], cut);
      play(container, [tag(start + 57_600), adts(30, 30)], cut);
      expect(container.tracks?.[0]?.parameters.codec).toBe("mpeg4Audio");
      const frames = framesOf(container);
      expect(frames.map(([number]) => number)).toEqual(Array.from({ length: 60 }, (_, i) => i));
      const first = Math.round(start / 90);
      expect(frames.map(([, time]) => time - first)).toEqual(
        Array.from({ length: 60 }, (_, i) => Math.round((1_000 * i * 1_024) / 48_000)),
      );
      container.close();
    }
  });

  test("segments without a tag go on where the last one ended; several tags, and nothing but one, are taken", () => {
    const container = open();
    play(container, [adts(0, 20)]);
    play(container, [adts(20, 20)]);
    play(container, [tag(0)]);
    play(container, [tag(40 * 1_920), tag(7), adts(40, 5)]);
    const frames = framesOf(container);
    expect(frames.map(([number]) => number)).toEqual(Array.from({ length: 45 }, (_, i) => i));
    expect(frames.at(-1)![1] - frames[0]![1]).toBe(Math.round((1_000 * 44 * 1_024) / 48_000));
    container.close();
  });

  test("MPEG audio and AC-3", () => {
    const mp3 = new Uint8Array(384).fill(1);
    mp3.set([0xff, 0xfb, 0x94, 0x00]);
    const ac3 = new Uint8Array(128 * 4).fill(1);
    ac3.set([0x0b, 0x77, 0, 0, 0x0e, 0x40, 0x40]);
    for (const [codec, frame] of [
      ["mpeg12Audio", mp3],
      ["ac3", ac3.subarray(0, 4 * 128)],
    ] as const) {
      const container = open();
      play(container, [tag(90_000), frame, frame, frame]);
      play(container, [tag(180_000), frame, frame, frame]);
      expect(container.tracks?.[0]?.parameters.codec).toBe(codec);
      container.close();
    }
  });

  test("what is none is refused", () => {
    const container = open();
    expect(() => play(container, [tag(0), new TextEncoder().encode("WEBVTT\n\n")])).toThrow(
      "codec not supported",
    );
    const eac3 = new Uint8Array([0x0b, 0x77, 1, 2, 3, 16 << 3, 0, 0]);
    expect(() => play(container, [tag(0), eac3])).toThrow("codec not supported");
    const huge = new Uint8Array([0x49, 0x44, 0x33, 4, 0, 0, 0x7f, 0x7f, 0x7f, 0x7f, 0, 0]);
    expect(() => play(container, [huge])).toThrow("the ID3 tag is too large");
    container.close();
  });
});
