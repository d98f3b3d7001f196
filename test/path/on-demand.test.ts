import { expect, test } from "bun:test";
import { OnDemand } from "../../src/path/on-demand.ts";
import { FakeClock } from "../support/fake-clock.ts";

function onDemand() {
  const clock = new FakeClock();
  const told: string[] = [];
  const state = { alive: true };
  const machine = new OnDemand({
    clock,
    startTimeout: 10_000,
    closeAfter: 5_000,
    isAlive: () => state.alive,
    start: () => told.push("start"),
    stop: (reason) => told.push(`stop: ${reason}`),
    expired: () => told.push("expired"),
    refused: (reason) => told.push(`refused: ${reason}`),
  });
  return { clock, told, machine, state };
}

test("one start for many requests; ends when nobody reads any more", async () => {
  const { clock, told, machine } = onDemand();
  expect(machine.idle).toBe(true);
  machine.request();
  machine.request();
  await clock.advance(3_000);
  expect(told).toEqual(["start"]);
  machine.ready();
  machine.used();
  await clock.advance(60_000);
  machine.unused();
  await clock.advance(4_000);
  machine.used(); // somebody came back in time
  machine.used();
  await clock.advance(60_000);
  expect(told).toEqual(["start"]);
  machine.unused();
  await clock.advance(5_000);
  expect(told).toEqual(["start", "stop: not needed by anyone"]);
  expect(machine.idle).toBe(true);
  machine.request();
  expect(told.at(-1)).toBe("start");
});

test("who waits is told when the stream does not come in time", async () => {
  const { clock, told, machine } = onDemand();
  machine.request();
  await clock.advance(9_999);
  machine.request(); // does not make the first one wait longer
  await clock.advance(1);
  expect(told).toEqual(["start", "stop: timed out", "expired"]);
  expect(machine.idle).toBe(true);
});

test("a stream that comes and is not read ends too", async () => {
  const { clock, told, machine } = onDemand();
  machine.request();
  machine.ready();
  await clock.advance(5_000);
  expect(told).toEqual(["start", "stop: not needed by anyone"]);
});

test("a stream that ends by itself: readers that come back soon wait anew for it, and nothing starts twice", async () => {
  const { clock, told, machine } = onDemand();
  machine.request();
  machine.ready();
  machine.used();
  machine.lost();
  await clock.advance(4_999);
  expect(told).toEqual(["start"]);
  machine.request();
  await clock.advance(9_999);
  expect(told).toEqual(["start"]);
  machine.ready();
  machine.used();
  machine.lost();
  machine.lost();
  await clock.advance(5_000);
  expect(told).toEqual(["start", "stop: not needed by anyone"]);
});

test("what has ended for good is started again by the next request", async () => {
  const { told, machine, state } = onDemand();
  machine.request();
  machine.ready();
  machine.used();
  state.alive = false;
  machine.lost();
  machine.request();
  expect(told).toEqual(["start", "start"]);
});

test("a stream nobody asked for stays", async () => {
  const { clock, told, machine } = onDemand();
  machine.ready();
  machine.used();
  machine.unused();
  machine.lost();
  await clock.advance(60_000);
  expect(told).toEqual([]);
});

test("a failure after the stream was there: the next request starts anew, no timer is left", async () => {
  const { clock, told, machine } = onDemand();
  machine.request();
  machine.ready();
  machine.used();
  machine.failed();
  machine.unused();
  await clock.advance(60_000);
  expect(told).toEqual(["start"]);
  machine.request();
  expect(told).toEqual(["start", "start"]);
  machine.close();
  await clock.advance(60_000);
  expect(told).toEqual(["start", "start"]);
});

test("a command that fails: who waits is told at once, and who asks right afterwards does not start it", async () => {
  const { clock, told, machine } = onDemand();
  machine.request();
  machine.broke("code 1");
  expect(told).toEqual(["start", "stop: failed", "refused: code 1"]);
  machine.broke("code 2"); // of nobody's interest any more
  machine.request();
  expect(told.slice(3)).toEqual(["refused: code 1"]);
  expect(machine.idle).toBe(true);
  await clock.advance(1_000);
  machine.request();
  expect(told.slice(4)).toEqual(["start"]);
});

test("a command that fails while its stream runs changes nothing", async () => {
  const { clock, told, machine } = onDemand();
  machine.request();
  machine.ready();
  machine.used();
  machine.broke("code 1");
  await clock.advance(60_000);
  expect(told).toEqual(["start"]);
});
