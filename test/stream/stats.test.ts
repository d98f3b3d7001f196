import { expect, test } from "bun:test";
import { FrameRate } from "../../src/stream/stats.ts";

/** The rate that frames at these times (seconds) make, looked at each second until `seconds`. */
function rateOf(times: readonly number[], seconds: number, arrivals = times): number {
  const rate = new FrameRate();
  for (let second = 0; second <= seconds; second++) {
    const frames = arrivals.filter((at) => at <= second).length;
    const time = Math.round((times[frames - 1] ?? 0) * 90_000) >>> 0;
    rate.sample({ frames, time, now: second * 1000 });
  }
  return rate.perSecond(90_000);
}

const every = (interval: number, count: number) => Array.from({ length: count }, (_, i) => i * interval);

test.each([25, 29.97, 50, 1, 0.5])("%d frames a second, whenever the samples fall", (fps) => {
  expect(rateOf(every(1 / fps, 20 * fps), 12)).toBeCloseTo(fps, 1);
});

test("jitter of arrival does not show in the rate", () => {
  const times = every(1 / 25, 500);
  const arrivals = times.map((at, i) => at + ((i * 7919) % 13) / 60).sort((a, b) => a - b);
  expect(rateOf(times, 15, arrivals)).toBe(25);
});

test("a stream that stands still goes down to 0", () => {
  const times = every(1 / 25, 250);
  expect([10, 12, 14, 16].map((seconds) => Math.round(rateOf(times, seconds)))).toEqual([25, 15, 5, 0]);
});

test("times that make no sense do not count", () => {
  const arrivals = every(1 / 25, 500);
  const stuck = arrivals.map(() => 5);
  expect(rateOf(stuck, 12, arrivals)).toBeCloseTo(25, 0);
});

test("there is no rate before there are two samples", () => {
  expect(new FrameRate().perSecond(90_000)).toBe(0);
});
