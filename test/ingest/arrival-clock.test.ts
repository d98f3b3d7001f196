import { describe, expect, test } from "bun:test";
import { ArrivalClock } from "../../src/ingest/arrival-clock.ts";

test("the arrival clock follows a sender whose clock is slower, by its earliest arrivals", () => {
  const clock = new ArrivalClock();
  const start = 1_700_000_000_000;
  clock.begin(90_000, 0, start);
  expect(clock.wallOfZero).toBe(start - 1_000);
  let moves = 0;
  // a ten-thousandth slower, each look up to 80 ms late
  for (let ms = 0; ms < 3_600_000; ms += 250) {
    const late = (ms / 250) % 8;
    if (clock.follow(90 * (1_000 + ms * 0.9999), ms + 10 * late, start + ms + 10 * late)) moves += 1;
  }
  expect(Math.abs(clock.wallOfZero - (start - 1_000 + 360))).toBeLessThanOrEqual(21);
  expect(moves).toBeGreaterThan(5);
  expect(moves).toBeLessThan(30);
});

describe("a wall clock that is set", () => {
  const START = 1_700_000_000_000;

  for (const step of [3_600_000, -3_600_000]) {
    test(`by ${step} ms is followed with the next look, and drift as before`, () => {
      const clock = new ArrivalClock();
      clock.begin(0, 0, START);
      const look = (ms: number, wall: number) => clock.follow(90 * ms, ms, wall + ms);
      for (let ms = 0; ms < 60_000; ms += 250) expect(look(ms, START)).toBe(false);
      let moves = 0;
      for (let ms = 60_000; ms < 120_000; ms += 250) if (look(ms, START + step)) moves += 1;
      expect([moves, clock.wallOfZero]).toEqual([1, START + step]);
      for (let ms = 120_000; ms < 1_200_000; ms += 250) clock.follow(90 * ms * 0.9999, ms, START + step + ms);
      expect(Math.abs(clock.wallOfZero - START - step - 120)).toBeLessThanOrEqual(21);
    });
  }
});
