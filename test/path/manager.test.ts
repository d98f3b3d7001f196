import { afterEach, beforeEach, expect, test } from "bun:test";
import { describeStream } from "../../src/formats/rtp/description.ts";
import { trackSetups } from "../../src/formats/rtp/track-setup.ts";
import { parseSdp } from "../../src/formats/sdp/parse.ts";
import { RefusedError } from "../../src/lib/errors.ts";
import type { Client } from "../../src/path/client.ts";
import { LocalDirectory } from "../../src/path/directory.ts";
import { PathManager } from "../../src/path/manager.ts";
import type { Path } from "../../src/path/path.ts";
import { MediaMemory } from "../../wasm/core.ts";
import { testLog } from "../lib/test-log.ts";
import { parseConfig } from "../support/config.ts";
import { FakeClock } from "../support/fake-clock.ts";

const { description } = describeStream(parseSdp("m=audio 0 RTP/AVP 0\r\n"));
const memory = MediaMemory.load(8 * 1024 * 1024);
let paths: PathManager;
let lines: string[];

/** A client that remembers why it was closed. */
class FakeClient implements Client {
  readonly type = "fake";
  readonly id = crypto.randomUUID();
  reason: string | undefined;

  close(reason: Error): void {
    this.reason = reason.message;
  }
}

function open(config: string): PathManager {
  const log = testLog("debug");
  lines = log.lines;
  paths = new PathManager({
    logger: log.logger,
    clock: new FakeClock(),
    memory,
    config: parseConfig(config),
  });
  return paths;
}

function publish(path: Path, publisher: Client) {
  return paths.publish(path, publisher, description, trackSetups(description));
}

beforeEach(() => {
  open("paths:\n  all:\n");
});

afterEach(async () => {
  await paths.close();
  expect(memory.state.blocksTaken).toBe(0);
});

test("an exact entry goes before 'all'; what neither has is refused by name", () => {
  open("paths:\n  cam:\n    maxReaders: 1\n  all:\n");
  expect(paths.addPublisher("cam", new FakeClient()).confName).toBe("cam");
  expect(paths.addPublisher("other", new FakeClient()).confName).toBe("all");
  open("paths:\n  cam:\n");
  expect(() => paths.addPublisher("other", new FakeClient())).toThrow("path 'other' is not configured");
  expect(() => paths.match("other")).toThrow(RefusedError);
});

test("a path of a regular expression has its groups, and goes with its last user", () => {
  open("paths:\n  '~^(\\w+)/cam(\\d)?$':\n");
  const publisher = new FakeClient();
  const path = paths.addPublisher("rome/cam", publisher);
  expect([path.confName, path.groups]).toEqual(["~^(\\w+)/cam(\\d)?$", ["rome", ""]]);
  expect(() => paths.addPublisher("rome/cam10", publisher)).toThrow("is not configured");
  path.removePublisher(publisher);
  expect(paths.registry.size).toBe(0);
});

test("a reload moves a path to another expression of the same parameters, with its groups", () => {
  open("paths:\n  '~^(a)':\n");
  const publisher = new FakeClient();
  const path = paths.addPublisher("ab", publisher);
  paths.reload(parseConfig("paths:\n  '~^(ab)':\n"));
  expect([path.confName, path.groups, publisher.reason]).toEqual(["~^(ab)", ["ab"], undefined]);
  paths.reload(parseConfig("paths:\n  '~^(ab)': {maxReaders: 1}\n"));
  expect(publisher.reason).toBe("terminated");
});

test("a client's path that is called like an entry goes like others", () => {
  const publisher = new FakeClient();
  paths.addPublisher("all", publisher).removePublisher(publisher);
  expect(paths.registry.size).toBe(0);
});

/** A reader comes to a path that is live. */
async function read(name: string, client: FakeClient): Promise<void> {
  const directory = new LocalDirectory(paths);
  await directory.attach(await directory.open({ name }), client);
}

test("names that are none are refused at every entry", () => {
  for (const name of ["", "/a", "a/", "../a", "a/../b", "a b", "a\0", "ä", "x".repeat(256)]) {
    for (const act of [
      () => paths.match(name),
      () => paths.confOf(name),
      () => paths.addPublisher(name, new FakeClient()),
    ]) {
      expect(act).toThrow(/^invalid path name/);
    }
  }
  expect(paths.registry.size).toBe(0);
});

test("a path under 'all' lives as long as somebody uses it, a named one for ever", () => {
  open("paths:\n  cam:\n  all:\n");
  const publisher = new FakeClient();
  for (const name of ["cam", "other"]) {
    const path = paths.addPublisher(name, publisher);
    publish(path, publisher);
    path.removePublisher(publisher);
  }
  expect(paths.registry.values().map(({ id }) => id)).toEqual(["cam"]);
  expect(lines.at(-1)).toBe("DEB [path other] destroyed (not in use)");
});

