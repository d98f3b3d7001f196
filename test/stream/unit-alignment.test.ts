import { expect, test } from "bun:test";
import type { StreamTimes } from "../../src/stream/clocks.ts";
import { UnitAlignment } from "../../src/stream/unit-alignment.ts";
import type { UnitLog } from "../../wasm/units.ts";
import { Random } from "../support/random.ts";

const RATES = [90_000, 48_000];
const HOUR_MS = 3_600_000;

/** Tracks that began at some RTP times when the wall clock was 0, and are told apart by 32 bits alone. */
class Timeline {
  readonly #starts: readonly number[];
  now = 0;
  /** How far the clock of the publisher is ahead of what it was, ms. */
  drift = 0;
  reportedTracks = 0;

  constructor(starts: readonly number[]) {
    this.#starts = starts;
  }

  /** Ticks of a track now, without wraps. */
  ticks(track: number): number {
    return this.#starts[track]! + Math.round((this.now * RATES[track]!) / 1000);
  }

  wallAt(track: number, rtpTime: number): number {
    const present = (this.ticks(track) % 2 ** 32) + (this.drift * RATES[track]!) / 1000;
    return this.now - (((present - rtpTime) | 0) * 1000) / RATES[track]!;
  }
}

function open(starts: readonly number[]) {
  const timeline = new Timeline(starts);
  const units = RATES.map(
    (clockRate) => ({ clockRate, rtpTimeOf: (ticks: number) => ticks % 2 ** 32 }) as UnitLog,
  );
  return { timeline, places: new UnitAlignment(timeline as unknown as StreamTimes, units) };
}

const random = new Random(1);
const STARTS = [
  0,
  2 ** 31 - 1,
  2 ** 31,
  3e9,
  2 ** 32 - 1,
  ...Array.from({ length: 20 }, () => random.bits()),
];

test("a track that begins later keeps its distance, however long the other has said nothing", () => {
  for (const start of STARTS) {
    for (const hours of [0, 1, 7, 13, 25, 30, 100]) {
      const { timeline, places } = open([start, 2 ** 32 - start]);
      const first = places.wallOf(0, timeline.ticks(0));
      timeline.now = hours * HOUR_MS;
      timeline.drift = 700;
      expect(first).toBeCloseTo(0, 3);
      const second = places.wallOf(1, timeline.ticks(1));
      expect(second - places.wallOf(0, timeline.ticks(0))).toBeCloseTo(0, 1);
    }
  }
});

test("tracks are aligned again at any time", () => {
  for (const start of STARTS) {
    const { timeline, places } = open([start, 2 ** 32 - start]);
    places.wallOf(0, timeline.ticks(0));
    places.wallOf(1, timeline.ticks(1));
    timeline.now = 8 * HOUR_MS;
    timeline.reportedTracks = 2;
    places.realign([start, timeline.ticks(1)], 0);
    expect(places.wallOf(1, timeline.ticks(1))).toBeCloseTo(timeline.now, 1);
  }
});
