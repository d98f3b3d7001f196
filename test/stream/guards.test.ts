import { expect, test } from "bun:test";
import { DatagramOutput, DatagramReader, type DatagramSink } from "../../src/stream/datagram-output.ts";
import { FlushQueue } from "../../src/stream/flush.ts";
import type { StreamOutput } from "../../src/stream/output.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { loadBuild } from "../wasm/builds.ts";
import { concat } from "../wasm/twin/packet.ts";
import { mediaOf, Scene, type SceneReader } from "./scene.ts";

/** Pictures and sound; from round 30 on `then` is done in front of each. */
async function play(scene: Scene, then: () => void): Promise<void> {
  for (let i = 0; i < 60; i++) {
    if (i >= 30) then();
    scene.picture();
    scene.sound(i);
    await scene.clock.advance(15);
  }
}

function expectAll(scene: Scene, readers: readonly SceneReader[]): void {
  for (const reader of readers) {
    expect(Buffer.compare(mediaOf(reader), concat(scene.published))).toBe(0);
    expect(reader.faults).toEqual([]);
  }
}

/** An output of one reader that throws when it is told to. */
class BrokenOutput implements StreamOutput {
  readonly name = "broken output";
  readers = 1;
  readonly lag = 0;
  isBroken = false;
  readonly calls: string[] = [];

  flush(): void {
    if (this.isBroken) throw new Error("output broke");
  }

  fail(error: Error): void {
    this.calls.push(error.message);
    throw new Error("it breaks here too");
  }

  close(): void {
    this.calls.push("closed");
  }
}

test("a reader in the group whose socket throws ends; the others notice nothing", async () => {
  const scene = new Scene();
  const readers = Array.from({ length: 10 }, () => scene.read());
  const [broken, ...others] = readers as [SceneReader, ...SceneReader[]];
  await play(scene, () => {
    broken.sink.error = new Error("socket broke");
  });
  expectAll(scene, others);
  expect(broken.faults.map(({ message }) => message)).toEqual(["socket broke"]);
  expect(scene.reported).toEqual(["reader of a stream: socket broke"]);
  expect(scene.stream.log.blocks).toBeLessThanOrEqual(2);
  scene.close();
});

test("a solo reader whose socket throws ends; the others notice nothing", async () => {
  const scene = new Scene();
  const [broken, other] = [scene.read([undefined, { rtp: 0, rtcp: 1 }]), scene.read()];
  await play(scene, () => {
    broken.sink.error = new Error("socket broke");
  });
  expectAll(scene, [other]);
  expect(broken.faults.map(({ message }) => message)).toEqual(["socket broke"]);
  expect(scene.reported).toEqual(["reader of a stream: socket broke"]);
  scene.drain(broken, 1_000);
  expect(scene.stream.log.blocks).toBeLessThanOrEqual(2);
  scene.close();
});

test("an output that throws ends with its readers; the other outputs of the stream notice nothing", async () => {
  const scene = new Scene();
  const broken = new BrokenOutput();
  scene.stream.outputOf("broken", () => broken);
  const reader = scene.read();
  await play(scene, () => {
    broken.isBroken = true;
  });
  expectAll(scene, [reader]);
  expect(broken.calls).toEqual(["output broke", "closed"]);
  expect(scene.reported).toEqual(["broken output: output broke", "broken output: it breaks here too"]);
  scene.close();
});

test("a stream that throws when it is flushed does not hold back the others", async () => {
  const [memory, clock] = [loadBuild("release", 8), new FakeClock()];
  const reported: string[] = [];
  const flushes = new FlushQueue({ clock, memory, fault: (error) => reported.push(String(error)) });
  const flushed: number[] = [];
  const open = (flush: () => void) => ({
    readers: 1,
    pendingBytes: 1,
    pendingSince: 0,
    frameEnded: true,
    flush,
  });
  const streams = [0, 1, 2].map((i) =>
    open(() => {
      flushed.push(i);
      if (i === 1) throw new Error("stream broke");
    }),
  );
  for (let round = 0; round < 2; round++) {
    for (const stream of streams) flushes.mark(stream);
    await clock.advance(1);
  }
  expect(flushed).toEqual([0, 1, 2, 0, 1, 2]);
  expect(reported).toEqual(["Error: stream broke", "Error: stream broke"]);
  flushes.close();
});

test("a reader in datagrams whose report throws ends; the others get theirs", async () => {
  const scene = new Scene();
  const reports = new Map<string, number>();
  const sink: DatagramSink = {
    encode: () => new Uint8Array(16),
    flush: (cursor) => cursor.toHead(),
    report(_, { address }) {
      if (address === "broken") throw new Error("address broke");
      reports.set(address, (reports.get(address) ?? 0) + 1);
    },
  };
  const faults: string[] = [];
  const output = DatagramOutput.of(scene.stream, sink);
  const readers = ["a", "broken", "b"].map((address) => {
    const to = { rtp: { address, port: 1 }, rtcp: { address, port: 2 } };
    const reader = new DatagramReader(scene.stream.context, [to, to], ({ message }) =>
      faults.push(`${address}: ${message}`),
    );
    output.add(reader);
    return reader;
  });
  await play(scene, () => {});
  expect([...reports]).toEqual([
    ["a", 2],
    ["b", 2],
  ]);
  expect(faults).toEqual(["broken: address broke"]);
  expect(output.readers).toBe(2);
  for (const reader of readers) output.remove(reader);
  expect(scene.stream.readers).toBe(0);
  scene.close();
});

test("sockets that throw end the readers they serve, and nobody else", async () => {
  const scene = new Scene();
  let isBroken = false;
  const sink: DatagramSink = {
    encode: () => new Uint8Array(16),
    flush(cursor) {
      if (isBroken) throw new Error("sockets broke");
      cursor.toHead();
    },
    report: () => {},
  };
  const faults: string[] = [];
  const to = { rtp: { address: "a", port: 1 }, rtcp: { address: "a", port: 2 } };
  const output = DatagramOutput.of(scene.stream, sink);
  const reader = new DatagramReader(scene.stream.context, [to, to], ({ message }) => faults.push(message));
  output.add(reader);
  const other = scene.read();
  await play(scene, () => {
    isBroken = true;
  });
  expectAll(scene, [other]);
  expect(faults).toEqual(["sockets broke"]);
  expect(scene.stream.readers).toBe(1);
  output.remove(reader);
  scene.close();
});
