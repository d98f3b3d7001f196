import { expect, test } from "bun:test";
import { Tally } from "../../src/lib/tally.ts";
import { FakeClock } from "../support/fake-clock.ts";

test("what repeats is reported once a second, with its number", async () => {
  const clock = new FakeClock();
  const reports: string[] = [];
  const tally = new Tally(clock, (what, count) => reports.push(`${clock.now()} ${what} ${count}`));
  tally.count("lost");
  tally.count("lost", 4);
  tally.count("late");
  await clock.advance(999);
  expect(reports).toEqual([]);
  await clock.advance(5_000);
  expect(reports).toEqual(["1000 lost 5", "1000 late 1"]);
  tally.count("lost");
  tally.flush();
  tally.flush();
  await clock.advance(5_000);
  expect(reports.slice(2)).toEqual(["5999 lost 1"]);
});