test("the end of a stream closes its readers, and only then is the path gone", async () => {
  const publisher = new FakeClient();
  const readers = [new FakeClient(), new FakeClient()];
  const path = paths.addPublisher("cam", publisher);
  publish(path, publisher);
  for (const reader of readers) await read("cam", reader);
  path.removePublisher(publisher);
  expect(readers.map(({ reason }) => reason)).toEqual(["terminated", "terminated"]);
  expect(publisher.reason).toBeUndefined();
  expect(paths.registry.size).toBe(0);
});

test("a newcomer takes the place at once, before it records", async () => {
  const [old, fresh, reader] = [new FakeClient(), new FakeClient(), new FakeClient()];
  const path = paths.addPublisher("cam", old);
  publish(path, old);
  await read("cam", reader);
  expect(paths.addPublisher("cam", fresh)).toBe(path);
  expect([old.reason, reader.reason]).toEqual(["terminated", "terminated"]);
  expect(lines).toContain("INF [path cam] closing existing publisher");
  expect(() => publish(path, old)).toThrow("publisher is not assigned to this path anymore");
  path.removePublisher(old);
  publish(path, fresh);
  expect(path.describe()["source"]).toEqual({ type: "fake", id: fresh.id });
});

test("with overridePublisher off the first one keeps the place", () => {
  for (const key of ["overridePublisher: no", "disablePublisherOverride: yes"]) {
    open(`paths:\n  all:\n    ${key}\n`);
    const [first, second] = [new FakeClient(), new FakeClient()];
    const path = paths.addPublisher("cam", first);
    expect(() => paths.addPublisher("cam", second)).toThrow("someone is already publishing to path 'cam'");
    expect(first.reason).toBeUndefined();
    path.removePublisher(first);
    paths.addPublisher("cam", second).removePublisher(second);
  }
});

test("maxReaders counts those that are there now", async () => {
  open("paths:\n  all:\n    maxReaders: 2\n");
  const publisher = new FakeClient();
  const path = paths.addPublisher("cam", publisher);
  publish(path, publisher);
  const first = new FakeClient();
  await read("cam", first);
  await read("cam", new FakeClient());
  await expect(read("cam", new FakeClient())).rejects.toThrow("maximum reader count reached");
  path.removeReader(first);
  await read("cam", new FakeClient());
});

test("a reload ends the paths whose entry changed or went, and no other", () => {
  open("paths:\n  kept:\n  changed:\n  gone:\n    maxReaders: 7\n  all:\n");
  const clients = new Map<string, FakeClient>();
  for (const name of ["kept", "changed", "gone", "dynamic"]) {
    const publisher = new FakeClient();
    clients.set(name, publisher);
    publish(paths.addPublisher(name, publisher), publisher);
  }
  paths.reload(parseConfig("paths:\n  added:\n  all:\n  changed:\n    maxReaders: 5\n  kept:\n"));
  expect([...clients].map(([name, { reason }]) => [name, reason])).toEqual([
    ["kept", undefined],
    ["changed", "terminated"],
    ["gone", "terminated"],
    ["dynamic", undefined],
  ]);
  expect(paths.registry.values().map(({ id }) => id)).toEqual(["added", "changed", "dynamic", "kept"]);
});

test("a dynamic path whose name gets an entry of its own goes on under it", () => {
  const publisher = new FakeClient();
  publish(paths.addPublisher("cam", publisher), publisher);
  paths.reload(parseConfig("paths:\n  cam:\n  all:\n"));
  expect(publisher.reason).toBeUndefined();
  paths.registry.get("cam")!.removePublisher(publisher);
  expect(paths.registry.get("cam")?.confName).toBe("cam");
});

test("a named path whose entry goes lives on under an equal 'all', as long as somebody uses it", () => {
  open("paths:\n  used:\n  idle:\n  all:\n");
  const publisher = new FakeClient();
  publish(paths.addPublisher("used", publisher), publisher);
  paths.reload(parseConfig("paths:\n  all:\n"));
  expect(publisher.reason).toBeUndefined();
  expect(paths.registry.values().map(({ id, confName }) => [id, confName])).toEqual([["used", "all"]]);
  paths.registry.get("used")!.removePublisher(publisher);
  expect(paths.registry.size).toBe(0);
});

test("a path that was ended by a reload lets no stream begin any more", () => {
  open("paths:\n  cam:\n");
  const publisher = new FakeClient();
  const path = paths.addPublisher("cam", publisher);
  paths.reload(parseConfig("paths:\n  cam:\n    maxReaders: 1\n"));
  expect(publisher.reason).toBe("terminated");
  expect(() => publish(path, publisher)).toThrow(RefusedError);
  path.removePublisher(publisher);
  expect(paths.registry.get("cam")).not.toBe(path);
});
