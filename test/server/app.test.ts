import { expect, test } from "bun:test";
import { RefusedError, SystemError } from "../../src/lib/errors.ts";
import { Registry } from "../../src/lib/registry.ts";
import type { Component } from "../../src/protocols/component.ts";
import { App } from "../../src/server/app.ts";
import { Inventory } from "../../src/server/inventory.ts";
import { testLog } from "../lib/test-log.ts";
import { takeFaults } from "../support/faults.ts";

interface Config {
  readonly [slice: string]: unknown;
}

/** What the components here are handed. */
interface Deps {
  readonly events: string[];
}
type Row = Component<unknown, Deps, Config>;

/** A component that writes down what happens to it; its slice is the value under its name: "off", "fail" or any other. */
function row(name: string, needs: string[] = [], inPlace = false): Row {
  return {
    name,
    needs,
    slice: (config) => (config[name] === "off" ? undefined : config[name]),
    start: async (value, { events }) => {
      if (value === "fail") throw new SystemError(`listen tcp ${name}: address already in use`);
      events.push(`start ${name} ${value}`);
      const close = async () => void events.push(`close ${name}`);
      const reload = (after: unknown) => {
        if (after === "refuse") throw new RefusedError("cannot take that");
        events.push(`reload ${name} ${after}`);
      };
      return inPlace ? { close, reload } : { close };
    },
  };
}

function setUp(...components: Row[]) {
  const events: string[] = [];
  const { logger, lines } = testLog();
  const take = () => events.splice(0);
  const inventory = new Inventory();
  const app = new App<Deps, Config>({ components, deps: { events }, inventory, logger });
  return { app, take, lines, inventory };
}

const ROWS = () => [row("metrics"), row("paths", [], true), row("rtsp", ["paths"]), row("api")];
const BASE = { metrics: 1, paths: 1, rtsp: 1, api: 1 };

test("components start in order and close in reverse", async () => {
  const { app, take } = setUp(...ROWS());
  await app.start(BASE);
  expect(take()).toEqual(["start metrics 1", "start paths 1", "start rtsp 1", "start api 1"]);
  await app.close();
  expect(take()).toEqual(["close api", "close rtsp", "close paths", "close metrics"]);
  await app.close();
  expect(take()).toEqual([]);
});

test("a component that cannot start ends the start, and what ran is closed", async () => {
  const { app, take } = setUp(...ROWS());
  expect(app.start({ ...BASE, rtsp: "fail" })).rejects.toThrow("listen tcp rtsp: address already in use");
  await app.close();
  expect(take()).toEqual(["start metrics 1", "start paths 1", "close paths", "close metrics"]);
});

test.each([
  ["nothing", {}, []],
  ["one slice", { rtsp: 2 }, ["close rtsp", "start rtsp 2"]],
  ["in place", { paths: 2 }, ["reload paths 2"]],
  [
    "two, closed before any starts",
    { metrics: 2, api: 2 },
    ["close api", "close metrics", "start metrics 2", "start api 2"],
  ],
  ["off", { api: "off" }, ["close api"]],
] as const)("a reload touches what changed alone: %s", async (_, change, expected) => {
  const { app, take } = setUp(...ROWS());
  await app.start(BASE);
  take();
  await app.reload({ ...BASE, ...change });
  expect(take()).toEqual([...expected]);
  await app.reload({ ...BASE, ...change });
  expect(take()).toEqual([]);
});

test("what was off starts when it is switched on", async () => {
  const { app, take } = setUp(...ROWS());
  await app.start({ ...BASE, api: "off" });
  take();
  await app.reload(BASE);
  expect(take()).toEqual(["start api 1"]);
});

test("what can change while running is closed when it is switched off", async () => {
  const { app, take } = setUp(...ROWS());
  await app.start({ ...BASE, rtsp: "off" });
  take();
  await app.reload({ ...BASE, rtsp: "off", paths: "off" });
  expect(take()).toEqual(["close paths"]);
});

test("what a component provides is handed to those after it, for as long as it runs", async () => {
  const seen: unknown[] = [];
  const giver: Row = {
    ...row("a"),
    start: async (value) => ({ provides: { a: value } as never, close: async () => {} }),
  };
  const taker: Row = {
    ...row("b"),
    start: async (_, deps) => {
      seen.push((deps as unknown as { a?: unknown }).a);
      return { close: async () => {} };
    },
  };
  const { app } = setUp(giver, taker);
  await app.start({ a: 1, b: 1 });
  await app.reload({ a: 2, b: 2 });
  await app.reload({ a: "off", b: 3 });
  expect(seen).toEqual([1, 2, undefined]);
});

