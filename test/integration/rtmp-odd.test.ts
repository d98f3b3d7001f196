import { expect, test } from "bun:test";
import { writeChunkSize, writeData, writeEvent } from "../../src/protocols/rtmp/proto/message.ts";
import { contiguousRun } from "../support/exact.ts";
import type { FlvTag } from "../support/flv.ts";
import { RtmpTestClient } from "../support/rtmp-client.ts";
import { TestServer } from "../support/server.ts";
import { flvTags, frames, sendTags } from "./rtmp-flv.ts";

const LIMIT_MS = 90_000;

/** Publishes with `send`, over and over, and checks that readers get what was sent. */
async function through(send: (publisher: RtmpTestClient, tags: readonly FlvTag[], round: number) => void) {
  await using server = await TestServer.start();
  await using publisher = await RtmpTestClient.publishing(server.rtmp("live/a"));
  const tags = await flvTags();
  let round = 0;
  const timer = setInterval(() => {
    if (publisher.backlog < 1_000_000) send(publisher, tags, round++);
  }, 300);
  try {
    await server.waitForLog(/is publishing to path 'live\/a', 2 tracks \(H264, MPEG-4 Audio\)/);
    await using reader = await RtmpTestClient.playing(server.rtmp("live/a"));
    await reader.until(() => (frames(reader.received, 9).length > 600 ? true : undefined), "pictures");
    contiguousRun(frames(tags, 9), frames(reader.received, 9));
    contiguousRun(frames(tags, 8), frames(reader.received, 8));
    return reader.media;
  } finally {
    clearInterval(timer);
  }
}

test.each([1, 128, 8_388_608])(
  "chunks of %d bytes",
  async (size) => {
    await through((publisher, tags, round) => {
      if (round === 0) publisher.send(writeChunkSize(size));
      sendTags(publisher, tags, 10_000 * round);
    });
  },
  LIMIT_MS,
);

test(
  "timestamps that need extension, wrap 32 bits, jump and go back",
  async () => {
    const starts = [0xfff000, 0xffff_f000, 5_000, 3_600_000, 0];
    const media = await through((publisher, tags, round) => {
      sendTags(publisher, tags, starts[round % starts.length]);
    });
    for (const type of [8, 9]) {
      const times = media.filter((message) => message.type === type).map(({ timestamp }) => timestamp);
      const steps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
      expect(Math.min(...steps)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...steps)).toBeLessThan(1_000);
    }
  },
  LIMIT_MS,
);

/** Tags as the messages of an aggregate. */
function aggregate(tags: readonly FlvTag[]): Uint8Array {
  const parts = tags.flatMap(({ type, timestamp, body }) => {
    const head = Buffer.alloc(11);
    head.writeUInt8(type);
    head.writeUIntBE(body.length, 1, 3);
    head.writeUIntBE(timestamp & 0xffffff, 4, 3);
    head.writeUInt8(timestamp >>> 24, 7);
    const tail = Buffer.alloc(4);
    tail.writeUInt32BE(body.length + 11);
    return [head, body, tail];
  });
  return new Uint8Array(Buffer.concat(parts));
}

test(
  "aggregates",
  async () => {
    await through((publisher, tags, round) => {
      for (let at = 0; at < tags.length; at += 40) {
        const some = tags.slice(at, at + 40);
        const timestamp = (some[0]?.timestamp ?? 0) + 10_000 * round;
        publisher.send({ chunkStream: 7, type: 22, streamId: 1, timestamp, body: aggregate(some) });
      }
    });
  },
  LIMIT_MS,
);

test(
  "messages that mean nothing here are ignored: Flash controls, shared objects, empty frames",
  async () => {
    await through((publisher, tags, round) => {
      publisher.send(writeEvent(31, 1));
      publisher.send(writeEvent(32, 1, 2));
      publisher.send(writeData(1, "onCuePoint", 1));
      publisher.send({
        chunkStream: 3,
        type: 19,
        streamId: 0,
        timestamp: 0,
        body: Uint8Array.of(0, 1, 65, 0, 0, 0, 0),
      });
      publisher.send({ chunkStream: 3, type: 99, streamId: 0, timestamp: 0, body: Uint8Array.of(1) });
      for (const type of [8, 9])
        publisher.sendTag({ type, timestamp: 10_000 * round, body: new Uint8Array(0) });
      sendTags(publisher, tags, 10_000 * round);
    });
  },
  LIMIT_MS,
);
