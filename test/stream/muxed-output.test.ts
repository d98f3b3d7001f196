import { expect, test } from "bun:test";
import { MuxedOutput } from "../../src/stream/muxed-output.ts";
import {
  bytesOf,
  checkVideo,
  copyOf,
  FakeTaker,
  FormReader,
  framesOf,
  identify,
  PacketForm,
  type Taken,
} from "./forms.ts";
import { Scene } from "./scene.ts";

/** A scene whose stream is made into a form. */
class FormScene {
  readonly scene = new Scene(256, 48);
  readonly form = new PacketForm();
  readonly output: MuxedOutput;
  /** Takes everything from the beginning. */
  readonly all: FakeTaker;
  #rounds = 0;

  constructor(hasWindow = false) {
    this.form.preamble = Uint8Array.from([1, 1, 1]);
    this.output = MuxedOutput.of(this.scene.stream, "packets", this.form);
    this.all = new FakeTaker(this.scene, this.output, hasWindow ? { start: "randomAccess" } : {});
  }

  get records(): Taken[] {
    return this.all.taken;
  }

  /** Pictures of three to nine packets, a key frame first in each ten, and sound. */
  async play(rounds: number, each: () => void = () => {}): Promise<void> {
    for (let i = 0; i < rounds; i++) {
      this.scene.picture(3 + (this.#rounds % 7));
      this.scene.sound(this.#rounds++);
      await this.scene.clock.advance(20);
      each();
    }
  }

  close(): void {
    this.all.leave();
    expect(this.form.closed).toBe(this.form.opened);
    this.scene.close();
  }
}

test("readers get the same records, in one piece or one by one", async () => {
  const form = new FormScene();
  const { scene, output } = form;
  const readers = Array.from({ length: 3 }, () => new FormReader(scene, output));
  const slow = new FakeTaker(scene, output);
  slow.room = 0;
  await form.play(50, () => slow.drain(7));
  slow.drain(Number.POSITIVE_INFINITY);
  const all = bytesOf(form.records);
  for (const { sink, cursor } of readers) {
    expect(Buffer.compare(sink.bytes, all)).toBe(0);
    expect([cursor.bytesSent, cursor.lag, cursor.lostPackets]).toEqual([all.length, 0, 0]);
  }
  expect(slow.taken).toEqual(form.records);
  expect([slow.reader.bytesSent, slow.reader.lag, slow.reader.lostPackets]).toEqual([all.length, 0, 0]);
  expect(output.records.log.blocks).toBeLessThanOrEqual(2);
  expect(scene.stream.log.blocks).toBeLessThanOrEqual(2);
  for (const reader of [...readers, slow]) reader.leave();
  form.close();
});

test("a record has the packet's bytes, its track and its place in a frame", async () => {
  const form = new FormScene();
  await form.play(20);
  const [preamble, ...records] = form.records as [Taken, ...Taken[]];
  expect([preamble.track, [...preamble.bytes]]).toEqual([2, [1, 1, 1]]);
  expect(records.map(({ bytes }) => Buffer.from(bytes).toString("hex"))).toEqual(
    form.scene.published.map((frame) => Buffer.from(frame.subarray(4)).toString("hex")),
  );
  const pictures = framesOf(records, 0);
  expect(pictures.map(({ length }, i) => length - (i % 10 === 0 ? 2 : 0))).toEqual(
    Array.from({ length: 20 }, (_, i) => 3 + (i % 7)),
  );
  expect(pictures.flatMap(([first], i) => (first?.isRandomAccess ? [i] : []))).toEqual([0, 10]);
  expect(pictures.every((picture) => picture.at(-1)?.isEnd === true)).toBe(true);
  form.close();
});

test("a reader of some tracks gets those and the preamble", async () => {
  const form = new FormScene();
  const { scene, output } = form;
  const sound = new FormReader(scene, output, { tracks: [false, true] });
  const pictures = new FakeTaker(scene, output, { tracks: [true, false] });
  await form.play(30);
  expect(sound.sink.bytes).toEqual(bytesOf(form.records.filter(({ track }) => track !== 0)));
  expect(pictures.taken).toEqual(form.records.filter(({ track }) => track !== 1));
  for (const reader of [sound, pictures]) reader.leave();
  form.close();
});

test("a reader that comes late gets the preamble, sound at once, and pictures from a random access point on", async () => {
  const form = new FormScene();
  const { scene, output } = form;
  await form.play(13);
  const from = form.records.length;
  const [reader, taker] = [new FormReader(scene, output), new FakeTaker(scene, output)];
  await form.play(20);
  const [preamble, ...rest] = form.records as [Taken, ...Taken[]];
  const wanted = rest.filter(
    ({ seq, track }) => seq >= from && (track === 1 || seq >= keySeq(form.records, from)),
  );
  expect(reader.sink.bytes).toEqual(bytesOf([preamble, ...wanted]));
  expect(taker.taken).toEqual([preamble, ...wanted]);
  expect([reader.cursor.lostPackets, taker.reader.lostPackets]).toEqual([0, 0]);
  for (const each of [reader, taker]) each.leave();
  form.close();
});

/** Number of the first random access point from `from` on. */
function keySeq(records: readonly Taken[], from: number): number {
  return records.find(({ seq, isRandomAccess }) => seq >= from && isRandomAccess)?.seq ?? Number.NaN;
}

test("a reader may begin at the last random access point, where that is kept", async () => {
  const form = new FormScene(true);
  const { scene, output } = form;
  await form.play(17);
  const from = keySeq(form.records, 10);
  const reader = new FormReader(scene, output, { start: "randomAccess" });
  const taker = new FakeTaker(scene, output, { start: "randomAccess" });
  await form.play(30);
  const [preamble, ...rest] = form.records as [Taken, ...Taken[]];
  const wanted = rest.filter(({ seq }) => seq >= from);
  expect(Buffer.compare(reader.sink.bytes, bytesOf([preamble, ...wanted]))).toBe(0);
  expect(taker.taken).toEqual([preamble, ...wanted]);
  for (const each of [reader, taker]) each.leave();
  form.close();
});

test("readers do not begin in front of a preamble that is not known any more", async () => {
  const form = new FormScene(true);
  const { scene, output } = form;
  await form.play(15);
  form.form.preamble = Uint8Array.from([2, 2]);
  await form.play(1);
  const taker = new FakeTaker(scene, output, { start: "randomAccess" });
  await form.play(10);
  expect([...(taker.taken[0]?.bytes ?? [])]).toEqual([2, 2]);
  expect(framesOf(taker.taken, 0)[0]?.[0]?.seq).toBe(keySeq(form.records, taker.taken[1]?.seq ?? 0));
  expect(taker.taken.map(({ seq }) => seq)).not.toContain(keySeq(form.records, 10));
  // in front of a random access point it is where readers begin
  await form.play(4);
  form.form.preamble = Uint8Array.from([3, 3, 3, 3]);
  await form.play(6);
  const later = new FakeTaker(scene, output, { start: "randomAccess" });
  await form.play(1);
  expect([...(later.taken[0]?.bytes ?? [])]).toEqual([3, 3, 3, 3]);
  expect(later.taken[1]?.isRandomAccess).toBe(true);
  expect(later.taken[1]?.seq).toBe((later.taken[0]?.seq ?? 0) + 1);
  for (const each of [taker, later]) each.leave();
  form.close();
});

test("a slow reader loses whole pictures up to a random access point and no sound; the others lose nothing", async () => {
  const form = new FormScene();
  const { scene, output } = form;
  const fast = new FormReader(scene, output);
  const slow = new FormReader(scene, output);
  const taker = new FakeTaker(scene, output);
  slow.sink.room = 4_000;
  taker.room = 4;
  let round = 0;
  await form.play(1_000, () => {
    slow.drain(3_000 + (round % 11) * 10);
    taker.drain(3 + (round++ % 2));
  });
  slow.drain(Number.POSITIVE_INFINITY);
  taker.drain(Number.POSITIVE_INFINITY);
  const { records } = form;
  expect(Buffer.compare(fast.sink.bytes, bytesOf(records))).toBe(0);
  const sound = framesOf(records, 1).length;
  for (const [got, reader] of [
    [identify(slow.sink.bytes, records), slow.cursor],
    [taker.taken, taker.reader],
  ] as const) {
    const pictures = checkVideo(got, records);
    expect(pictures.length).toBeGreaterThan(200);
    expect(pictures.length).toBeLessThan(900);
    expect(framesOf(got, 1)).toHaveLength(sound);
    expect(reader.lostFrames).toBe(1_000 - pictures.length);
    expect(reader.lostPackets).toBe(records.length - got.length);
  }
  for (const reader of [fast, slow, taker]) reader.leave();
  form.close();
}, 20_000);

test("readers that stall keep little, finish their picture, and go on with the preamble of then", async () => {
  const form = new FormScene();
  const { scene, output } = form;
  const [reader, taker] = [new FormReader(scene, output), new FakeTaker(scene, output)];
  let most = 0;
  await form.play(105);
  const before = form.records.length;
  reader.sink.room = 2_500;
  taker.room = 2;
  await form.play(100);
  form.form.preamble = Uint8Array.from([0xee, 2, 0xee, 3, 0xee, 4]);
  await form.play(700, () => {
    most = Math.max(most, output.records.log.blocks);
  });
  // 5 s are 250 pictures of 6 kB
  expect(most).toBeLessThan(16);
  expect([reader.cursor.stalledSince, taker.reader.stalledSince]).toEqual([2_100, 2_100]);
  reader.drain(Number.POSITIVE_INFINITY);
  taker.drain(Number.POSITIVE_INFINITY);
  expect([reader.cursor.stalledSince, taker.reader.stalledSince]).toEqual([undefined, undefined]);
  await form.play(30);
  const { records } = form;
  const [first, last] = records.filter(({ track }) => track === 2) as [Taken, Taken];
  for (const bytes of [reader.sink.bytes, bytesOf(taker.taken)]) {
    // the second preamble is a copy, and comes after what it was published before
    const got = identify(without(bytes, last.bytes), records);
    checkVideo(got, records);
    expect(got.filter(({ seq }) => seq < before && seq !== first.seq)).toHaveLength(before - 1);
    expect(Buffer.from(bytes).includes(last.bytes)).toBe(true);
  }
  const at = taker.taken.findIndex(({ bytes }) => bytes.length === 6);
  expect(taker.taken[at - 1]?.isEnd).toBe(true);
  expect(taker.taken[at + 1]?.seq).toBeGreaterThan(last.seq);
  expect(taker.reader.lostFrames).toBeGreaterThan(600);
  for (const each of [reader, taker]) each.leave();
  form.close();
}, 20_000);

/** Bytes without the first place where `part` is in them. */
function without(bytes: Uint8Array, part: Uint8Array): Uint8Array {
  const at = Buffer.from(bytes).indexOf(part);
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + part.length)]);
}

