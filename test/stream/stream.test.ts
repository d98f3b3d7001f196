import { describe, expect, test } from "bun:test";
import { BudgetError } from "../../src/lib/errors.ts";
import { InterleavedOutput } from "../../src/stream/interleaved-output.ts";
import { concat, type RtpPacket } from "../wasm/twin/packet.ts";
import { readSenderReport, type SenderReportTwin } from "../wasm/twin/rtcp.ts";
import { type Frame, mediaOf, payloadBytes, picturesOf, Scene, type SceneReader, USUAL } from "./scene.ts";

const NTP_EPOCH_SECONDS = 2_208_988_800;

describe("a reader", () => {
  test("gets what comes from now on, byte by byte", async () => {
    const scene = new Scene();
    scene.picture();
    await scene.clock.advance(1);
    const reader = scene.read();
    const from = scene.published.length;
    for (let i = 0; i < 500; i++) {
      scene.picture(1 + (i % 5));
      scene.sound(i);
      await scene.clock.advance(1);
    }
    expect(Buffer.compare(mediaOf(reader), concat(scene.published.slice(from)))).toBe(0);
    expect([reader.cursor.lag, reader.cursor.lostPackets]).toEqual([0, 0]);
    expect(reader.cursor.bytesSent).toBe(payloadBytes(reader));
    expect(scene.stream.log.blocks).toBeLessThanOrEqual(2);
    scene.close();
  });

  test("gets the tracks it wants on the channels it named", async () => {
    const scene = new Scene();
    const sound = scene.read([undefined, { rtp: 0, rtcp: 1 }]);
    const swapped = scene.read([USUAL[1] as (typeof USUAL)[number], { rtp: 200, rtcp: 9 }]);
    for (let i = 0; i < 100; i++) {
      scene.picture();
      scene.sound(i);
      await scene.clock.advance(20);
    }
    expect([...new Set(sound.sink.frames.map(({ channel }) => channel))].sort()).toEqual([0, 1]);
    expect(sound.sink.packets(0)).toHaveLength(100);
    expect(new Set(swapped.sink.frames.map(({ channel }) => channel))).toEqual(new Set([2, 3, 200, 9]));
    expect(swapped.sink.packets(200)).toEqual(sound.sink.packets(0));
    expect(picturesOf(swapped.sink.packets(2))).toHaveLength(100);
    scene.close();
  });

  test("that reads at half speed loses whole pictures, and no sound", async () => {
    const scene = new Scene(256, 48);
    for (const reader of [
      scene.read(),
      scene.read([
        { rtp: 4, rtcp: 5 },
        { rtp: 6, rtcp: 7 },
      ]),
    ]) {
      reader.sink.room = 4_000;
    }
    const readers = [...scene.readers];
    for (let i = 0; i < 1_000; i++) {
      scene.picture(3 + (i % 7));
      scene.sound(i);
      await scene.clock.advance(20);
      for (const reader of readers) scene.drain(reader, 3_000 + (i % 11) * 10);
    }
    for (const [i, reader] of readers.entries()) {
      scene.drain(reader, Number.POSITIVE_INFINITY);
      const pictures = picturesOf(reader.sink.packets(4 * i));
      checkDecodable(pictures);
      expect(pictures.length).toBeGreaterThan(300);
      expect(pictures.length).toBeLessThan(800);
      expect(reader.sink.packets(4 * i + 2)).toHaveLength(1_000);
      expect(reader.cursor.lostFrames).toBe(1_000 - pictures.length);
      expect(reader.cursor.lostPackets).toBe(
        scene.published.length - reader.sink.packets(4 * i).length - 1_000,
      );
    }
    scene.close();
  }, 20_000);

  test("that stalls keeps little, and goes on with a whole picture", async () => {
    const scene = new Scene(256, 48);
    const reader = scene.read();
    let most = 0;
    for (let i = 0; i < 1_000; i++) {
      if (i === 105) reader.sink.room = 2_500;
      scene.picture(3 + (i % 7));
      scene.sound(i);
      await scene.clock.advance(20);
      most = Math.max(most, scene.stream.log.blocks);
    }
    // 5 s are 250 pictures of 6 kB
    expect(most).toBeLessThan(16);
    expect(scene.stream.log.blocks).toBeLessThan(16);
    expect(reader.cursor.stalledSince).toBe(20 * 105);
    scene.drain(reader, Number.POSITIVE_INFINITY);
    expect(reader.cursor.stalledSince).toBeUndefined();
    for (let i = 0; i < 30; i++) {
      scene.picture();
      await scene.clock.advance(20);
    }
    checkDecodable(picturesOf(reader.sink.packets(0)));
    expect(reader.cursor.lostFrames).toBeGreaterThan(600);
    scene.close();
  }, 20_000);

  test("that stalls in the midst of a large picture gets the rest of it", async () => {
    const scene = new Scene(256, 48);
    const reader = scene.read();
    scene.picture();
    await scene.clock.advance(20);
    reader.sink.room = 5_000;
    for (let i = 0; i < 400; i++) {
      scene.picture(i === 0 ? 110 : 4);
      await scene.clock.advance(20);
    }
    scene.drain(reader, Number.POSITIVE_INFINITY);
    for (let i = 0; i < 30; i++) {
      scene.picture();
      await scene.clock.advance(20);
    }
    const pictures = picturesOf(reader.sink.packets(0));
    checkDecodable(pictures);
    expect(pictures[1]).toHaveLength(110);
    scene.close();
  });

  test("that was slow comes back to the others, with nothing missing and nothing twice", async () => {
    const scene = new Scene(256, 4_000);
    const readers = Array.from({ length: 12 }, () => scene.read());
    for (let i = 0; i < 600; i++) {
      const slow = readers[i % 12] as SceneReader;
      if (i % 5 === 0) slow.sink.room = (i * 37) % 5_000;
      scene.picture();
      scene.sound(i);
      await scene.clock.advance(15);
      const other = readers[(i * 7 + 3) % 12] as SceneReader;
      scene.drain(other, Number.POSITIVE_INFINITY);
      if (i % 50 === 0) other.outbox.send(Uint8Array.from([0x24, 9, 0, 1, i & 255]));
    }
    for (const reader of readers) scene.drain(reader, Number.POSITIVE_INFINITY);
    await scene.clock.advance(20);
    const all = concat(scene.published);
    for (const reader of readers) {
      expect(Buffer.compare(mediaOf(reader), all)).toBe(0);
      expect(reader.cursor.lostPackets).toBe(0);
      expect(reader.cursor.lag).toBe(0);
      expect(reader.cursor.bytesSent).toBe(payloadBytes(reader));
    }
    scene.close();
  }, 20_000);

  test("whose socket says it has room when it always had, gets nothing twice", async () => {
    const scene = new Scene();
    const readers = [scene.read(), scene.read()];
    for (let i = 0; i < 300; i++) {
      scene.picture();
      await scene.clock.advance(15);
      for (const reader of readers) scene.drain(reader, Number.POSITIVE_INFINITY);
      expect(readers.map(({ cursor }) => cursor.lag)).toEqual([0, 0]);
    }
    for (const reader of readers) expect(Buffer.compare(mediaOf(reader), concat(scene.published))).toBe(0);
    scene.close();
  });

  test("whose connection is gone does not trouble the others", async () => {
    const scene = new Scene();
    const [gone, other] = [scene.read(), scene.read()];
    for (let i = 0; i < 100; i++) {
      if (i === 50) gone.sink.closed = true;
      scene.picture();
      await scene.clock.advance(15);
    }
    expect(Buffer.compare(mediaOf(other), concat(scene.published))).toBe(0);
    expect(gone.faults).toEqual([]);
    scene.leave(gone);
    scene.picture();
    await scene.clock.advance(15);
    expect(Buffer.compare(mediaOf(other), concat(scene.published))).toBe(0);
    scene.close();
  });

  test("is told when the memory is used up, others go on", async () => {
    const scene = new Scene(32);
    const [poor, other] = [scene.read(), scene.read()];
    scene.picture();
    await scene.clock.advance(15);
    const blocks: number[] = [];
    for (let block = scene.memory.core.blockTake(0); block !== 0; block = scene.memory.core.blockTake(0))
      blocks.push(block);
    poor.sink.room = 10;
    scene.picture();
    await scene.clock.advance(15);
    expect(poor.faults).toEqual([expect.any(BudgetError)]);
    expect(Buffer.compare(mediaOf(other), concat(scene.published))).toBe(0);
    for (const block of blocks) scene.memory.give(block);
    scene.close();
  });
});

