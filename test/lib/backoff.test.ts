import { expect, test } from "bun:test";
import { Backoff } from "../../src/lib/backoff.ts";

test("delays double up to the limit, and start again after a reset", () => {
  const longest = new Backoff(2_000, 15_000, () => 1);
  expect(Array.from({ length: 6 }, () => longest.next())).toEqual([
    2_000, 4_000, 8_000, 15_000, 15_000, 15_000,
  ]);
  longest.reset();
  expect(longest.next()).toBe(2_000);
  const shortest = new Backoff(2_000, 15_000, () => 0);
  expect(Array.from({ length: 5 }, () => shortest.next())).toEqual([1_000, 2_000, 4_000, 7_500, 7_500]);
});

test("those that failed together do not come back together", () => {
  const delays = new Set(Array.from({ length: 100 }, () => Math.round(new Backoff(2_000, 15_000).next())));
  expect(delays.size).toBeGreaterThan(50);
});