test("what a component lists, measures and listens on is known while it runs", async () => {
  const things = new Registry("things");
  const shower: Row = {
    ...row("a"),
    start: async (port) => ({
      address: `127.0.0.1:${port}`,
      registries: [things],
      values: [{ kind: "gauge", name: `things_${port}`, help: "", read: () => 0 }],
      close: async () => {},
    }),
  };
  const { app, inventory } = setUp(shower, row("b"));
  const { registries, values } = inventory;
  const shown = () => [[...registries.keys()], values.map(({ name }) => name), inventory.addressOf("a")];
  await app.start({ a: 1, b: 1 });
  expect(shown()).toEqual([["things"], ["things_1"], "127.0.0.1:1"]);
  await app.reload({ a: 2, b: 1 });
  expect(shown()).toEqual([["things"], ["things_2"], "127.0.0.1:2"]);
  await app.reload({ a: "off", b: 1 });
  expect(shown()).toEqual([[], [], undefined]);
});

test("a restart takes with it what needs the component", async () => {
  const { app, take } = setUp(row("a"), row("b", ["a"], true), row("c", ["b"]), row("d"));
  await app.start({ a: 1, b: 1, c: 1, d: 1 });
  take();
  await app.reload({ a: 2, b: 1, c: 1, d: 1 });
  expect(take()).toEqual(["close c", "close b", "close a", "start a 2", "start b 1", "start c 1"]);
});

test("a listener that cannot open goes back to where it was, and is tried again by the next reload", async () => {
  const { app, take, lines } = setUp(...ROWS());
  await app.start(BASE);
  take();
  await app.reload({ ...BASE, rtsp: "fail", api: 2 });
  expect(take()).toEqual(["close api", "close rtsp", "start rtsp 1", "start api 2"]);
  expect(lines).toEqual([
    "ERR listen tcp rtsp: address already in use",
    "ERR rtsp continues with its previous configuration",
  ]);
  await app.reload({ ...BASE, rtsp: 2, api: 2 });
  expect(take()).toEqual(["close rtsp", "start rtsp 2"]);
});

test("what cannot go back either stays closed, without its dependents, until a reload can start it", async () => {
  let taken = false;
  const fragile: Row = {
    ...row("a"),
    start: (value, deps) => {
      if (taken) throw new SystemError("taken");
      return row("a").start(value, deps);
    },
  };
  const { app, take, lines } = setUp(fragile, row("b", ["a"]));
  await app.start({ a: 1, b: 1 });
  taken = true;
  await app.reload({ a: 2, b: 1 });
  expect(take()).toEqual(["start a 1", "start b 1", "close b", "close a"]);
  expect(lines.at(-1)).toBe("ERR b stays stopped until the next reload: b needs a, which is not running");
  taken = false;
  await app.reload({ a: 2, b: 1 });
  expect(take()).toEqual(["start a 2", "start b 1"]);
});

test("a slice that is refused in place leaves the component as it was", async () => {
  const { app, take, lines } = setUp(...ROWS());
  await app.start(BASE);
  take();
  await app.reload({ ...BASE, paths: "refuse" });
  expect(lines).toEqual(["ERR paths keeps its previous configuration: cannot take that"]);
  await app.reload({ ...BASE, paths: 3 });
  expect(take()).toEqual(["reload paths 3"]);
});

test("a fault while closing one does not keep the others open", async () => {
  const faulty: Row = {
    ...row("b"),
    start: async () => ({ close: () => Promise.reject(new TypeError("stuck")) }),
  };
  const { app, take, lines } = setUp(row("a"), faulty, row("c"));
  await app.start({ a: 1, b: 1, c: 1 });
  take();
  await app.close();
  expect(take()).toEqual(["close c", "close a"]);
  expect(takeFaults()).toBe(1);
  expect(lines[0]).toBe("ERR internal error: closing b");
  expect(lines.at(-1)).toBe("ERR failed to close b: stuck");
});

test("jobs wait for each other", async () => {
  const { app, take } = setUp(...ROWS());
  const all = [app.start(BASE), app.reload({ ...BASE, rtsp: 2 }), app.close()];
  await Promise.all(all);
  expect(take().slice(4)).toEqual([
    "close rtsp",
    "start rtsp 2",
    "close api",
    "close rtsp",
    "close paths",
    "close metrics",
  ]);
});
