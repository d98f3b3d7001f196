import { afterEach, describe, expect, test } from "bun:test";
import { trackSetups } from "../../src/formats/rtp/track-setup.ts";
import { unitFormat } from "../../src/formats/rtp/unit-formats.ts";
import { unitSetup } from "../../src/formats/rtp/units.ts";
import { BudgetError } from "../../src/lib/errors.ts";
import type { CodecParameters } from "../../src/media/codec-parameters.ts";
import { FlushQueue } from "../../src/stream/flush.ts";
import { Stream } from "../../src/stream/stream.ts";
import { UnitInput } from "../../src/stream/unit-input.ts";
import { UnitOutput } from "../../src/stream/unit-output.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import { UnitWriter } from "../../wasm/unit-writer.ts";
import { UnitLog } from "../../wasm/units.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { loadBuild } from "../wasm/builds.ts";
import { checkReturned } from "../wasm/compare.ts";
import { LogView } from "../wasm/log-view.ts";
import { readRtp } from "../wasm/twin/packet.ts";

const NO_SETS = { vps: undefined, sps: undefined, pps: undefined };
const VIDEO: CodecParameters = { codec: "h264" };
/** AAC-LC, 48 kHz, stereo. */
const SOUND: CodecParameters = { codec: "mpeg4Audio", config: new Uint8Array([0x11, 0x90]) };

function rethrow(error: unknown): void {
  throw error;
}

/** A stream that is fed with units. */
class Studio implements Disposable {
  readonly clock = new FakeClock();
  readonly stream: Stream;
  readonly logs: readonly UnitLog[];
  readonly input: UnitInput;
  readonly view: LogView;
  readonly #flushes: FlushQueue;
  readonly #writer: UnitWriter;

  constructor(memory: MediaMemory, codecs: readonly CodecParameters[]) {
    const formats = codecs.map((codec, i) => unitFormat(codec, i));
    const tracks = formats.map((format) => ({ media: "video", mid: undefined, formats: [format] }));
    const description = { title: "", tracks, fecGroups: [] };
    this.#flushes = new FlushQueue({ clock: this.clock, memory, fault: rethrow });
    this.stream = new Stream({
      memory,
      clock: this.clock,
      flushes: this.#flushes,
      description,
      log: { tracks: trackSetups(description), lagPackets: 64, maxPacket: 1_460 },
    });
    this.logs = formats.map((format) => UnitLog.open(memory, unitSetup(format, NO_SETS)!)!);
    this.#writer = UnitWriter.open(memory)!;
    this.view = new LogView(memory, this.stream.log);
    this.input = UnitInput.open(this.stream, this.logs, formats);
  }

