import { afterEach, beforeEach, expect, test } from "bun:test";
import { describeStream } from "../../src/formats/rtp/description.ts";
import { trackSetups } from "../../src/formats/rtp/track-setup.ts";
import { parseSdp } from "../../src/formats/sdp/parse.ts";
import type { Awaitable } from "../../src/lib/awaitable.ts";
import { NoStreamError, RefusedError, SourceError } from "../../src/lib/errors.ts";
import type { Client } from "../../src/path/client.ts";
import { LocalDirectory, type Place } from "../../src/path/directory.ts";
import { PathManager } from "../../src/path/manager.ts";
import type { SourceOwner } from "../../src/path/source.ts";
import { MediaMemory } from "../../wasm/core.ts";
import { testLog } from "../lib/test-log.ts";
import { parseConfig } from "../support/config.ts";
import { SOURCES } from "../support/declared.ts";
import { FakeClock, settle } from "../support/fake-clock.ts";

const { description } = describeStream(parseSdp("m=audio 0 RTP/AVP 0\r\n"));
const tracks = trackSetups(description);
const memory = MediaMemory.load(8 * 1024 * 1024);
let clock: FakeClock;
let paths: PathManager;
let directory: LocalDirectory;
/** What the source was started with. */
let source: SourceOwner | undefined;

function fakeClient(): Client & { reason?: string } {
  const client: Client & { reason?: string } = {
    type: "fake",
    id: crypto.randomUUID(),
    close: (reason) => {
      client.reason = reason.message;
    },
  };
  return client;
}

function open(config: string): void {
  clock = new FakeClock();
  source = undefined;
  paths = new PathManager({
    logger: testLog().logger,
    clock,
    memory,
    config: parseConfig(config, SOURCES),
    sourceKind: (conf) =>
      conf.source.startsWith("rtsp:")
        ? {
            type: "fakeSource",
            label: "fake source",
            start: (owner) => {
              source = owner;
              return { close: () => {} };
            },
          }
        : undefined,
  });
  directory = new LocalDirectory(paths);
}

/** What comes of it: the kind of place, or the text of the error. */
async function outcome(place: Awaitable<Place>): Promise<string> {
  try {
    return (await place).kind;
  } catch (error) {
    return (error as Error).message;
  }
}

const ON_DEMAND = "paths:\n  cam: {source: rtsp://camera/, sourceOnDemand: yes}\n";

beforeEach(() => {
  open("paths:\n  all:\n");
});

afterEach(async () => {
  await paths.close();
  expect(memory.state.blocksTaken).toBe(0);
});

test("where a path is: here, elsewhere or nowhere", async () => {
  open(
    "paths:\n  live:\n  idle:\n  sent: {source: redirect, sourceRedirect: 'rtsp://other/a'}\n" +
      "  spare: {fallback: /live}\n",
  );
  const publisher = fakeClient();
  const path = await directory.claim("live", publisher);
  const places = () => Promise.all(["live", "idle", "sent", "spare"].map((name) => directory.find({ name })));
  const elsewhere = [
    { kind: "elsewhere", url: "rtsp://other/a" },
    { kind: "elsewhere", url: "/live" },
  ] as const;
  const nowhere = (name: string) =>
    ({ kind: "nowhere", reason: `no one is publishing to path '${name}'` }) as const;
  expect(await places()).toEqual([nowhere("live"), nowhere("idle"), ...elsewhere]);
  const stream = await directory.publish(path, publisher, description, tracks);
  expect(await places()).toEqual([{ kind: "here", path, stream }, nowhere("idle"), ...elsewhere]);
  const spare = await directory.claim("spare", publisher);
  const other = await directory.publish(spare, publisher, description, tracks);
  expect(await directory.find({ name: "spare" })).toEqual({ kind: "here", path: spare, stream: other });
});

test("readers are not redirected", async () => {
  open("paths:\n  sent: {source: redirect, sourceRedirect: 'rtsp://other/a'}\n  spare: {fallback: /sent}\n");
  for (const name of ["sent", "spare"]) {
    expect(() => directory.open({ name })).toThrow(
      new NoStreamError(`no one is publishing to path '${name}'`),
    );
  }
});

test("invalid and unconfigured names are refused by every method", async () => {
  open("paths:\n  cam:\n");
  for (const name of ["../a", "other"]) {
    const problem = name === "other" ? "path 'other' is not configured" : /^invalid path name/;
    for (const act of [
      () => directory.find({ name }),
      () => directory.open({ name }),
      () => directory.claim(name, fakeClient()),
    ]) {
      expect(act).toThrow(problem);
      expect(act).toThrow(RefusedError);
    }
  }
  expect(paths.registry.size).toBe(1);
});

test("a stream that has ended cannot be read, and a publisher has one stream at a time", async () => {
  const publisher = fakeClient();
  const path = await directory.claim("cam", publisher);
  await directory.publish(path, publisher, description, tracks);
  const here = await directory.open({ name: "cam" });
  expect(() => directory.publish(path, publisher, description, tracks)).toThrow("already has a stream");
  path.endStream();
  await directory.publish(path, publisher, description, tracks);
  expect(() => directory.attach(here, fakeClient())).toThrow("no one is publishing to path 'cam'");
  await directory.attach(await directory.open({ name: "cam" }), fakeClient());
});

test("a path with a source on demand is here once its stream is ready", async () => {
  open(ON_DEMAND);
  const found = [directory.find({ name: "cam" }), directory.open({ name: "cam" })];
  expect(source).toBeDefined();
  const stream = source!.ready(description, tracks);
  const here = { kind: "here", path: paths.registry.get("cam")!, stream } as const;
  expect(await Promise.all(found)).toEqual([here, here]);
  source!.failed(new SourceError("gone"));
  const late = outcome(directory.open({ name: "cam" }));
  await clock.advance(10_000);
  expect(await late).toBe("source of path 'cam' has timed out");
});

test("a client that disconnects frees its place among the thousand that may wait", async () => {
  open(ON_DEMAND);
  const wait = (departure: AbortController) => outcome(directory.open({ name: "cam", waiter: departure }));
  for (let round = 0; round < 3; round++) {
    const departures = Array.from({ length: 1_001 }, () => new AbortController());
    const waiting = departures.map(wait);
    for (const departure of departures) departure.abort();
    const told = await Promise.all(waiting);
    expect(told.slice(0, -1).every((text) => text === "the client has disconnected")).toBe(true);
    expect(told.at(-1)).toBe("too many requests are waiting for path 'cam'");
  }
  const stays = wait(new AbortController());
  source!.ready(description, tracks);
  expect(await stays).toBe("here");
  const gone = new AbortController();
  gone.abort();
  expect(await wait(gone)).toBe("here"); // there is nothing to wait for
});

test("a path created for a client that disconnects is removed with its command", async () => {
  open("paths:\n  all: {runOnDemand: 'true', runOnDemandStartTimeout: 5s}\n");
  const gone = new AbortController();
  gone.abort();
  await expect(directory.open({ name: "a", waiter: gone })).rejects.toThrow("the client has disconnected");
  await settle();
  expect(paths.registry.size).toBe(0);
  const departure = new AbortController();
  const waits = outcome(directory.open({ name: "b", waiter: departure }));
  departure.abort();
  expect(await waits).toBe("the client has disconnected");
  await clock.advance(4_999);
  expect(paths.registry.size).toBe(1);
  await clock.advance(1);
  expect(paths.registry.size).toBe(0);
});
