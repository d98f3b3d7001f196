import { expect, test } from "bun:test";
import { ConfigError } from "../../src/lib/errors.ts";
import { Reloader } from "../../src/server/reloader.ts";
import { testLog } from "../lib/test-log.ts";
import { FakeClock } from "../support/fake-clock.ts";

function setUp() {
  const clock = new FakeClock();
  const { logger, lines } = testLog();
  const applied: [number, number][] = [];
  const state = { version: 1, apply: () => Promise.resolve() };
  const reloader = new Reloader({
    clock,
    logger,
    load: () => {
      if (state.version < 0) throw new ConfigError("invalid log level: 'x'");
      return state.version;
    },
    apply: (config: number) => {
      applied.push([clock.now(), config]);
      return state.apply();
    },
  });
  return { clock, reloader, state, applied, lines };
}

test("the first change is applied at once", async () => {
  const { clock, reloader, applied, lines } = setUp();
  reloader.changed();
  await clock.advance(0);
  expect(applied).toEqual([[0, 1]]);
  expect(lines).toEqual(["INF reloading configuration (file changed)"]);
});

test("changes soon after a reload are put off and become one", async () => {
  const { clock, reloader, state, applied } = setUp();
  reloader.changed();
  await clock.advance(10);
  for (state.version = 2; state.version < 9; state.version++) {
    reloader.changed();
    await clock.advance(50);
  }
  await clock.advance(5_000);
  expect(applied).toEqual([
    [0, 1],
    [1000, 9],
  ]);
});

test("a change during a reload is not lost", async () => {
  const { clock, reloader, state, applied } = setUp();
  const slow = Promise.withResolvers<void>();
  state.apply = () => slow.promise;
  reloader.changed();
  await clock.advance(0);
  state.version = 2;
  reloader.changed();
  await clock.advance(2_500);
  expect(applied).toEqual([[0, 1]]);
  state.apply = () => Promise.resolve();
  slow.resolve();
  await clock.advance(0);
  await clock.advance(1_000);
  expect(applied.map(([, version]) => version)).toEqual([1, 2]);
});

test("a configuration that is wrong changes nothing, and the next one is taken", async () => {
  const { clock, reloader, state, applied, lines } = setUp();
  state.version = -1;
  reloader.changed();
  await clock.advance(0);
  expect(applied).toEqual([]);
  expect(lines.at(-1)).toBe("ERR invalid log level: 'x'; keeping the previous configuration");
  state.version = 3;
  reloader.changed();
  await clock.advance(1_000);
  expect(applied).toEqual([[1000, 3]]);
});

test("nothing is reloaded after closing", async () => {
  const { clock, reloader, applied } = setUp();
  reloader.changed();
  reloader.close();
  reloader.changed();
  await clock.advance(5_000);
  expect(applied).toEqual([]);
});
