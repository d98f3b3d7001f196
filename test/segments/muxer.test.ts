import { afterEach, describe, expect, test } from "bun:test";
import { readInit } from "../../src/formats/fmp4/read-init.ts";
import { TsPrograms } from "../../src/formats/mpegts/programs.ts";
import { TsDemuxer } from "../../wasm/ts-demuxer.ts";
import { BASELINE, FRAME_MS, FRAME_TICKS, HIGH, type SentUnit, SOUND, VIDEO } from "../support/broadcast.ts";
import { Random } from "../support/random.ts";
import { loadBuild } from "../wasm/builds.ts";
import { checkReturned } from "../wasm/compare.ts";
import { takeUnits } from "../wasm/ts-units.ts";
import type { TwinUnit } from "../wasm/twin/mp4.ts";
import { writeFrame, writeRtp } from "../wasm/twin/packet.ts";
import { MuxerScene } from "./muxer-scene.ts";

const memory = loadBuild("debug", 256);
afterEach(() => checkReturned(memory));

/** Whether a sample of a file is a unit that was sent, maybe behind parameter sets. */
function isUnit(sample: TwinUnit, unit: SentUnit | undefined): boolean {
  if (unit === undefined) return false;
  return Buffer.from(sample.bytes.subarray(-unit.bytes.length)).equals(unit.bytes);
}

const durations = (scene: MuxerScene) =>
  scene.sink.whole.map(({ parts }) => parts.map(({ duration }) => Math.round(duration)));
const ticksOf = (samples: readonly TwinUnit[]) => samples.map(({ dts }) => dts);

describe("a muxer", () => {
  test("makes parts of their length, and segments that begin with random access points", async () => {
    using scene = new MuxerScene(memory);
    scene.open();
    await scene.broadcast.run(3_200);
    const { sink } = scene;
    expect(sink.inits).toHaveLength(1);
    expect(durations(scene)).toEqual(new Array(3).fill([200, 200, 200, 200, 200]));
    for (const { parts } of sink.segments) {
      expect(parts.map(({ isIndependent }) => isIndependent)).toEqual(parts.map((_, i) => i === 0));
    }
    const [first, second] = sink.segments.map(({ start }) => start);
    expect(first).toBeCloseTo(scene.clock.wall() - 3_200, -1);
    expect(second! - first!).toBeCloseTo(1_000, 3);
    expect(scene.partsSaid).toBe(sink.parts.length);
    expect(scene.muxer?.isSettled).toBe(true);
    expect([scene.faults, scene.silences, scene.log.lines]).toEqual([[], [], []]);
  });

  test("puts into the parts what has come, all of it once, picture and sound on one time line", async () => {
    using scene = new MuxerScene(memory);
    scene.open();
    const { sink, broadcast } = scene;
    await broadcast.run(3_200);
    const pictures = sink.samples(1);
    const sounds = sink.samples(2);
    expect(pictures.length).toBeGreaterThanOrEqual(75);
    expect(pictures.every((sample, i) => isUnit(sample, broadcast.pictures[i]))).toBe(true);
    expect(sounds.every((sample, i) => isUnit(sample, broadcast.sounds[i]))).toBe(true);
    expect(ticksOf(pictures)).toEqual(pictures.map((_, i) => i * FRAME_TICKS));
    expect(ticksOf(sounds)).toEqual(sounds.map((_, i) => i * 1_024));
    expect(pictures.map(({ isKey }) => isKey)).toEqual(pictures.map((_, i) => i % 25 === 0));
    expect(Math.abs(sounds.length / 46.875 - pictures.length / 25)).toBeLessThan(0.1);
  });

  test("keeps the order of presentation where pictures come before others that are shown later", async () => {
    using scene = new MuxerScene(memory, [{ codec: "h264", ...HIGH }, SOUND]);
    scene.open();
    const { sink, broadcast } = scene;
    broadcast.delays = Array.from({ length: 25 }, (_, i) => (i === 0 ? 1 : i % 3 === 1 ? 3 : 0));
    await broadcast.run(4_200);
    const pictures = sink.samples(1);
    expect(pictures.length).toBeGreaterThanOrEqual(75);
    expect(pictures.every((sample, i) => isUnit(sample, broadcast.pictures[i]))).toBe(true);
    const shift = broadcast.pictures[0]!.pts - pictures[0]!.pts;
    expect(pictures.map(({ pts }) => pts + shift)).toEqual(
      pictures.map((_, i) => broadcast.pictures[i]!.pts),
    );
    expect(pictures.every(({ dts, pts }, i) => dts <= pts && (i === 0 || dts > pictures[i - 1]!.dts))).toBe(
      true,
    );
    // what is shown with a sound has its time
    const sound = sink.samples(2)[0]!;
    const sent = broadcast.sounds.find((unit) => isUnit(sound, unit))!;
    expect(sound.pts / 48_000 - sent.pts / 48_000).toBeCloseTo(-shift / 90_000, 2);
  });

  test("cuts sound alone anywhere", async () => {
    using scene = new MuxerScene(memory, [SOUND]);
    scene.open({ partDuration: 500, isAdjusting: false });
    const { sink, broadcast } = scene;
    await broadcast.run(3_500);
    expect(sink.whole.map(({ parts }) => parts.length)).toEqual([2, 2, 2]);
    expect(sink.parts.every(({ isIndependent }) => isIndependent)).toBe(true);
    const sounds = sink.samples(1);
    expect(sounds.every((sample, i) => isUnit(sample, broadcast.sounds[i]))).toBe(true);
  });

  test("writes transport streams of which each segment can be read by itself", async () => {
    using scene = new MuxerScene(memory);
    scene.open({ container: "mpegts", partDuration: 500, isAdjusting: false });
    await scene.broadcast.run(3_200);
    expect(scene.sink.inits.every(({ length }) => length === 0)).toBe(true);
    expect(scene.sink.whole).toHaveLength(3);
    for (const { parts } of scene.sink.whole) {
      const demuxer = TsDemuxer.open(memory, new TsPrograms())!;
      for (const { bytes } of parts) demuxer.push(bytes);
      demuxer.flush();
      const [pictures, sounds] = demuxer.tracks.map(({ units }) => takeUnits(memory, units!));
      expect(pictures!.map(({ isKey }) => isKey)).toEqual(pictures!.map((_, i) => i === 0));
      expect(pictures).toHaveLength(25);
      expect(Math.abs(sounds!.length - 46.875)).toBeLessThan(3);
      demuxer.close();
    }
  });
});

