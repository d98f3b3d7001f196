import { afterEach, beforeEach, expect, test } from "bun:test";
import { describeStream } from "../../src/formats/rtp/description.ts";
import { trackSetups } from "../../src/formats/rtp/track-setup.ts";
import { parseSdp } from "../../src/formats/sdp/parse.ts";
import { SourceError } from "../../src/lib/errors.ts";
import { PathManager } from "../../src/path/manager.ts";
import type { RunningSource, SourceKind, SourceOwner } from "../../src/path/source.ts";
import { SourceRunner } from "../../src/path/source-runner.ts";
import { MediaMemory } from "../../wasm/core.ts";
import { testLog } from "../lib/test-log.ts";
import { parseConfig } from "../support/config.ts";
import { SOURCES } from "../support/declared.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { takeFaults } from "../support/faults.ts";

const { description } = describeStream(parseSdp("m=audio 0 RTP/AVP 0\r\n"));
const conf = parseConfig("paths:\n  cam:\n    source: rtsp://camera/\n", SOURCES).paths.get("cam")!;
const memory = MediaMemory.load(8 * 1024 * 1024);
let clock: FakeClock;
let lines: string[];
/** What a source was started with, and whether it was closed, in order. */
let sources: { owner: SourceOwner; closed: number }[];
let ended: number;
let runner: SourceRunner;
let streams: PathManager;

/** Sources that do nothing by themselves. */
const kind: SourceKind = {
  type: "fakeSource",
  label: "fake source",
  start(owner): RunningSource {
    const source = { owner, closed: 0 };
    sources.push(source);
    return {
      close: () => {
        source.closed += 1;
      },
    };
  },
};

beforeEach(() => {
  clock = new FakeClock();
  sources = [];
  ended = 0;
  const log = testLog("debug");
  lines = log.lines;
  streams = new PathManager({
    logger: log.logger,
    clock,
    memory,
    config: parseConfig("paths:\n  cam:\n"),
  });
  const publisher = { type: "fake", id: "1", close: () => {} };
  const path = streams.addPublisher("cam", publisher);
  runner = new SourceRunner({
    name: "cam",
    conf,
    kind,
    logger: log.logger,
    clock,
    publish: () => streams.publish(path, publisher, description, trackSetups(description)),
    ended: () => {
      ended += 1;
    },
  });
});

afterEach(async () => {
  runner.stop();
  await streams.close();
});

/** Makes the present attempt fail; returns how long it takes until the next one, ms. */
async function retryAfterFailure(error: Error = new SourceError("gone")): Promise<number> {
  const before = sources.length;
  const failedAt = clock.now();
  sources.at(-1)!.owner.failed(error);
  while (sources.length === before) await clock.advance(100);
  return clock.now() - failedAt;
}

test("tries again soon, then ever later, but always within 15 s", async () => {
  runner.start();
  expect(sources).toHaveLength(1);
  const delays: number[] = [];
  for (let i = 0; i < 8; i++) delays.push(await retryAfterFailure());
  expect(delays[0]).toBeLessThanOrEqual(5_000);
  for (const delay of delays) expect(delay).toBeLessThanOrEqual(15_000);
  expect(Math.min(...delays.slice(4))).toBeGreaterThanOrEqual(7_500);
  expect(sources.slice(0, -1).every(({ closed }) => closed === 1)).toBe(true);
  expect(lines.filter((line) => line === "ERR [fake source] gone")).toHaveLength(8);
  expect(ended).toBe(0);
});

test("the time that an attempt waited in vain counts: a sender that comes late is not missed for long", async () => {
  runner.start();
  for (let i = 0; i < 8; i++) {
    await clock.advance(10_000); // of silence
    expect(await retryAfterFailure()).toBeLessThanOrEqual(5_100);
  }
});

test("once the stream has been there for a while, tries again soon", async () => {
  runner.start();
  for (let i = 0; i < 5; i++) await retryAfterFailure();
  sources.at(-1)!.owner.ready(description, trackSetups(description));
  await clock.advance(10_000);
  expect(await retryAfterFailure()).toBeLessThanOrEqual(5_000);
  expect(ended).toBe(1);
  expect(lines).toContain("INF [fake source] ready: 1 track (G711)");
});