  write(track: number, unit: Uint8Array, dts: number, pts = dts): void {
    expect(this.#writer.write(this.logs[track]!, unit, { pts, dts, isKey: true })).toBe(true);
  }

  /** Track and RTP time of the packets that came since the last call. */
  packets(): [number, number][] {
    return this.view.take().map(({ track, bytes }) => [track, readRtp(bytes.subarray(4))!.time]);
  }

  [Symbol.dispose](): void {
    this.input.close();
    this.view.close();
    this.#writer.close();
    for (const log of this.logs) log.close();
    this.stream.close();
    this.#flushes.close();
  }
}

function picture(size: number): Uint8Array {
  const unit = new Uint8Array(4 + size).fill(7);
  new DataView(unit.buffer).setUint32(0, size);
  unit[4] = 0x65;
  return unit;
}

describe("a source of units", () => {
  const memory = loadBuild("release", 64);
  afterEach(() => checkReturned(memory));

  test("publishes what has finished, tracks interleaved by decoding time", () => {
    using studio = new Studio(memory, [VIDEO, SOUND]);
    studio.write(0, picture(100), 90_000, 96_000);
    studio.write(0, picture(100), 93_000);
    for (let i = 0; i < 4; i++) studio.write(1, new Uint8Array(1_000).fill(i), 48_000 + i * 1_024);
    expect(studio.input.pump()).toBeUndefined();
    expect(studio.packets()).toEqual([
      [0, 96_000],
      [1, 48_000],
      [1, 49_024],
      [0, 93_000],
      [1, 50_048],
      [1, 51_072],
    ]);
    expect(studio.logs.map(({ blocks }) => blocks)).toEqual([1, 1]);
    expect(studio.stream.bytesReceived).toBeGreaterThan(4_000);
    expect(studio.stream.pendingBytes).toBeGreaterThan(4_000);
  });

  test("holds units back until their time has come", () => {
    using studio = new Studio(memory, [VIDEO, SOUND]);
    for (let i = 0; i < 4; i++) studio.write(0, picture(50), i * 3_000);
    for (let i = 0; i < 4; i++) studio.write(1, new Uint8Array(100), i * 1_024);
    studio.input.pump([3_000, -1]);
    expect(studio.packets()).toEqual([
      [0, 0],
      [0, 3_000],
    ]);
    studio.input.pump([3_000, 1_024]);
    // two frames that may go, in one packet
    expect(studio.packets()).toEqual([[1, 0]]);
    studio.input.pump();
    expect(studio.packets()).toEqual([
      [1, 2_048],
      [0, 6_000],
      [0, 9_000],
    ]);
  });

  test("publishes what the logs held before it began, but no half units", () => {
    using studio = new Studio(memory, [VIDEO]);
    const [log] = studio.logs as [UnitLog];
    for (let i = 0; i < 3; i++) studio.write(0, picture(200_000), i * 3_000);
    log.find(0);
    log.trim(log.entries - 1);
    const format = unitFormat(VIDEO);
    const late = UnitInput.open(studio.stream, studio.logs, [format]);
    late.pump();
    expect(new Set(studio.packets().map(([, time]) => time))).toEqual(new Set([3_000, 6_000]));
    late.close();
  });

  test("places its tracks exactly where it says, at any later time", async () => {
    using studio = new Studio(memory, [VIDEO, SOUND]);
    const { clock, stream, input } = studio;
    await clock.advance(1_000);
    const wall = clock.wall();
    expect(stream.times.at(0)).toBeUndefined();
    studio.write(0, picture(100), 900_000);
    studio.write(1, new Uint8Array(100), 480_000);
    input.pump();
    input.align(0, 900_000, wall - 3_600_000);
    input.align(1, 480_000, wall - 3_600_020);
    expect(stream.times.reportedTracks).toBe(2);
    for (const passed of [0, 40, 10_000, 86_400_000]) {
      await clock.advance(passed);
      const since = clock.wall() - wall + 3_600_000;
      const pictures = (900_000 + 90 * since) % 2 ** 32;
      const sound = (480_000 + 48 * (since + 20)) % 2 ** 32;
      expect([stream.times.at(0)!.rtpTime, stream.times.at(1)!.rtpTime]).toEqual([pictures, sound]);
      expect(stream.times.wallAt(0, pictures - 9_000)).toBeCloseTo(clock.wall() - 100, 3);
      expect(stream.times.wallAt(1, sound - 4_800)).toBeCloseTo(clock.wall() - 100, 3);
    }
  });

  test("readers of units get them where it has placed them, after wraps too", async () => {
    using studio = new Studio(memory, [VIDEO, SOUND]);
    const { clock, stream, input } = studio;
    await clock.advance(5_000);
    const wall = clock.wall();
    const [pictures, sound] = [2 ** 33 + 12_345, 2 ** 34 + 777];
    input.align(0, pictures, wall);
    input.align(1, sound, wall + 7);
    const reader = {
      pump: () => undefined,
      needs: (track: number) => units.tracks[track]!.headSeq - 40,
      failed: rethrow,
    };
    const units = UnitOutput.enter(stream, reader, [0, 1]);
    for (let i = 0; i < 20; i++) {
      // arrival says something else
      await clock.advance(i % 2 === 0 ? 10 : 70);
      studio.write(0, picture(300), pictures + i * 3_600, pictures + i * 3_600 + (i % 3) * 3_600);
      studio.write(1, new Uint8Array(1_400), sound + i * 1_920);
      input.pump();
      stream.flush(clock.now());
    }
    const seen = [0, 1].map((track) => {
      const log = units.tracks[track]!;
      const walls: number[] = [];
      for (let at = 0; log.find(at); at += log.entries) walls.push(units.wallOf(track, log.pts) - wall);
      return walls;
    });
    expect(seen.map(({ length }) => length)).toEqual([20, 20]);
    seen[0]!.forEach((at, i) => {
      expect(at).toBeCloseTo(40 * i + 40 * (i % 3), 1);
    });
    seen[1]!.forEach((at, i) => {
      expect(at).toBeCloseTo(40 * i + 7, 1);
    });
    units.remove(reader);
  });

  test("a clock that is moved between the first looks at two tracks does not part them", async () => {
    using studio = new Studio(memory, [VIDEO, SOUND]);
    const { clock, stream, input } = studio;
    await clock.advance(5_000);
    const wall = clock.wall();
    const place = (time: number) => {
      input.align(0, 90_000, time);
      input.align(1, 48_000, time);
    };
    place(wall);
    const reader = {
      pump: () => undefined,
      needs: (track: number) => units.tracks[track]!.headSeq - 40,
      failed: rethrow,
    };
    const units = UnitOutput.enter(stream, reader, [0, 1]);
    studio.write(0, picture(300), 90_000);
    studio.write(1, new Uint8Array(1_400), 48_000);
    input.pump();
    stream.flush(clock.now());
    const first = units.wallOf(0, 90_000);
    place(wall + 800); // a source that is late moves all its tracks
    expect(units.wallOf(1, 48_000)).toBeCloseTo(first, 3);
    units.remove(reader);
  });

  test("tells when the memory is used up, or a unit is larger than any may be", () => {
    {
      using studio = new Studio(memory, [VIDEO]);
      for (let i = 0; i < 25; i++) studio.write(0, picture(120_000), i * 3_000);
      const taken: number[] = [];
      while (memory.state.blocksTaken < memory.state.blocksTotal - 1) taken.push(memory.core.blockTake(0));
      expect(studio.input.pump()).toBe("budget");
      for (const block of taken) memory.core.blockGive(block);
      expect(studio.input.pump()).toBeUndefined();
    }
    const large = loadBuild("release", 400);
    {
      using studio = new Studio(large, [VIDEO]);
      studio.write(0, picture(16_777_000), 0); // with the headers of its packets it is larger
      expect(studio.input.pump()).toBe("frame");
    }
    checkReturned(large);
  });

  test("is refused where there is no memory for it", () => {
    using studio = new Studio(memory, [VIDEO]);
    const taken: number[] = [];
    for (let slot = memory.take(1_000); slot !== undefined; slot = memory.take(1_000)) taken.push(slot);
    for (let slot = memory.take(200); slot !== undefined; slot = memory.take(200)) taken.push(slot);
    expect(() => UnitInput.open(studio.stream, studio.logs, [unitFormat(VIDEO)])).toThrow(BudgetError);
    for (const slot of taken) memory.give(slot);
  });
});