test("a record can be had again by its number as long as its reader says so", async () => {
  const form = new FormScene();
  const { scene, output } = form;
  const taker = new FakeTaker(scene, output);
  await form.play(100);
  const { seq } = taker.taken.at(-1)!;
  taker.reader.keepFrom(seq);
  await form.play(400);
  const { records } = form;
  for (const record of records.filter((each) => each.seq >= seq)) {
    const found = taker.reader.find(record.seq);
    expect(found && copyOf(scene, found, 0)).toEqual(record);
  }
  taker.reader.keepFrom(undefined);
  await form.play(1);
  expect(taker.reader.find(seq)).toBeUndefined();
  expect(output.records.log.blocks).toBeLessThanOrEqual(2);
  taker.leave();
  form.close();
});

test("a muxer that throws ends its output and the readers of that, and nobody else", async () => {
  const form = new FormScene();
  const { scene, output } = form;
  const other = MuxedOutput.of(scene.stream, "others", new PacketForm());
  const [gone, taker] = [new FormReader(scene, output), new FakeTaker(scene, output)];
  const [fast, rtsp] = [new FormReader(scene, other), scene.read()];
  await form.play(20);
  form.form.error = new Error("muxer broke");
  await form.play(20);
  expect([gone.faults, taker.faults, form.all.faults]).toEqual(Array(3).fill(["muxer broke"]));
  expect([fast.faults, rtsp.faults, rtsp.cursor.lostPackets]).toEqual([[], [], 0]);
  expect(fast.sink.bytes.length).toBe(scene.published.reduce((sum, { length }) => sum + length - 4, 0));
  expect(scene.reported).toEqual(["packet output: muxer broke"]);
  expect(scene.stream.readers).toBe(2);
  for (const reader of [gone, taker, fast]) reader.leave();
  form.close();
});

