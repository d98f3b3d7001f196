import { expect, test } from "bun:test";
import { BATCH_MESSAGES_MAX } from "../../assembly/abi.ts";
import { readRtp, writeFrame } from "../wasm/twin/packet.ts";
import { writeRtcp } from "../wasm/twin/rtcp.ts";
import { DatagramScene, ECONNREFUSED } from "./datagram-scene.ts";

/** Tracks and sequence numbers of everything that was published. */
function published({ scene }: DatagramScene, tracks: readonly number[] = [0, 1]): string[] {
  return scene.published.flatMap((frame) => {
    const { payloadType, seq } = readRtp(frame.subarray(4))!;
    return tracks.includes(payloadType - 96) ? [`${payloadType - 96}/${seq}`] : [];
  });
}

test("every reader gets the packets of its tracks, each once and in order", async () => {
  using all = new DatagramScene();
  const { scene, kernel } = all;
  all.read(5_000);
  all.read(5_002, [1]);
  all.read(5_004, [0]);
  for (let i = 0; i < 30; i++) {
    scene.picture();
    scene.sound(i);
    await scene.clock.advance(i % 3 === 0 ? 0 : 40);
  }
  expect(kernel.packets(5_000)).toEqual(published(all));
  expect(kernel.packets(5_002)).toEqual(published(all, [1]));
  expect(kernel.packets(5_004)).toEqual(published(all, [0]));
  expect(all.sockets.lost).toBe(0);
});

test("what comes within a turn goes out in one call, packets of one size in one message", async () => {
  using all = new DatagramScene();
  const { scene, kernel } = all;
  for (const port of [5_000, 5_002, 5_004]) all.read(port);
  scene.picture(10);
  scene.picture(10);
  expect(kernel.calls).toEqual([]);
  await scene.clock.advance(0);
  // two parameter sets of falling size end runs: the sets, what is left of the first picture, and the second one
  expect(kernel.calls.length).toBe(1);
  expect(kernel.calls[0]).toBeLessThanOrEqual(3 * 4);
  expect(kernel.packets(5_004)).toEqual(published(all));
});

test("with many readers packets wait for the end of their frame, 32 KB or 10 ms", async () => {
  using all = new DatagramScene();
  const { scene, kernel } = all;
  for (let i = 0; i < 8; i++) all.read(5_000 + 2 * i);
  const open = (size: number) => scene.packet(0, 0, new Uint8Array(size).fill(0x41), false);
  const came = () => kernel.packets(5_014).length;
  open(100);
  await scene.clock.advance(9.9);
  expect(came()).toBe(0);
  await scene.clock.advance(0.1);
  expect(came()).toBe(1);
  for (let i = 0; i < 32; i++) open(1_000);
  await scene.clock.advance(0);
  expect(came()).toBe(1);
  open(1_000);
  await scene.clock.advance(0);
  expect(came()).toBe(34);
  open(100);
  scene.packet(0, 0, new Uint8Array(100).fill(0x41));
  await scene.clock.advance(0);
  expect(came()).toBe(36);
});

test("more messages than a call can have go out in several, to everybody", async () => {
  using all = new DatagramScene();
  const { scene, kernel } = all;
  const ports = Array.from({ length: 700 }, (_, i) => 10_000 + 2 * i);
  for (const port of ports) all.read(port);
  scene.picture(40);
  scene.sound(0);
  scene.picture(40, 900);
  await scene.clock.advance(10);
  const expected = published(all);
  for (const port of ports) expect(kernel.packets(port)).toEqual(expected);
  expect(kernel.calls.length).toBeGreaterThan(1);
  expect(Math.max(...kernel.calls)).toBeLessThanOrEqual(BATCH_MESSAGES_MAX);
  expect(all.sockets.lost).toBe(0);
});

