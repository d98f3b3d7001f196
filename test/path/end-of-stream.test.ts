import { afterEach, beforeEach, expect, test } from "bun:test";
import { describeStream } from "../../src/formats/rtp/description.ts";
import { trackSetups } from "../../src/formats/rtp/track-setup.ts";
import { parseSdp } from "../../src/formats/sdp/parse.ts";
import type { Client } from "../../src/path/client.ts";
import { PathManager } from "../../src/path/manager.ts";
import type { Path } from "../../src/path/path.ts";
import { MediaMemory } from "../../wasm/core.ts";
import { testLog } from "../lib/test-log.ts";
import { parseConfig } from "../support/config.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { takeFaults } from "../support/faults.ts";

const { description } = describeStream(parseSdp("m=audio 0 RTP/AVP 0\r\n"));
const memory = MediaMemory.load(8 * 1024 * 1024);
let paths: PathManager;
let lines: string[];

/** A client that remembers that it was closed, and may throw then. */
class FakeClient implements Client {
  readonly type = "fake";
  readonly id = crypto.randomUUID();
  reason: string | undefined;
  readonly #error: Error | undefined;

  constructor(error?: Error) {
    this.#error = error;
  }

  close(reason: Error): void {
    this.reason = reason.message;
    if (this.#error !== undefined) throw this.#error;
  }
}

beforeEach(() => {
  const log = testLog("debug");
  lines = log.lines;
  const config = parseConfig("paths:\n  all:\n");
  paths = new PathManager({ logger: log.logger, clock: new FakeClock(), memory, config });
});

afterEach(async () => {
  await paths.close();
  expect(memory.state.blocksTaken).toBe(0);
});

/** A live path with readers. */
function openPath(readers: readonly FakeClient[]): { path: Path; publisher: FakeClient } {
  const publisher = new FakeClient();
  const path = paths.addPublisher("cam", publisher);
  paths.publish(path, publisher, description, trackSetups(description));
  for (const reader of readers) path.addReader(reader);
  return { path, publisher };
}

test("a reader that throws when it is closed keeps nobody from being closed, and nothing from being released", () => {
  const readers = [new FakeClient(), new FakeClient(new Error("reader broke")), new FakeClient()];
  const { path, publisher } = openPath(readers);
  let ended = 0;
  paths.watchers.add({ ready() {}, ended: () => ended++ });
  path.removePublisher(publisher);
  expect(readers.map(({ reason }) => reason)).toEqual(["terminated", "terminated", "terminated"]);
  expect([ended, paths.registry.size, memory.state.blocksTaken]).toEqual([1, 0, 0]);
  expect(lines).toContainEqual(expect.stringContaining("Error: reader broke"));
  expect(takeFaults()).toBe(1);
});

test("a watcher that throws keeps no other from hearing of a stream, nor of its end", () => {
  const heard: string[] = [];
  paths.watchers.add({
    ready() {
      throw new Error("watcher broke");
    },
    ended() {
      throw new Error("watcher broke again");
    },
  });
  paths.watchers.add({ ready: () => heard.push("ready"), ended: () => heard.push("ended") });
  const { path, publisher } = openPath([]);
  path.removePublisher(publisher);
  expect(heard).toEqual(["ready", "ended"]);
  expect([paths.registry.size, memory.state.blocksTaken]).toEqual([0, 0]);
  expect(takeFaults()).toBe(2);
});

test("a stream that throws when it is flushed for the last time ends like others", () => {
  const reader = new FakeClient();
  const { path, publisher } = openPath([reader]);
  path.stream!.finish = () => {
    throw new Error("flush broke");
  };
  path.removePublisher(publisher);
  expect([reader.reason, paths.registry.size, memory.state.blocksTaken]).toEqual(["terminated", 0, 0]);
  expect(takeFaults()).toBe(1);
});

test("whatever throws, a path that is closed closes its publisher too", async () => {
  const readers = [new FakeClient(new Error("reader broke")), new FakeClient()];
  const { publisher } = openPath(readers);
  await paths.close();
  expect([publisher.reason, ...readers.map(({ reason }) => reason)]).toEqual(Array(3).fill("terminated"));
  expect(takeFaults()).toBe(1);
});