test("a taker that throws ends alone", async () => {
  const form = new FormScene();
  const broken = new FakeTaker(form.scene, form.output);
  await form.play(20);
  broken.error = new Error("sender broke");
  await form.play(300);
  expect(broken.faults).toEqual(["sender broke"]);
  expect(form.all.faults).toEqual([]);
  expect(framesOf(form.records, 0)).toHaveLength(320);
  expect(form.scene.reported).toEqual(["packet output: sender broke"]);
  expect(form.output.records.log.blocks).toBeLessThanOrEqual(2);
  broken.leave();
  form.close();
});

test("where nobody has asked to begin at a random access point, readers begin at the live edge", async () => {
  const form = new FormScene();
  const { scene, output } = form;
  await form.play(401);
  for (let i = 0; i < 5; i++) {
    scene.picture(60);
    await scene.clock.advance(20);
  }
  const taker = new FakeTaker(scene, output, { start: "randomAccess" });
  await form.play(10);
  const at = taker.taken.findIndex(({ isRandomAccess }) => isRandomAccess);
  expect(taker.taken.slice(0, at).every(({ track }) => track !== 0)).toBe(true);
  // from now on it is kept
  const next = new FakeTaker(scene, output, { start: "randomAccess" });
  await form.play(1);
  expect(next.taken[1]).toEqual(taker.taken[at]!);
  for (const each of [taker, next]) each.leave();
  form.close();
});

test("an output is made for its first reader and closed with its last", async () => {
  const form = new FormScene();
  const { scene } = form;
  await form.play(3);
  const { blocksTaken } = scene.memory.state;
  const other = new PacketForm();
  for (let i = 0; i < 3; i++) {
    const readers = [0, 1].map(() => new FormReader(scene, MuxedOutput.of(scene.stream, "other", other)));
    expect([other.opened, other.closed]).toEqual([i + 1, i]);
    await form.play(3);
    for (const reader of readers) reader.leave();
  }
  expect([other.opened, other.closed]).toEqual([3, 3]);
  await form.play(3);
  expect(scene.memory.state.blocksTaken).toBeLessThanOrEqual(blocksTaken + 2);
  form.close();
});
