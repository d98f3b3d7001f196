import { expect, test } from "bun:test";
import { UnitOutput, type UnitReader } from "../../src/stream/unit-output.ts";
import { samplesOf } from "../media/parameter-samples.ts";
import { Scene } from "./scene.ts";

/** Takes the units of some tracks. */
class Taker implements UnitReader {
  readonly sizes = new Map<number, number[]>();
  /** Presentation and decoding time of the units of track 0. */
  readonly times: [pts: number, dts: number][] = [];
  readonly faults: string[] = [];
  error: Error | undefined;
  readonly output: UnitOutput;
  readonly #next = new Map<number, number>();

  constructor(scene: Scene, tracks: readonly number[]) {
    this.output = UnitOutput.enter(scene.stream, this, tracks);
    for (const track of tracks) {
      const units = this.output.tracks[track];
      if (units === undefined) continue;
      this.#next.set(track, units.headSeq);
      this.sizes.set(track, []);
    }
  }

  pump(): void {
    if (this.error !== undefined) throw this.error;
    for (const [track, next] of this.#next) {
      const units = this.output.tracks[track]!;
      let at = next;
      for (; units.find(at); at += units.entries) {
        this.sizes.get(track)!.push(units.size);
        if (track === 0) this.times.push([units.pts, units.dts]);
      }
      this.#next.set(track, at);
    }
  }

  needs(track: number): number {
    return this.#next.get(track)!;
  }

  failed(error: Error): void {
    this.faults.push(error.message);
  }

  get counts(): [number, number][] {
    return [...this.sizes].map(([track, { length }]) => [track, length]);
  }
}

async function play(scene: Scene, rounds: number): Promise<void> {
  for (let i = 0; i < rounds; i++) {
    scene.picture();
    scene.sound(i);
    await scene.clock.advance(15);
  }
}

test("units are made only of the tracks that somebody takes", async () => {
  const scene = new Scene();
  const sound = new Taker(scene, [1]);
  await play(scene, 20);
  expect(sound.output.tracks.map((units) => units === undefined)).toEqual([true, false]);
  expect(sound.counts).toEqual([[1, 20]]);
  const both = new Taker(scene, [0, 1]);
  expect(both.output).toBe(sound.output);
  await play(scene, 20);
  expect(both.counts).toEqual([
    [0, 20],
    [1, 20],
  ]);
  expect(sound.counts).toEqual([[1, 40]]);
  sound.output.remove(sound);
  expect(both.output.tracks.map((units) => units === undefined)).toEqual([false, false]);
  const late = new Taker(scene, [1]);
  both.output.remove(both);
  expect(late.output.tracks.map((units) => units === undefined)).toEqual([true, false]);
  await play(scene, 10);
  expect(late.counts).toEqual([[1, 10]]);
  late.output.remove(late);
  expect(scene.stream.readers).toBe(0);
  scene.close();
});

test("a reader of units that throws ends; the others go on", async () => {
  const scene = new Scene();
  const takers = [new Taker(scene, [0, 1]), new Taker(scene, [0]), new Taker(scene, [1])];
  const [first, broken, last] = takers as [Taker, Taker, Taker];
  await play(scene, 10);
  broken.error = new Error("muxer broke");
  await play(scene, 10);
  expect([first.counts, last.counts]).toEqual([
    [
      [0, 20],
      [1, 20],
    ],
    [[1, 20]],
  ]);
  expect([broken.faults, first.faults, last.faults]).toEqual([["muxer broke"], [], []]);
  expect(scene.reported).toEqual(["reader of units: muxer broke"]);
  expect(first.output.readers).toBe(2);
  for (const taker of takers) taker.output.remove(taker);
  scene.close();
});

test("a reader that comes before the parameter sets gets decoding times by them from the first picture on", async () => {
  const scene = new Scene();
  const taker = new Taker(scene, [0]);
  const [h264] = samplesOf(["h264"]);
  const { sps, pps } = h264 as Extract<typeof h264, { codec: "h264" }>;
  const picture = (shown: number, type: number) => {
    const time = 90_000 + 3_600 * shown;
    if (type === 0x65) for (const set of [sps, pps]) scene.packet(0, time, set, false);
    scene.packet(0, time, new Uint8Array(100).fill(type));
  };
  for (let group = 0; group < 3; group++) {
    for (const [i, shown] of [0, 3, 1, 2].entries()) picture(4 * group + shown, i === 0 ? 0x65 : 0x41);
    await scene.clock.advance(160);
  }
  expect(taker.times.length).toBe(12);
  for (const [i, [pts, dts]] of taker.times.entries()) {
    expect(dts).toBeLessThanOrEqual(pts);
    expect(dts).toBeGreaterThan(taker.times[i - 1]?.[1] ?? 0);
  }
  taker.output.remove(taker);
  scene.close();
});