describe("tracks of a muxer", () => {
  test("one that begins late is in the parts from then on, where it belongs", async () => {
    using scene = new MuxerScene(memory);
    const { broadcast, sink } = scene;
    scene.open();
    broadcast.hasSound = false;
    await broadcast.run(2_000);
    expect(scene.muxer?.isSettled).toBe(false);
    broadcast.hasSound = true;
    await broadcast.run(2_000);
    expect(scene.muxer?.isSettled).toBe(true);
    expect(scene.silences).toEqual([]);
    const [first] = sink.samples(2);
    expect(isUnit(first!, broadcast.sounds[0])).toBe(true);
    expect(first!.dts / 48_000).toBeCloseTo(2, 1);
    expect(sink.samples(1).every(({ dts }, i) => dts === i * FRAME_TICKS)).toBe(true);
  });

  test("what came before the first picture is left out", async () => {
    using scene = new MuxerScene(memory);
    const { broadcast, sink } = scene;
    scene.open();
    broadcast.hasVideo = false;
    await broadcast.run(1_000);
    broadcast.hasVideo = true;
    await broadcast.run(2_000);
    const [first] = sink.samples(2);
    expect(first!.dts).toBeGreaterThanOrEqual(0);
    expect(first!.dts).toBeLessThan(2_048);
    expect(isUnit(first!, broadcast.sounds[0])).toBe(false);
    expect(sink.samples(1)[0]!.dts).toBe(0);
  });

  test("one that sends nothing is named once, and named again when it speaks", async () => {
    using scene = new MuxerScene(memory);
    const { broadcast } = scene;
    broadcast.hasSound = false;
    scene.open();
    await broadcast.run(2_800);
    expect(scene.silences).toEqual([]);
    await broadcast.run(2_000);
    expect(scene.silences).toEqual([[1]]);
    scene.muxer?.close();
    scene.open({ silent: new Set([1]) });
    await broadcast.run(5_000);
    expect([scene.silences, scene.muxer?.isSettled]).toEqual([[[1]], true]);
    broadcast.hasSound = true;
    await broadcast.run(200);
    expect(scene.silences).toEqual([[1], []]);
  });

  test("a stream that sends nothing at all is waited for", async () => {
    using scene = new MuxerScene(memory);
    scene.open();
    await scene.clock.advance(60_000);
    expect([scene.silences, scene.faults]).toEqual([[], []]);
  });

  test("new parameters begin a segment and have an init file of their own", async () => {
    using scene = new MuxerScene(memory);
    const { broadcast, sink } = scene;
    scene.open({ segmentDuration: 10_000 });
    await broadcast.run(1_500);
    broadcast.sets = HIGH;
    await broadcast.run(12_000);
    expect(sink.segments.map(({ init }) => init).slice(0, 2)).toEqual([0, 1]);
    expect(sink.whole[0]!.parts.reduce((sum, { duration }) => sum + duration, 0)).toBeCloseTo(2_000, 0);
    const videos = sink.inits.map((init) => readInit(init)[0]!.description?.parameters);
    expect(videos).toMatchObject([{ sps: BASELINE.sps }, { sps: HIGH.sps }]);
    const fronts = sink.segments.slice(0, 2).map((segment) => sink.samples(1, [segment])[0]!.bytes);
    expect(fronts.map((bytes) => Buffer.from(bytes).includes(BASELINE.sps))).toEqual([true, false]);
    expect(fronts.map((bytes) => Buffer.from(bytes).includes(HIGH.sps))).toEqual([false, true]);
    expect(ticksOf(sink.samples(1))).toEqual(sink.samples(1).map((_, i) => i * FRAME_TICKS));
  });
});

