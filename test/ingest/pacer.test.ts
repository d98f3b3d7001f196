import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { Pacer } from "../../src/ingest/pacer.ts";
import type { UnitInput } from "../../src/stream/unit-input.ts";
import { UnitWriter } from "../../wasm/unit-writer.ts";
import { UnitLog } from "../../wasm/units.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { loadBuild } from "../wasm/builds.ts";
import { checkReturned } from "../wasm/compare.ts";

const memory = loadBuild("debug", 512);
const share = memory.openShare()!;
const writer = UnitWriter.open(memory)!;

/** A pacer of two tracks, and what it has released. */
class Scene implements Disposable {
  readonly clock = new FakeClock();
  readonly video = UnitLog.open(memory, { format: 0, clockRate: 90_000, frameTicks: 0, reorderDepth: 0 })!;
  readonly audio = UnitLog.open(memory, { format: 0, clockRate: 48_000, frameTicks: 0, reorderDepth: 0 })!;
  /** Track and second of its clock, and when, s. */
  readonly released: [track: number, dts: number, now: number][] = [];
  readonly places: [track: number, seconds: number, wall: number][] = [];
  readonly pacer: Pacer;
  readonly #at = [0, 0];

  constructor() {
    this.pacer = new Pacer(this.clock, share, (error) => {
      throw error;
    });
    this.pacer.add([{ units: this.video }, { units: this.audio }]);
  }

  /** Units of a track at these seconds of its clock. */
  put(log: UnitLog, ...times: readonly number[]): void {
    for (const time of times) {
      const ticks = Math.round(time * log.clockRate);
      writer.write(log, new Uint8Array(100), { pts: ticks, dts: ticks, isKey: true });
    }
    this.pacer.wake();
  }

  begin(): void {
    const input = {
      pump: (limits: readonly number[]) => this.#pump(limits),
      align: (track: number, ticks: number, wall: number) => {
        this.places.push([
          track,
          ticks / [this.video, this.audio][track]!.clockRate,
          wall - 1_700_000_000_000,
        ]);
      },
    };
    this.pacer.begin(input as unknown as UnitInput);
  }

  #pump(limits: readonly number[]): undefined {
    [this.video, this.audio].forEach((log, track) => {
      while (log.find(this.#at[track]!) && log.dts <= limits[track]!) {
        this.#at[track]! += log.entries;
        this.released.push([track, log.dts / log.clockRate, this.clock.now() / 1_000]);
      }
      log.trim(this.#at[track]!);
    });
  }

  [Symbol.dispose](): void {
    this.pacer.close();
    this.video.close();
    this.audio.close();
  }
}

describe("a pacer", () => {
  afterEach(() => expect(memory.state.blocksTaken).toBeLessThanOrEqual(2));
  afterAll(() => {
    writer.close();
    share.closeShare();
    checkReturned(memory);
  });

  test("releases units when they are due, all tracks by one clock", async () => {
    using scene = new Scene();
    scene.put(scene.video, 100, 100.04, 100.08, 101);
    scene.put(scene.audio, 99.9, 100.02);
    scene.begin();
    await scene.clock.advance(3_000);
    const due = scene.released.map(([track, dts, now]) => [track, Math.round(1_000 * (now - (dts - 99.9)))]);
    expect(scene.released).toHaveLength(6);
    for (const [, late] of due) expect(late).toBeLessThanOrEqual(10);
    for (const [, late] of due) expect(late).toBeGreaterThanOrEqual(0);
    expect(scene.places).toEqual([
      [0, 99.9, 0],
      [1, 99.9, 0],
    ]);
  });

  test("gives tracks whose clocks differ each its own", async () => {
    using scene = new Scene();
    scene.put(scene.video, 95_000, 95_001);
    scene.put(scene.audio, 5, 6);
    scene.begin();
    await scene.clock.advance(1_100);
    expect(scene.released.map(([track, dts]) => [track, dts])).toEqual([
      [0, 95_000],
      [1, 5],
      [0, 95_001],
      [1, 6],
    ]);
  });

  test("goes later when units come late, and stays so", async () => {
    using scene = new Scene();
    scene.put(scene.video, 0, 1);
    scene.put(scene.audio, 0);
    scene.begin();
    await scene.clock.advance(4_000);
    scene.put(scene.video, 2, 2.5, 3);
    await scene.clock.advance(2_000);
    expect(scene.released.filter(([track]) => track === 0).map(([, dts, now]) => [dts, now])).toEqual([
      [0, 0],
      [1, 1],
      [2, 4],
      [2.5, 4.5],
      [3, 5],
    ]);
    expect(scene.places.slice(2)).toEqual([
      [0, 0, 2_000],
      [1, 0, 2_000],
    ]);
  });

  test("does not go later when it is woken late itself", async () => {
    using scene = new Scene();
    scene.put(scene.video, 0, 0.5, 1, 4);
    scene.put(scene.audio, 0);
    scene.begin();
    scene.clock.stall(2_000);
    await scene.clock.advance(3_000);
    expect(scene.released.filter(([track]) => track === 0).map(([, dts, now]) => [dts, now])).toEqual([
      [0, 0],
      [0.5, 2],
      [1, 2],
      [4, 4],
    ]);
  });

  test("lets a track join that comes later", async () => {
    using scene = new Scene();
    scene.put(scene.video, 50, 51, 52, 53);
    scene.begin();
    await scene.clock.advance(1_500);
    scene.put(scene.audio, 52);
    await scene.clock.advance(2_000);
    expect(scene.released).toContainEqual([1, 52, 2]);
  });

  test("says when there is room, and when all is done", async () => {
    using scene = new Scene();
    scene.put(scene.video, 0, 10);
    scene.put(scene.audio, 0);
    scene.begin();
    const done: string[] = [];
    void scene.pacer.room(12).then(() => done.push("much"));
    void scene.pacer.drained().then(() => done.push("all"));
    await scene.clock.advance(100);
    expect(done).toEqual(["much"]);
    await scene.clock.advance(9_800);
    expect(done).toEqual(["much"]);
    await scene.clock.advance(200);
    expect(done).toEqual(["much", "all"]);
  });

  test("does not keep more than its share of memory", async () => {
    using scene = new Scene();
    const ticks = Array.from({ length: 300 }, (_, i) => i);
    for (const i of ticks)
      writer.write(scene.video, new Uint8Array(120_000), { pts: i, dts: i, isKey: true });
    scene.pacer.wake();
    expect(scene.pacer.isFull).toBe(true);
    await expect(scene.pacer.room(1)).rejects.toThrow("a segment is too large");
  });

  test("of a small share it leaves half to the stream", () => {
    memory.streamBytes = 4 * 1024 ** 2;
    const small = memory.openShare()!;
    const pacer = new Pacer(new FakeClock(), small, (error) => {
      throw error;
    });
    const setup = { format: 0, clockRate: 90_000, frameTicks: 0, reorderDepth: 0 };
    const units = UnitLog.open(small, setup)!;
    pacer.add([{ units }]);
    for (let i = 0; i < 25; i++) {
      expect(writer.write(units, new Uint8Array(120_000), { pts: i, dts: i, isKey: true })).toBe(true);
      expect(pacer.isFull).toBe(units.blocks > 16);
    }
    expect(pacer.isFull).toBe(true);
    for (const each of [pacer, units]) each.close();
    small.closeShare();
  });
});
