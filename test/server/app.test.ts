import { expect, test } from "bun:test";
import { App, type Component } from "../../src/server/app.ts";
import { testLog } from "../lib/test-log.ts";

interface Config {
  readonly [slice: string]: unknown;
}
type Row = Component<Config, string[]>;

/** A component that writes down what happens to it; its slice is the value under its name, "fail" fails. */
function row(name: string, needs: string[] = [], inPlace = false): Row {
  return {
    name,
    needs,
    slice: (config) => config[name],
    start: async (config, events) => {
      const value = config[name];
      if (value === "off") return undefined;
      if (value === "fail") throw new Error(`listen tcp ${name}: address already in use`);
      events.push(`start ${name} ${value}`);
      const close = async () => void events.push(`close ${name}`);
      const reload = (after: Config) => {
        if (after[name] === "refuse") throw new Error("cannot take that");
        events.push(`reload ${name} ${after[name]}`);
      };
      return inPlace ? { close, reload } : { close };
    },
  };
}

function setUp(...components: Row[]) {
  const events: string[] = [];
  const { logger, lines } = testLog();
  const take = () => events.splice(0);
  return { app: new App({ components, context: events, logger }), take, lines };
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
    "ERR rtsp goes on with its previous configuration",
  ]);
  await app.reload({ ...BASE, rtsp: 2, api: 2 });
  expect(take()).toEqual(["close rtsp", "start rtsp 2"]);
});

test("what cannot go back either stays closed, without its dependents, until a reload can start it", async () => {
  let taken = false;
  const fragile: Row = {
    ...row("a"),
    start: (config, events) => {
      if (taken) throw new Error("taken");
      return row("a").start(config, events);
    },
  };
  const { app, take, lines } = setUp(fragile, row("b", ["a"]));
  await app.start({ a: 1, b: 1 });
  taken = true;
  await app.reload({ a: 2, b: 1 });
  expect(take()).toEqual(["start a 1", "start b 1", "close b", "close a"]);
  expect(lines.at(-1)).toBe("ERR b stays closed until the next reload: b needs a, which does not run");
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
    start: async () => ({ close: () => Promise.reject(new Error("stuck")) }),
  };
  const { app, take, lines } = setUp(row("a"), faulty, row("c"));
  await app.start({ a: 1, b: 1, c: 1 });
  take();
  await app.close();
  expect(take()).toEqual(["close c", "close a"]);
  expect(lines).toEqual(["ERR closing b: stuck"]);
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