test("a socket that is full for a moment is waited for, and nothing is lost", async () => {
  using all = new DatagramScene();
  const { scene, kernel } = all;
  for (const port of [5_000, 5_002, 5_004]) all.read(port);
  kernel.room = 2;
  kernel.drained = 3;
  scene.picture();
  scene.sound(0);
  await scene.clock.advance(0);
  for (const port of [5_000, 5_002, 5_004]) expect(kernel.packets(port)).toEqual(published(all));
  expect(all.sockets.lost).toBe(0);
  expect(kernel.waited).toBeWithin(2, 10.1);
});

test("a socket that stays full costs a flush 10 ms and its messages; the next flush begins at the live edge", async () => {
  using all = new DatagramScene();
  const { scene, kernel, sockets } = all;
  const readers = Array.from({ length: 700 }, (_, i) => all.read(10_000 + 2 * i));
  kernel.room = 0;
  scene.picture(40);
  scene.sound(0);
  scene.picture(40, 900);
  await scene.clock.advance(10);
  expect(kernel.waited).toBe(10);
  expect(sockets.lost).toBeGreaterThan(3 * readers.length);
  expect(scene.stream.log.blocks).toBeLessThanOrEqual(1);
  const behind = scene.published.length;
  kernel.room = Number.POSITIVE_INFINITY;
  scene.picture();
  await scene.clock.advance(10);
  for (const port of [10_000, 11_398]) expect(kernel.packets(port)).toEqual(published(all).slice(behind));
});

test("a destination that cannot be reached loses its own packets alone", async () => {
  using all = new DatagramScene();
  const { scene, kernel } = all;
  for (const port of [5_000, 5_002, 5_004]) all.read(port);
  kernel.refuses.set(5_002, ECONNREFUSED);
  for (let i = 0; i < 12; i++) {
    scene.picture();
    await scene.clock.advance(40);
  }
  expect(kernel.packets(5_000)).toEqual(published(all));
  expect(kernel.packets(5_002)).toEqual([]);
  expect(kernel.packets(5_004)).toEqual(published(all));
  expect(all.faults).toEqual([]);
  expect(kernel.waited).toBe(0);
});

test("who comes or goes while packets wait changes nothing for the others", async () => {
  using all = new DatagramScene();
  const { scene, kernel } = all;
  const readers = Array.from({ length: 10 }, (_, i) => all.read(5_000 + 2 * i));
  const open = () => scene.packet(0, 0, new Uint8Array(500).fill(0x41), false);
  for (let i = 0; i < 5; i++) open();
  await scene.clock.advance(1);
  all.leave(readers[3]!); // the last one takes its place
  all.leave(readers[9]!);
  expect(kernel.received.size).toBe(0);
  const { length } = scene.published;
  all.read(6_000);
  // a newcomer is served from now on: what waited has gone to those who were there
  expect(kernel.packets(5_000)).toEqual(published(all));
  for (let i = 0; i < 5; i++) open();
  await scene.clock.advance(10);
  for (const i of [0, 1, 2, 4, 5, 6, 7, 8]) expect(kernel.packets(5_000 + 2 * i)).toEqual(published(all));
  expect(kernel.packets(6_000)).toEqual(published(all).slice(length));
  for (const port of [5_006, 5_018]) expect(kernel.packets(port)).toEqual([]);
});

test("a reader whose report fails within a flush is out; that flush brings the others everything", async () => {
  using all = new DatagramScene();
  const { scene, kernel, rtcp } = all;
  for (const port of [5_000, 5_002, 5_004]) all.read(port);
  const send = rtcp.send.bind(rtcp);
  rtcp.send = (bytes, port) => {
    if (port === 5_003) throw new Error("address broke");
    send(bytes, port);
  };
  for (let i = 0; i < 3; i++) {
    scene.picture();
    scene.sound(i);
    await scene.clock.advance(40);
  }
  expect(all.faults).toEqual(["address broke"]);
  for (const port of [5_000, 5_004]) {
    expect(kernel.packets(port)).toEqual(published(all));
    expect(rtcp.sent.get(port + 1)?.length).toBe(2);
  }
  // it got what that flush sent before its report: the first picture with two parameter sets, and sound
  expect(kernel.packets(5_002)).toEqual(published(all).slice(0, 7));
});

