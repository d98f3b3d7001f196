import { expect, test } from "bun:test";
import { Random } from "../support/random.ts";
import { payloadBytes, Scene } from "./scene.ts";

test("a connection's bytes are those its socket took; those of a reader are RTP and RTCP alone", async () => {
  const random = new Random(Number(process.env["TEST_SEED"] ?? 7));
  const scene = new Scene(256, 400);
  const readers = Array.from({ length: 8 }, (_, i) =>
    i === 7 ? scene.read([{ rtp: 4, rtcp: 5 }, undefined]) : scene.read(),
  );
  let compared = 0;
  for (let i = 0; i < 800; i++) {
    scene.picture(1 + random.below(5));
    scene.sound(i);
    const { sink, outbox } = random.pick(readers);
    if (random.below(4) === 0) sink.room = random.below(6_000);
    if (random.below(10) === 0) outbox.send(Uint8Array.from([0x24, 9, 0, 1, i & 255]));
    if (random.below(400) === 0) sink.closed = true;
    await scene.clock.advance(15);
    const other = random.pick(readers);
    if (random.below(2) === 0 && !other.sink.closed)
      scene.drain(other, random.below(3) === 0 ? random.below(9_000) : Number.POSITIVE_INFINITY);
    if (i % 20 !== 0) continue;
    for (const reader of readers) {
      expect(reader.outbox.sent.total).toBe(reader.sink.bytes.length);
      expect(reader.cursor.bytesSent).toBe(reader.outbox.sent.media);
      if (reader.sink.closed || reader.outbox.pending > 0) continue;
      expect(reader.cursor.bytesSent).toBe(payloadBytes(reader));
      compared += 1;
    }
  }
  expect(compared).toBeGreaterThan(50);
  const figures = () => readers.map(({ outbox, cursor }) => [outbox.sent.total, cursor.bytesSent]);
  const last = figures();
  expect(Math.min(...last.map(([total]) => total as number))).toBeGreaterThan(0);
  scene.close();
  expect(figures()).toEqual(last);
});

test("a reader whose connection is closed counts nothing more", async () => {
  const scene = new Scene();
  const readers = [scene.read(), scene.read([{ rtp: 4, rtcp: 5 }, undefined])];
  scene.picture();
  await scene.clock.advance(15);
  const before = readers.map(({ cursor }) => cursor.bytesSent);
  for (const { sink } of readers) sink.closed = true;
  for (let i = 0; i < 10; i++) {
    scene.picture();
    await scene.clock.advance(15);
  }
  expect(readers.map(({ cursor }) => cursor.bytesSent)).toEqual(before);
  scene.close();
});

test("a reader counts what it was sent itself, not what the connection was sent before", async () => {
  const scene = new Scene();
  const first = scene.read();
  for (let i = 0; i < 10; i++) {
    scene.picture();
    await scene.clock.advance(15);
  }
  expect(first.cursor.bytesSent).toBe(payloadBytes(first));
  scene.leave(first);
  const before = [first.sink.bytes.length, payloadBytes(first)];
  scene.picture();
  await scene.clock.advance(15);
  expect([first.outbox.sent.total, first.outbox.sent.media]).toEqual(before);
  scene.close();
});
