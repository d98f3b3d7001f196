import { expect, test } from "bun:test";
import { WallLine } from "../../src/ingest/wall-line.ts";

test("the time line follows a sender whose clock is slower, by its earliest arrivals", () => {
  const line = new WallLine();
  const start = 1_700_000_000_000;
  line.begin(90_000, start);
  expect(line.wallOfZero).toBe(start - 1_000);
  let moves = 0;
  // a ten-thousandth slower, each look up to 80 ms late
  for (let ms = 0; ms < 3_600_000; ms += 250) {
    const late = (ms / 250) % 8;
    if (line.follow(90 * (1_000 + ms * 0.9999), start + ms + 10 * late)) moves += 1;
  }
  expect(Math.abs(line.wallOfZero - (start - 1_000 + 360))).toBeLessThanOrEqual(21);
  expect(moves).toBeGreaterThan(5);
  expect(moves).toBeLessThan(30);
});
