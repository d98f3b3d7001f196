import { expect, test } from "bun:test";
import { Random } from "../support/random.ts";
import { Scene, type SceneReader } from "./scene.ts";

/** A reader, and bytes of responses that went through its outbox. */
interface Counted {
  readonly reader: SceneReader;
  responses: number;
}

test("whoever writes, a connection's bytes are those its socket took, and its media the rest of the responses", async () => {
  const random = new Random(Number(process.env["TEST_SEED"] ?? 7));
  const scene = new Scene(256, 400);
  const counted: Counted[] = Array.from({ length: 8 }, (_, i) => ({
    reader: i === 7 ? scene.read([{ rtp: 4, rtcp: 5 }, undefined]) : scene.read(),
    responses: 0,
  }));
  for (let i = 0; i < 800; i++) {
    scene.picture(1 + random.below(5));
    scene.sound(i);
    const one = counted[random.below(counted.length)] as Counted;
    const { sink, outbox } = one.reader;
    if (random.below(4) === 0) sink.room = random.below(6_000);
    if (random.below(10) === 0 && outbox.send(Uint8Array.from([0x24, 9, 0, 1, i & 255]))) one.responses += 5;
    if (random.below(100) === 0) sink.closed = true;
    await scene.clock.advance(15);
    const other = counted[random.below(counted.length)] as Counted;
    if (random.below(2) === 0 && !other.reader.sink.closed)
      scene.drain(other.reader, random.below(3) === 0 ? random.below(9_000) : Number.POSITIVE_INFINITY);
    if (i % 20 !== 0) continue;
    for (const { reader, responses } of counted) {
      expect(reader.outbox.sent.total).toBe(reader.sink.bytes.length);
      expect(reader.cursor.bytesSent).toBe(reader.outbox.sent.media);
      const { total, media } = reader.outbox.sent;
      if (!reader.sink.closed) expect(media + responses).toBe(total + reader.outbox.pending);
    }
  }
  const totals = counted.map(({ reader }) => reader.outbox.sent.total);
  expect(Math.min(...totals)).toBeGreaterThan(0);
  scene.close();
  expect(counted.map(({ reader }) => reader.outbox.sent.total)).toEqual(totals);
});

test("a reader counts what it was sent itself, not what the connection was sent before", async () => {
  const scene = new Scene();
  const first = scene.read();
  for (let i = 0; i < 10; i++) {
    scene.picture();
    await scene.clock.advance(15);
  }
  expect(first.cursor.bytesSent).toBe(first.sink.bytes.length);
  scene.leave(first);
  const before = first.sink.bytes.length;
  scene.picture();
  await scene.clock.advance(15);
  expect([first.outbox.sent.total, first.outbox.sent.media]).toEqual([before, before]);
  scene.close();
});