describe("RTP times that begin anywhere", () => {
  const random = new Random(13);
  const NEAR = [0, 2 ** 31 - 5_000, 2 ** 31, 3e9, 2 ** 32 - 5_000, 2 ** 32 - 1];
  const starts = [
    ...NEAR.flatMap((video) => [
      [video, 0],
      [video, 3e9],
    ]),
    ...Array.from({ length: 10 }, () => [random.bits(), random.bits()]),
  ] as [number, number][];

  for (const [before, isPlaced] of [0, 1, 5].flatMap((n) => [true, false].map((is) => [n, is] as const))) {
    test(`give the same files, ${isPlaced ? "placed" : "by arrival"}, when the muxer begins behind ${before} pictures`, async () => {
      for (const start of starts) {
        using scene = new MuxerScene(memory, [VIDEO, SOUND], { starts: start, isPlaced });
        const { broadcast, sink } = scene;
        if (before > 0) await broadcast.run(before * FRAME_MS);
        scene.open();
        await broadcast.run(2_200);
        const [pictures, sounds] = [sink.samples(1), sink.samples(2)];
        expect([start, pictures.length >= 50, sounds.length >= 90]).toEqual([start, true, true]);
        expect(ticksOf(pictures)).toEqual(pictures.map((_, i) => i * FRAME_TICKS));
        // sound from in front of the first picture may be left out
        expect([start, sounds[0]!.pts - sounds[0]!.dts]).toEqual([start, 0]);
        const first = broadcast.sounds.findIndex((unit) => isUnit(sounds[0]!, unit));
        expect(first).toBeLessThan(3);
        const origin = isPlaced ? first * 1_024 : sounds[0]!.dts;
        expect(Math.abs(origin - first * 1_024)).toBeLessThan(0.05 * 48_000);
        expect(ticksOf(sounds)).toEqual(sounds.map((_, i) => origin + i * 1_024));
      }
    });
  }
});

describe("RTP times that jump", () => {
  for (const jump of [48_000 * 60, 2 ** 31, 3e9]) {
    test(`by ${jump} before the first picture: sound is there from the first segment on`, async () => {
      using scene = new MuxerScene(memory, [VIDEO, SOUND], { starts: [5, 1_000], isPlaced: false });
      const { broadcast, sink } = scene;
      scene.open();
      broadcast.hasVideo = false;
      await broadcast.run(1_000);
      broadcast.soundShift = jump;
      await broadcast.run(1_000);
      broadcast.hasVideo = true;
      await broadcast.run(2_200);
      const [first] = sink.samples(2);
      expect(first?.dts).toBeLessThan(48_000 * 0.05);
      expect(sink.samples(2).length).toBeGreaterThan(90);
    });
  }
});