test("sender reports come after the first packet of a track that a reader gets, and every ten seconds", async () => {
  using all = new DatagramScene();
  const { scene, kernel, rtcp } = all;
  scene.sound(0);
  scene.picture();
  await scene.clock.advance(0);
  const reader = all.read(5_000);
  const reports = () => rtcp.sent.get(5_001)?.length ?? 0;
  let before = -1;
  const send = rtcp.send.bind(rtcp);
  rtcp.send = (bytes, port) => {
    if (before < 0) before = kernel.packets(5_000).length;
    send(bytes, port);
  };
  expect(reports()).toBe(0);
  scene.sound(1);
  await scene.clock.advance(0);
  expect([reports(), before]).toEqual([1, 1]);
  scene.picture();
  await scene.clock.advance(0);
  expect(reports()).toBe(2);
  for (let i = 2; i <= 200; i++) {
    await scene.clock.advance(50);
    scene.sound(i);
  }
  await scene.clock.advance(0);
  expect(reports()).toBe(2);
  for (let i = 201; i <= 207; i++) {
    await scene.clock.advance(50);
    scene.sound(i);
  }
  await scene.clock.advance(0);
  expect(reports()).toBe(4);
  const sizes = [...kernel.received.get(5_000)!, ...rtcp.sent.get(5_001)!].map(({ length }) => length);
  expect(reader.bytesSent).toBe(sizes.reduce((sum, size) => sum + size, 0));
});

test("sender reports come at once when those of the publisher align the tracks better", async () => {
  using all = new DatagramScene();
  const { scene, rtcp } = all;
  all.read(5_000);
  scene.picture();
  scene.sound(0);
  await scene.clock.advance(0);
  const reports = () => rtcp.sent.get(5_001)?.length ?? 0;
  expect(reports()).toBe(2);
  for (const track of [0, 1]) {
    const fields = [100 + track, 2_208_988_800 + 5, 0, track * 960, 0, 0];
    scene.send(writeFrame(2 * track + 1, writeRtcp(0, 200, fields)));
    scene.sound(1 + track);
    await scene.clock.advance(10);
    expect(reports()).toBe(4 + 2 * track);
  }
  scene.sound(3);
  await scene.clock.advance(300);
  expect(reports()).toBe(6);
});

test("a stream that ends sends what waits, and its readers keep their figures", async () => {
  using all = new DatagramScene();
  const { scene, kernel } = all;
  const readers = Array.from({ length: 8 }, (_, i) => all.read(5_000 + 2 * i));
  for (let i = 0; i < 3; i++) scene.packet(0, 0, new Uint8Array(500).fill(0x41), false);
  scene.stream.finish();
  for (let i = 0; i < 8; i++) expect(kernel.packets(5_000 + 2 * i)).toEqual(published(all));
  scene.stream.close();
  await scene.clock.advance(60_000);
  expect(readers.map(({ bytesSent }) => bytesSent)).toEqual(readers.map(() => 3 * 512 + 28));
  expect(kernel.packets(5_000).length).toBe(3);
  expect([all.output.readers, all.faults]).toEqual([0, []]);
});

test("a stream that ends with packets waiting for their flush sends nothing more, and gives everything back", async () => {
  using all = new DatagramScene();
  const { scene, kernel } = all;
  for (let i = 0; i < 8; i++) all.read(5_000 + 2 * i);
  scene.packet(0, 0, new Uint8Array(500).fill(0x41), false);
  await scene.clock.advance(5);
  scene.stream.close();
  await scene.clock.advance(1_000);
  expect(kernel.received.size).toBe(0);
  expect(scene.reported).toEqual([]);
});

test("without the calls of the system the runtime sends the same", async () => {
  using all = new DatagramScene(true);
  const { scene, rtp } = all;
  for (const port of [5_000, 5_002]) all.read(port);
  for (let i = 0; i < 12; i++) {
    scene.picture();
    scene.sound(i);
    await scene.clock.advance(20);
  }
  const expected = scene.published.map((frame) => frame.slice(4));
  for (const port of [5_000, 5_002]) expect(rtp.sent.get(port)).toEqual(expected);
});