describe("sender reports", () => {
  for (const [name, channels] of [
    ["the usual channels", USUAL],
    ["channels of its own", [{ rtp: 8, rtcp: 9 }, USUAL[1]]],
  ] as const) {
    test(`come right after the first packet of each track, on ${name}`, async () => {
      const scene = new Scene();
      await scene.clock.advance(1_000);
      for (let i = 0; i < 100; i++) {
        scene.picture();
        scene.sound(i);
        await scene.clock.advance(100 / 3);
      }
      const reader = scene.read(channels);
      expect(reader.sink.frames).toEqual([]);
      scene.sound(100);
      scene.picture(2);
      scene.sound(101);
      const wall = scene.clock.wall();
      await scene.clock.advance(0);
      const [rtp, rtcp] = [channels[0]?.rtp as number, channels[0]?.rtcp as number];
      const order = reader.sink.frames.map(({ channel }) => channel);
      expect(order).toEqual([2, 3, rtp, rtcp, rtp, rtp, rtp, 2]);
      const sound = reportOf(reader.sink.frames[1]?.packet as Uint8Array);
      const picture = reportOf(reader.sink.frames[3]?.packet as Uint8Array);
      // picture 100 has come this moment
      expect(picture.ssrc).toBe(100);
      expect(ntpOf(picture)).toBeCloseTo(wall + NTP_EPOCH_SECONDS * 1000, 2);
      expect(Math.abs(picture.time - 100 * 3_000)).toBeLessThanOrEqual(30);
      expect(sound.ssrc).toBe(101);
      // sound is sent at 30 frames a second of 960 ticks: slower than its clock says
      expect(Math.abs(sound.time - 99 * 960 - 1_600)).toBeLessThanOrEqual(1_600 * 100);
      const counts = new DataView((reader.sink.frames[3] as Frame).packet.buffer);
      const { packets, octets } = scene.stream.log.tracks[0] as { packets: number; octets: number };
      expect([counts.getUint32(20), counts.getUint32(24)]).toEqual([packets, octets]);
      expect(reader.cursor.bytesSent).toBe(
        reader.sink.frames.reduce((sum, { packet }) => sum + packet.length, 0),
      );
      scene.close();
    });
  }

  test("come after the first packet, also where the socket has no room for either", async () => {
    const scene = new Scene();
    const reader = scene.read();
    reader.sink.room = 10;
    scene.picture(2);
    scene.sound(0);
    await scene.clock.advance(20);
    scene.drain(reader, Number.POSITIVE_INFINITY);
    expect(reader.sink.frames.map(({ channel }) => channel)).toEqual([0, 1, 0, 0, 0, 2, 3]);
    scene.close();
  });

  test("come every ten seconds, solo or in the group", async () => {
    const scene = new Scene();
    const readers = Array.from({ length: 10 }, () => scene.read());
    for (let i = 0; i < 2_000; i++) {
      scene.picture(1, 50);
      await scene.clock.advance(20);
    }
    for (const { sink } of readers) {
      const reports = sink.frames
        .filter(({ channel }) => channel === 1)
        .map(({ packet }) => reportOf(packet));
      expect(reports.length).toBeGreaterThanOrEqual(4);
      expect(reports.length).toBeLessThanOrEqual(5);
      for (const [i, report] of reports.slice(1).entries()) {
        const elapsed = ntpOf(report) - ntpOf(reports[i] as SenderReportTwin);
        expect(elapsed).toBeGreaterThan(9_900);
        expect(elapsed).toBeLessThan(12_100);
      }
    }
    scene.close();
  }, 20_000);

  test("of a track that is silent for long come soon after its first packet; meanwhile readers are in the group", async () => {
    const scene = new Scene();
    const readers = Array.from({ length: 10 }, () => scene.read());
    for (let i = 0; i < 320; i++) {
      if (i === 200) scene.sound(0);
      scene.picture();
      await scene.clock.advance(20);
      if (i === 150) for (const { cursor } of readers) expect(cursor.index).toBeDefined();
      if (i === 199) for (const { sink } of readers) expect(sink.frames.at(-1)?.channel).toBe(0);
    }
    for (const { sink } of readers) {
      const order = sink.frames.map(({ channel }) => channel);
      expect(order.indexOf(3)).toBeGreaterThan(order.indexOf(2));
      expect(order.filter((channel) => channel === 3)).toHaveLength(1);
    }
    scene.close();
  });

  test("of a track that begins later come when it begins", async () => {
    const scene = new Scene();
    const reader = scene.read();
    expect(reader.sink.frames).toEqual([]);
    scene.picture();
    await scene.clock.advance(20);
    expect(reader.sink.frames.map(({ channel }) => channel).slice(0, 3)).toEqual([0, 1, 0]);
    scene.sound(0);
    await scene.clock.advance(20);
    expect(reader.sink.frames.slice(-2).map(({ channel }) => channel)).toEqual([2, 3]);
    scene.close();
  });
});

