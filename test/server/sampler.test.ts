import { expect, test } from "bun:test";
import { type Listed, Registry } from "../../src/lib/registry.ts";
import { Sampler } from "../../src/server/sampler.ts";
import { FakeClock } from "../support/fake-clock.ts";

test("everything that can be listed is looked at once a second, also what comes later", async () => {
  const clock = new FakeClock();
  const registries = new Map<string, Registry>();
  const sampler = new Sampler(clock, registries);
  const samples: number[] = [];
  const item: Listed = {
    id: "1",
    created: 0,
    describe: () => ({}),
    sample: (now) => samples.push(now),
    close: () => {},
  };
  await clock.advance(500);
  const registry = new Registry("things");
  registry.add(item);
  registry.add({ ...item, id: "2", sample: undefined } as unknown as Listed);
  registries.set("things", registry);
  await clock.advance(2_700);
  expect(samples).toEqual([1_000, 2_000, 3_000]);
  sampler.close();
  await clock.advance(5_000);
  expect(samples).toHaveLength(3);
});

test("how late the loop is, is counted ten times a second", async () => {
  const clock = new FakeClock();
  const sampler = new Sampler(clock, new Map());
  await clock.advance(1_000);
  const counts = sampler.loopLags.cumulative;
  expect([counts[0], counts.at(-1), sampler.loopLags.sum]).toEqual([10, 10, 0]);
  sampler.close();
});
