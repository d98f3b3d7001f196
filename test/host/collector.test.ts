import { beforeEach, expect, test } from "bun:test";
import { Collector } from "../../src/host/collector.ts";
import { FakeClock } from "../support/fake-clock.ts";

let clock: FakeClock;
let calls: string[];
let collector: Collector;

beforeEach(() => {
  clock = new FakeClock();
  calls = [];
  collector = new Collector(clock, {
    young: () => void calls.push(`young ${clock.now()}`),
    all: () => void calls.push(`all ${clock.now()}`),
  });
});

function work(count: number): void {
  for (let i = 0; i < count; i++) collector.worked();
}

function close(count: number): void {
  for (let i = 0; i < count; i++) collector.closed();
}

test("a few connections and requests are no reason to collect", async () => {
  work(99);
  close(499);
  await clock.advance(60_000);
  expect(calls).toEqual([]);
});

test("young objects are collected after many requests, when this turn is over, and not too often", async () => {
  work(100);
  expect(calls).toEqual([]);
  await clock.advance(0);
  expect(calls).toEqual(["young 0"]);
  for (let ms = 0; ms < 100; ms += 5) {
    work(150);
    await clock.advance(5);
  }
  expect(calls).toEqual(["young 0", "young 20", "young 40", "young 60", "young 80", "young 100"]);
});

test("everything is collected once many connections are gone, after the others of them have gone too", async () => {
  close(500);
  await clock.advance(1_000);
  close(700);
  expect(calls).toEqual([]);
  await clock.advance(60_000);
  expect(calls).toEqual(["all 2000"]);
  close(499);
  await clock.advance(60_000);
  expect(calls).toEqual(["all 2000"]);
  close(1);
  await clock.advance(60_000);
  expect(calls).toHaveLength(2);
});
