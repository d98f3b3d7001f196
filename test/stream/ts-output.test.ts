import { expect, test } from "bun:test";
import { BudgetError, RefusedError } from "../../src/lib/errors.ts";
import type { MuxedOutput } from "../../src/stream/muxed-output.ts";
import { tsOutput } from "../../src/stream/ts-output.ts";
import { UnitOutput } from "../../src/stream/unit-output.ts";
import { concat } from "../wasm/twin/packet.ts";
import { bytesOf, checkVideo, FakeTaker, FormReader, framesOf, identify } from "./forms.ts";
import { Scene } from "./scene.ts";

const PICTURE_MS = 100 / 3;

/** A scene whose stream is a transport stream too. */
class TsScene {
  readonly scene = new Scene(256, 64);
  readonly output: MuxedOutput;
  /** Takes everything from the beginning. */
  readonly all: FakeTaker;
  #pictures = 0;
  #sounds = 0;
  #ended = 0;

  constructor() {
    this.output = tsOutput(this.scene.stream, [0, 1]);
    this.all = new FakeTaker(this.scene, this.output, { start: "randomAccess" });
  }

  /** Pictures, a key frame first in each ten, and 20 ms of sound at a time, in real time. */
  async play(pictures: number, each: () => void = () => {}): Promise<void> {
    const end = this.#ended + pictures * PICTURE_MS;
    while (this.#ended < end - 1) {
      const [picture, sound] = [this.#pictures * PICTURE_MS, this.#sounds * 20];
      const next = Math.min(picture, sound);
      await this.scene.clock.advance(Math.max(next - this.scene.clock.now(), 0));
      if (picture <= sound) this.scene.picture(3 + (this.#pictures++ % 7));
      else this.scene.sound(this.#sounds++);
      await this.scene.clock.advance(5);
      this.#ended = Math.min(this.#pictures * PICTURE_MS, this.#sounds * 20);
      each();
    }
  }

  close(): void {
    this.all.leave();
    this.scene.close();
  }
}

interface Packet {
  readonly pid: number;
  readonly isStart: boolean;
  readonly isRandomAccess: boolean;
  readonly counter: number;
  readonly hasPayload: boolean;
  readonly clock: number | undefined;
}

function packetsOf(bytes: Uint8Array): Packet[] {
  expect(bytes.length % 188).toBe(0);
  return Array.from({ length: bytes.length / 188 }, (_, i) => {
    const packet = bytes.subarray(188 * i, 188 * (i + 1));
    const view = new DataView(packet.buffer, packet.byteOffset, 188);
    const flags = (packet[3]! & 0x20) !== 0 && packet[4]! > 0 ? packet[5]! : 0;
    expect(packet[0]).toBe(0x47);
    return {
      pid: view.getUint16(1) & 0x1fff,
      isStart: (packet[1]! & 0x40) !== 0,
      isRandomAccess: (flags & 0x40) !== 0,
      counter: packet[3]! & 15,
      hasPayload: (packet[3]! & 0x10) !== 0,
      clock: (flags & 0x10) !== 0 ? view.getUint32(6) * 2 + (packet[10]! >> 7) : undefined,
    };
  });
}

/** Counters go on, the clock runs, tables come often enough. */
function checkPackets(packets: readonly Packet[]): void {
  const counters = new Map<number, number>();
  let clock: number | undefined;
  for (const packet of packets) {
    const before = counters.get(packet.pid);
    if (before !== undefined) expect(packet.counter).toBe((before + (packet.hasPayload ? 1 : 0)) & 15);
    counters.set(packet.pid, packet.counter);
    if (packet.clock === undefined) continue;
    if (clock !== undefined) {
      expect(packet.clock).toBeGreaterThanOrEqual(clock);
      expect(packet.clock - clock).toBeLessThanOrEqual(9_000);
    }
    clock = packet.clock;
  }
}

test("readers get the same transport stream, whose packets are in order", async () => {
  const ts = new TsScene();
  const readers = [0, 1].map(() => new FormReader(ts.scene, ts.output));
  await ts.play(100);
  const all = bytesOf(ts.all.taken);
  for (const { sink, faults } of readers) {
    expect(Buffer.compare(sink.bytes, all)).toBe(0);
    expect(faults).toEqual([]);
  }
  for (const { bytes } of ts.all.taken) expect(bytes.length).toBeLessThanOrEqual(1_316);
  expect(ts.all.taken.filter(({ bytes }) => bytes.length === 1_316).length).toBeGreaterThan(200);
  const packets = packetsOf(all);
  checkPackets(packets);
  expect(packets.slice(0, 3).map(({ pid }) => pid)).toEqual([0, 0x1000, 256]);
  expect(packets.filter(({ pid }) => pid === 0).length).toBeGreaterThanOrEqual(10);
  for (const reader of readers) reader.leave();
  ts.close();
});

test("what it carries are the units of the stream, at their times", async () => {
  const ts = new TsScene();
  await ts.play(60);
  const all = bytesOf(ts.all.taken);
  const pictures = pesOf(all, 256);
  expect(pictures).toHaveLength(60);
  for (const [i, { bytes, pts }] of pictures.entries()) {
    expect((pts - pictures[0]!.pts) / 3_000).toBe(i);
    expect(bytes.filter((byte) => byte === i).length).toBeGreaterThanOrEqual((3 + (i % 7)) * 999);
  }
  const sounds = pesOf(all, 257);
  for (const [i, { bytes, pts }] of sounds.entries()) {
    expect(Math.round((pts - sounds[0]!.pts) / 1_800)).toBe(i);
    expect(bytes.filter((byte) => byte === i).length).toBeGreaterThanOrEqual(100);
  }
  expect(sounds.length).toBeGreaterThan(90);
  expect(Math.abs(pictures[0]!.pts - sounds[0]!.pts) / 90).toBeLessThan(25);
  ts.close();
});

test("the clock does not go back where sound comes before the pictures it belongs to", async () => {
  const ts = new TsScene();
  const { clock, stream } = ts.scene;
  stream.times.align(0, 0, clock.wall() - 300);
  stream.times.align(1, 0, clock.wall());
  await ts.play(60);
  const all = bytesOf(ts.all.taken);
  checkPackets(packetsOf(all));
  expect(Math.round((pesOf(all, 257)[0]!.pts - pesOf(all, 256)[0]!.pts) / 90)).toBeGreaterThan(270);
  ts.close();
});

/** The PES packets on a PID: their payload, and when it is shown, 90 kHz. */
function pesOf(stream: Uint8Array, pid: number): { bytes: Uint8Array; pts: number }[] {
  const found: Uint8Array[][] = [];
  for (let at = 0; at < stream.length; at += 188) {
    const packet = stream.subarray(at, at + 188);
    if ((((packet[1]! & 31) << 8) | packet[2]!) !== pid || (packet[3]! & 0x10) === 0) continue;
    if ((packet[1]! & 0x40) !== 0) found.push([]);
    found.at(-1)!.push(packet.subarray((packet[3]! & 0x20) !== 0 ? 5 + packet[4]! : 4));
  }
  return found.map((pieces) => {
    const pes = concat(pieces);
    const at = (i: number) => pes[9 + i]!;
    const pts = (at(0) & 14) * 2 ** 29 + (at(1) << 22) + ((at(2) & 254) << 14) + (at(3) << 7) + (at(4) >> 1);
    return { bytes: pes.subarray(9 + pes[8]!), pts };
  });
}

test("a reader that comes late begins with the tables and a random access point", async () => {
  const ts = new TsScene();
  await ts.play(47);
  const before = ts.all.taken.length;
  const reader = new FormReader(ts.scene, ts.output, { start: "randomAccess" });
  const live = new FormReader(ts.scene, ts.output);
  await ts.play(40);
  const packets = packetsOf(reader.sink.bytes);
  checkPackets(packets);
  expect(packets.slice(0, 3).map(({ pid, isStart }) => [pid, isStart])).toEqual([
    [0, true],
    [0x1000, true],
    [256, true],
  ]);
  expect(packets[2]).toMatchObject({ isRandomAccess: true });
  const got = identify(reader.sink.bytes, ts.all.taken);
  expect(got[1]!.seq).toBeLessThan(before);
  expect(got.map(({ seq }) => seq)).toEqual(Array.from({ length: got.length }, (_, i) => got[0]!.seq + i));
  expect(got.at(-1)?.seq).toBe(ts.all.taken.at(-1)?.seq);
  // without that, tables come first too, and sound before the next random access point
  expect(
    packetsOf(live.sink.bytes)
      .slice(0, 2)
      .map(({ pid }) => pid),
  ).toEqual([0, 0x1000]);
  const first = packetsOf(live.sink.bytes).find(({ pid, isStart }) => pid === 256 && isStart);
  expect(first?.isRandomAccess).toBe(true);
  for (const each of [reader, live]) each.leave();
  ts.close();
});

test("a slow reader loses whole pictures up to a random access point; the others lose nothing", async () => {
  const ts = new TsScene();
  const [fast, slow] = [new FormReader(ts.scene, ts.output), new FormReader(ts.scene, ts.output)];
  slow.sink.room = 4_000;
  await ts.play(400, () => slow.drain(1_900));
  slow.drain(Number.POSITIVE_INFINITY);
  const all = ts.all.taken;
  expect(Buffer.compare(fast.sink.bytes, bytesOf(all))).toBe(0);
  const got = identify(slow.sink.bytes, all);
  const pictures = checkVideo(got, all);
  expect(pictures.length).toBeGreaterThan(100);
  expect(pictures.length).toBeLessThan(350);
  expect(slow.cursor.lostFrames).toBe(framesOf(all, 0).length - pictures.length);
  expect(framesOf(got, 1)).toHaveLength(framesOf(all, 1).length);
  expect(framesOf(got, 2)).toHaveLength(framesOf(all, 2).length);
  for (const each of [fast, slow]) each.leave();
  ts.close();
}, 20_000);

test("an output for which there is no memory is refused, and leaves nothing", async () => {
  const ts = new TsScene();
  const { scene, output } = ts;
  await ts.play(3);
  const taken: number[] = [];
  for (const size of [100_000, 16_000, 4_000, 1_000, 200]) {
    for (let at = scene.memory.take(size); at !== undefined; at = scene.memory.take(size)) taken.push(at);
  }
  const attempt = () => {
    new FormReader(scene, tsOutput(scene.stream, [1])).leave();
    new FakeTaker(scene, output).leave();
  };
  let refused = 0;
  for (let isRefused = true; isRefused; refused++) {
    isRefused = false;
    try {
      attempt();
    } catch (error) {
      expect(error).toBeInstanceOf(BudgetError);
      isRefused = true;
      scene.memory.give(taken.pop()!);
    }
    expect(scene.stream.readers).toBe(2);
  }
  expect(refused).toBeGreaterThan(5);
  for (const at of taken) scene.memory.give(at);
  ts.close();
});

test("a track that MPEG-TS cannot carry is refused", () => {
  const scene = new Scene();
  expect(() => tsOutput(scene.stream, [0, 7])).toThrow(RefusedError);
  expect(scene.stream.readers).toBe(0);
  scene.close();
});

test("a transport stream ends with the units it is made of, and nothing else does", async () => {
  const ts = new TsScene();
  const { scene } = ts;
  const rtsp = scene.read();
  await ts.play(10);
  const faults: string[] = [];
  UnitOutput.enter(
    scene.stream,
    {
      pump() {},
      needs() {
        throw new Error("reader broke");
      },
      failed: ({ message }) => faults.push(message),
    },
    [0],
  );
  await ts.play(10);
  expect(faults).toEqual(["reader broke"]);
  expect(ts.all.faults).toEqual(["the stream has no more units"]);
  expect(scene.reported.map((text) => text.split(":")[0])).toEqual(["unit output"]);
  expect(scene.stream.readers).toBe(1);
  expect([rtsp.faults, rtsp.cursor.lag]).toEqual([[], 0]);
  ts.close();
});