describe("bounds of a muxer", () => {
  const HOUR_MS = 3_600_000;

  /** Sound goes on while there is no picture. Says how much memory it took, blocks, and what came with the next one. */
  async function pause(scene: MuxerScene, ms: number) {
    const { broadcast, sink } = scene;
    broadcast.soundBytes = 4_000;
    broadcast.hasVideo = false;
    const before = memory.state.blocksTaken;
    await broadcast.run(ms);
    const blocks = memory.state.blocksTaken - before;
    broadcast.hasVideo = true;
    await broadcast.run(1_200);
    return { blocks, sounds: sink.samples(2).map(({ bytes }) => numberOf(bytes)) };
  }

  const numberOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  const runOf = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

  test("a pause of the pictures loses no sound", async () => {
    using scene = new MuxerScene(memory);
    scene.open();
    await scene.broadcast.run(1_000);
    const { sounds } = await pause(scene, 12_000);
    expect(sounds).toEqual(runOf(0, sounds.length));
    expect(sounds.length).toBeGreaterThan(13 * 46);
  });

  for (const [name, step] of [
    ["however long", 0],
    ["when the wall clock is set forward", HOUR_MS],
    ["when the wall clock is set back", -HOUR_MS],
  ] as const) {
    test(`a pause of the pictures does not fill the memory with sound, ${name}`, async () => {
      using scene = new MuxerScene(memory);
      scene.open();
      await scene.broadcast.run(1_000);
      scene.clock.step(step);
      // 20 s are 29 blocks of 128 KB
      const { blocks, sounds } = await pause(scene, 60_000);
      expect(blocks).toBeLessThanOrEqual(32);
      const gap = sounds.findIndex((number, i) => i > 0 && number !== sounds[i - 1]! + 1);
      const kept = sounds.slice(gap);
      expect(kept).toEqual(runOf(kept[0]!, kept[0]! + kept.length));
      expect(kept.length / 46.875).toBeGreaterThan(15);
      expect(kept.at(-1)).toBeGreaterThan(60 * 46.875);
    });
  }

  test.each([HOUR_MS, -HOUR_MS])("sound goes on when the wall clock is set by %d ms", async (step) => {
    using scene = new MuxerScene(memory);
    scene.open();
    await scene.broadcast.run(1_000);
    scene.clock.step(step);
    await scene.broadcast.run(2_200);
    const sounds = scene.sink.samples(2).map(({ bytes }) => numberOf(bytes));
    expect(sounds).toEqual(runOf(0, sounds.length));
    expect(sounds.length).toBeGreaterThan(140);
  });

  test("sound goes on however far the clock of the publisher lies behind", async () => {
    using scene = new MuxerScene(memory);
    scene.open({ partDuration: 500, isAdjusting: false });
    scene.broadcast.speed = 0.8;
    await scene.broadcast.run(100_000);
    const sounds = scene.sink.samples(2).map(({ bytes }) => numberOf(bytes));
    expect(sounds).toEqual(runOf(0, sounds.length));
    expect(sounds.length).toBeGreaterThan(78 * 46.875);
  });

  test("a segment that gets too large ends it, once", async () => {
    using scene = new MuxerScene(memory);
    scene.open({ segmentMaxSize: 5_000 });
    await scene.broadcast.run(3_000);
    expect(scene.faults).toEqual(["muxer error: reached maximum segment size"]);
    expect(scene.sink.parts.length).toBeLessThanOrEqual(3);
  });

  test("without memory none begins, and nothing is kept", () => {
    using scene = new MuxerScene(memory);
    const taken: number[] = [];
    for (let at = memory.take(100_000); at !== undefined; at = memory.take(100_000)) taken.push(at);
    const before = memory.state.blocksTaken;
    expect(() => scene.open()).toThrow("the media memory is used up");
    expect([memory.state.blocksTaken, scene.stream.readers]).toEqual([before, 0]);
    for (const at of taken) memory.give(at);
  });

  test("the log says why nothing can be shown: no random access point", async () => {
    using scene = new MuxerScene(memory);
    scene.open();
    scene.broadcast.hasKeys = false;
    await scene.broadcast.run(30_000);
    const why = "the stream has not sent a key frame";
    expect(scene.log.lines).toEqual([`WAR no playlist yet: ${why}`]);
  });

  test.each([
    ["only parameter sets", [0x67, 1, 2, 3], "the stream has not sent a picture on track 1 (H264)"],
    ["malformed packets", [28, 0x85], "the packets of track 1 (H264) are malformed"],
    ["pictures without an end", [28, 0x81, 7], "the frames of track 1 (H264) are incomplete"],
  ])("the log says why nothing can be shown: %s", async (_, payload, why) => {
    using scene = new MuxerScene(memory, [VIDEO]);
    scene.open({ readTimeout: 4_000 });
    scene.stream.log.mapChannel(0, 0, false);
    for (let i = 0; i < 50; i++) {
      const fields = { payloadType: 96, marker: true, seq: i, time: i * 9_000, ssrc: 7 };
      scene.stream.receive(writeFrame(0, writeRtp(fields, new Uint8Array(payload))), 0);
      await scene.clock.advance(100);
    }
    expect(scene.log.lines.filter((line) => line.includes("playlist"))).toEqual([
      `WAR no playlist yet: ${why}`,
    ]);
  });

  test("the log says why nothing can be shown: no parameters", async () => {
    using scene = new MuxerScene(memory, [{ codec: "h264" }, SOUND]);
    scene.open();
    await scene.broadcast.run(30_000);
    const why = "the stream has not sent codec parameters";
    expect(scene.log.lines).toEqual([`WAR no playlist yet: ${why}`]);
    scene.broadcast.sets = BASELINE;
    await scene.broadcast.run(2_000);
    expect(scene.sink.segments.length).toBeGreaterThan(0);
  });
});
