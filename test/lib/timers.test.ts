import { expect, test } from "bun:test";
import { TimerTable } from "../../src/lib/timers.ts";

test("the earliest deadline is known, whatever is set, moved and cleared", () => {
  const timers = new TimerTable<"idle" | "report" | "close">();
  expect(timers.deadline).toBe(Number.POSITIVE_INFINITY);
  timers.set("idle", 60);
  timers.set("report", 20);
  expect(timers.deadline).toBe(20);
  timers.set("report", 90);
  expect(timers.deadline).toBe(60);
  timers.clear("idle");
  timers.clear("idle");
  expect([timers.deadline, timers.has("idle"), timers.has("report")]).toEqual([90, false, true]);
});

test("what is due is taken out in order of time", () => {
  const timers = new TimerTable<"a" | "b" | "c">();
  timers.set("a", 30);
  timers.set("b", 10);
  timers.set("c", 20);
  expect(timers.take(9)).toBeUndefined();
  expect([timers.take(25), timers.take(25), timers.take(25)]).toEqual(["b", "c", undefined]);
  expect(timers.take(30)).toBe("a");
  expect(timers.deadline).toBe(Number.POSITIVE_INFINITY);
});