describe("a stream", () => {
  test("is refused when nine tenths of the memory are taken", () => {
    const scene = new Scene(32);
    const blocks: number[] = [];
    while (scene.memory.hasRoom) blocks.push(scene.memory.core.blockTake(0));
    expect(() => scene.another()).toThrow(/^the media memory is used up: 29 of 32 blocks are taken$/);
    for (const block of blocks) scene.memory.give(block);
    scene.close();
  });

  test("that has ended takes no reader any more", () => {
    const scene = new Scene();
    const { stream } = scene;
    scene.close();
    expect(() => InterleavedOutput.of(stream)).toThrow("the stream has ended");
    expect(scene.memory.state.blocksTaken).toBe(0);
  });

  for (const [name, turnMs] of [
    ["in half a second", 0.5],
    ["in one turn", undefined],
  ] as const) {
    test(`goes on when more comes ${name} than the memory holds for readers that stall`, async () => {
      const scene = new Scene(128, 48);
      const stalled = [scene.read(), scene.read(), scene.read()];
      const other = scene.read();
      scene.picture();
      await scene.clock.advance(1);
      for (const { sink } of stalled) sink.room = 1_500;
      // 20 MB; the memory has 16
      for (let i = 0; i < 800; i++) {
        scene.picture(25);
        if (turnMs !== undefined) await scene.clock.advance(turnMs);
      }
      await scene.clock.advance(1);
      expect(Buffer.compare(mediaOf(other), concat(scene.published))).toBe(0);
      for (const reader of stalled) {
        scene.drain(reader, Number.POSITIVE_INFINITY);
        expect(reader.faults).toEqual([]);
      }
      for (let i = 0; i < 30; i++) {
        scene.picture();
        await scene.clock.advance(20);
      }
      for (const { sink } of stalled) checkDecodable(picturesOf(sink.packets(0)));
      scene.close();
    });
  }

  test("without readers keeps nothing", async () => {
    const scene = new Scene();
    for (let i = 0; i < 1_000; i++) {
      scene.picture();
      await scene.clock.advance(20);
    }
    expect(scene.stream.log.blocks).toBeLessThanOrEqual(2);
    scene.close();
  });
});

function reportOf(packet: Uint8Array): SenderReportTwin {
  return readSenderReport(packet) as SenderReportTwin;
}

/** In ms since 1900. */
function ntpOf({ seconds, fraction }: SenderReportTwin): number {
  return (seconds + fraction / 0x1_0000_0000) * 1000;
}

/** Fails unless every picture is whole, and follows the one before or is a key frame. */
function checkDecodable(pictures: readonly (readonly RtpPacket[])[]): void {
  let previous = -1;
  for (const picture of pictures) {
    const number = (picture[0] as RtpPacket).time / 3_000;
    expect(picture.at(-1)?.marker).toBe(true);
    for (const [i, packet] of picture.slice(1).entries()) {
      expect(packet.seq).toBe(((picture[i] as RtpPacket).seq + 1) & 0xffff);
    }
    if (number !== previous + 1) expect(number % 10).toBe(0);
    if (number % 10 === 0) expect((picture[0] as RtpPacket).bytes[12]).toBe(0x67);
    previous = number;
  }
}