test("an attempt that is over has nothing more to say", async () => {
  runner.start();
  const [first] = sources;
  await retryAfterFailure();
  first!.owner.failed(new SourceError("too late"));
  expect(() => first!.owner.ready(description, trackSetups(description))).toThrow("the source was stopped");
  await clock.advance(60_000);
  expect(sources).toHaveLength(2);
  expect(lines).not.toContain("ERR [fake source] too late");
});

test("a fault of our own is logged with its stack, counted, and not met again at once", async () => {
  runner.start();
  sources[0]!.owner.ready(description, trackSetups(description));
  await clock.advance(10_000); // it went well
  const fault = new TypeError("boom");
  sources[0]!.owner.failed(fault);
  expect(takeFaults()).toBe(1);
  const from = lines.indexOf("ERR [fake source] internal error: source");
  expect(lines[from + 1]).toBe("ERR [fake source] TypeError: boom");
  expect(lines[from + 2]).toContain("source-runner.test.ts");
  expect(lines).toContain("ERR [fake source] boom");
  expect([ended, sources[0]!.closed]).toEqual([1, 1]);
  await clock.advance(14_999);
  expect(sources).toHaveLength(1);
  await clock.advance(15_001);
  expect(sources).toHaveLength(2);
  const waits: number[] = [];
  for (let i = 0; i < 6; i++) waits.push(await retryAfterFailure(new TypeError("boom")));
  expect(takeFaults()).toBe(6);
  expect(Math.min(...waits.slice(4))).toBeGreaterThanOrEqual(150_000);
  expect(await retryAfterFailure()).toBeLessThanOrEqual(2_100); // one that the network caused
});

test("a source that cannot even begin because of a fault of our own is no different", async () => {
  const failing = new SourceRunner({
    name: "cam",
    conf,
    kind: {
      ...kind,
      start: () => {
        throw new TypeError("boom");
      },
    },
    logger: testLog().logger,
    clock,
    publish: () => {
      throw new Error("nothing is published");
    },
    ended: () => {},
  });
  failing.start();
  await clock.advance(14_000);
  expect(takeFaults()).toBe(1);
  failing.stop();
});

test("what is stopped is not tried again, and can be started anew", async () => {
  runner.start();
  sources[0]!.owner.failed(new SourceError("gone"));
  runner.stop();
  runner.stop();
  await clock.advance(60_000);
  expect(sources).toHaveLength(1);
  runner.start();
  runner.start();
  expect(sources).toHaveLength(2);
  runner.stop();
  expect(sources[1]!.closed).toBe(1);
  expect(lines.filter((line) => line === "INF [fake source] stopped")).toHaveLength(2);
});

test("what API and metrics show: over all attempts, with the last error and the time since the last packet", async () => {
  const shown = () => runner.status.describe();
  const live = () => shown()["live"] as Record<string, number>;
  expect(shown()).toMatchObject({ path: "cam", type: "fakeSource", state: "idle", attempts: 0 });
  runner.start();
  expect(shown()).toMatchObject({ state: "connecting", attempts: 1, transport: null, lastError: null });
  for (let i = 1; i <= 2; i++) {
    const stream = sources.at(-1)!.owner.ready(description, trackSetups(description));
    await clock.advance(100);
    stream.log.mapChannel(0, 0, false);
    for (const seq of [1, 3]) stream.receive(frame(seq), 0);
    expect(shown()).toMatchObject({ state: "ready", bytesReceived: i * 2 * 16, attempts: i });
    expect(live()).toMatchObject({ packetsReceived: 2 * i, packetsLost: i, lastPacketAgeMs: 0 });
    sources.at(-1)!.owner.failed(new SourceError(`gone ${i}`));
    streams.registry.get("cam")!.endStream();
    await clock.advance(500);
    expect(shown()).toMatchObject({ state: "retrying", bytesReceived: i * 2 * 16, lastError: `gone ${i}` });
    expect(live()).toMatchObject({ packetsReceived: 2 * i, packetsLost: i, lastPacketAgeMs: 500 });
    while (sources.length === i) await clock.advance(100);
  }
  runner.status.close(new SourceError("kicked"));
  expect(shown()).toMatchObject({ state: "retrying", lastError: "kicked", attempts: 3 });
  runner.stop();
  expect(shown()).toMatchObject({ state: "idle", attempts: 3 });
});

/** An interleaved frame with an RTP packet of G711. */
function frame(seq: number): Uint8Array {
  return new Uint8Array([0x24, 0, 0, 16, 0x80, 0, 0, seq, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4]);
}
