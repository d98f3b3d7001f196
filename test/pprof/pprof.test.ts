import { describe, expect, test } from "bun:test";
import { Profile } from "pprof-format";
import type { CpuProfile } from "../../src/host/profiler.ts";
import { type JsonObject, type Listed, Registry } from "../../src/lib/registry.ts";
import { cpuProfile } from "../../src/pprof/cpu.ts";
import { createPprof, type PprofSubject } from "../../src/pprof/server.ts";
import { FakeClock } from "../support/fake-clock.ts";

/** Samples of a profile: stacks from the innermost function outwards, with their numbers. */
function readProfile(bytes: Uint8Array) {
  const profile = Profile.decode(bytes);
  const text = (index: number | bigint) => profile.stringTable.strings[Number(index)];
  const functions = new Map(profile.function.map((item) => [Number(item.id), item]));
  const locations = new Map(profile.location.map((item) => [Number(item.id), item]));
  const frame = (id: number | bigint) => {
    const [line] = locations.get(Number(id))?.line ?? [];
    const made = functions.get(Number(line?.functionId));
    const place = text(made?.filename ?? 0) === "" ? "" : ` ${text(made?.filename ?? 0)}:${line?.line}`;
    return `${text(made?.name ?? 0)}${place}`;
  };
  return {
    measures: profile.sampleType.map(({ type, unit }) => `${text(type)}/${text(unit)}`),
    samples: profile.sample.map(({ locationId, value }) => [
      locationId.map(frame).join(" < "),
      ...value.map(Number),
    ]),
    nanoseconds: [Number(profile.timeNanos), Number(profile.durationNanos)],
  };
}

const frame = (functionName: string, lineNumber: number) => ({
  functionName,
  url: functionName === "(root)" ? "" : "file:///srv/main.ts",
  lineNumber,
});
const CPU: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame("(root)", -1), hitCount: 0, children: [2, 4] },
    { id: 2, callFrame: frame("outer", 4), hitCount: 1, children: [3] },
    { id: 3, callFrame: frame("inner", 9), hitCount: 5 },
    { id: 4, callFrame: frame("", 0), hitCount: 2 },
  ],
};

test("a profile of the engine becomes stacks with samples and time", () => {
  const { measures, samples, nanoseconds } = readProfile(
    cpuProfile(CPU, { wall: 1_700_000_000_000, durationMs: 2_000 }),
  );
  expect(measures).toEqual(["samples/count", "cpu/nanoseconds"]);
  expect(samples).toEqual([
    ["outer /srv/main.ts:5", 1, 1_000_000],
    ["inner /srv/main.ts:10 < outer /srv/main.ts:5", 5, 5_000_000],
    ["(anonymous) /srv/main.ts:1", 2, 2_000_000],
  ]);
  expect(nanoseconds).toEqual([1_700_000_000_000_000_000, 2_000_000_000]);
});

function item(id: string, about: JsonObject): Listed {
  return { id, created: 0, describe: () => about, close: () => {} };
}

function setUp() {
  const clock = new FakeClock();
  const sessions = new Registry("rtspsessions");
  for (let i = 0; i < 3; i++) sessions.add(item(`r${i}`, { state: "read", path: "cam" }));
  sessions.add(item("p", { state: "publish", path: "cam\nforged 1" }));
  const paths = new Registry("paths");
  paths.add(item("cam", { name: "cam" }));
  let stops = 0;
  const subject: PprofSubject = {
    clock,
    registries: new Map([paths, sessions].map((registry) => [registry.name, registry])),
    startCpuProfile: () =>
      Promise.resolve({
        stop: () => {
          stops += 1;
          return Promise.resolve(CPU);
        },
      }),
    readHeap: () => ({ heapBytes: 1_000, extraBytes: 50, objects: { Object: 3, string: 9 } }),
    readMemory: () => ({ mediaBlocks: 2, mediaBytes: 262_144 }),
    countTimers: () => 4,
  };
  const app = createPprof(subject);
  const get = async (path: string, signal?: AbortSignal) =>
    await app.fetch(new Request(`http://h/debug/pprof/${path}`, signal === undefined ? {} : { signal }));
  const profile = async (path: string) => readProfile(new Uint8Array(await (await get(path)).arrayBuffer()));
  return { clock, get, profile, stops: () => stops };
}

describe("profiles", () => {
  test("heap: bytes by area, objects by class", async () => {
    const { measures, samples } = await setUp().profile("heap");
    expect(measures).toEqual(["inuse_objects/count", "inuse_space/bytes"]);
    expect(samples).toEqual([
      ["JavaScript heap", 0, 1_000],
      ["outside of it: buffers, long strings < JavaScript heap", 0, 50],
      ["blocks < media memory", 2, 262_144],
      ["string < JavaScript heap", 9, 0],
      ["Object < JavaScript heap", 3, 0],
    ]);
  });

  test("goroutine: what goes on, by kind, state and path", async () => {
    const { measures, samples } = await setUp().profile("goroutine");
    expect(measures).toEqual(["goroutine/count"]);
    expect(samples).toEqual([
      ["cam < paths", 1],
      ["cam < read < rtspsessions", 3],
      ["cam\nforged 1 < publish < rtspsessions", 1],
      ["timers", 4],
    ]);
  });

  test("as text, in which no name makes a line of its own", async () => {
    const text = await (await setUp().get("goroutine?debug=1")).text();
    expect(text).toBe(
      "# goroutine (count)\n1 paths > cam\n3 rtspsessions > read > cam\n" +
        "1 rtspsessions > publish > cam?forged 1\n4 timers\n",
    );
  });

  test("a CPU profile takes the time that is asked for; there is one at a time", async () => {
    const { clock, get, stops } = setUp();
    const answer = get("profile?seconds=2");
    await clock.advance(0);
    expect((await get("profile?seconds=1")).status).toBe(409);
    await clock.advance(1_999);
    expect(stops()).toBe(0);
    await clock.advance(1);
    const response = await answer;
    expect([response.status, response.headers.get("Content-Type"), stops()]).toEqual([
      200,
      "application/octet-stream",
      1,
    ]);
    expect(readProfile(new Uint8Array(await response.arrayBuffer())).samples).toHaveLength(3);
  });

  test("a CPU profile that nobody waits for any more ends", async () => {
    const { clock, get, stops } = setUp();
    const gone = new AbortController();
    const answer = get("profile", gone.signal);
    await clock.advance(0);
    gone.abort();
    await answer;
    expect(stops()).toBe(1);
  });

  test.each(["0", "301", "x", "-1", "1.5", "", "99999"])("seconds=%s is refused", async (seconds) => {
    const answer = await setUp().get(`profile?seconds=${seconds}`);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toEqual({ error: `seconds: 1 to 300, not ${seconds}` });
  });

  test("the index links to all of them; what is not there is not found", async () => {
    const { get } = setUp();
    const page = await get("");
    expect(page.headers.get("Content-Security-Policy")).toStartWith("default-src 'none'");
    const links = [...(await page.text()).matchAll(/href="([^"]+)"/g)].map((match) => match[1]);
    expect(links).toEqual(["profile?seconds=10", "heap?debug=1", "goroutine?debug=1"]);
    expect((await get("mutex")).status).toBe(404);
    expect((await get("heap/")).status).toBe(301);
  });
});
