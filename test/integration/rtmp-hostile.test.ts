import { expect, test } from "bun:test";
import { writeCommand } from "../../src/protocols/rtmp/proto/message.ts";
import { contiguousRun } from "../support/exact.ts";
import type { FlvTag } from "../support/flv.ts";
import { RtmpTestClient } from "../support/rtmp-client.ts";
import { Arena, SHORT } from "./arena.ts";
import { flvTags, frames, sendTags } from "./rtmp-flv.ts";

const LIMIT_MS = 90_000;
const HALF = new Uint8Array(1_000).fill(3);

/** A connection that sends `bytes` and then ignores what comes. */
function connectRaw(url: string, bytes: Uint8Array, onClose: () => void) {
  const { hostname, port } = new URL(url);
  const socket = { data() {}, close: onClose, error() {} };
  return Bun.connect({ hostname, port: Number(port), socket }).then((open) => {
    open.write(bytes);
    return open;
  });
}

test(
  "5,000 half handshakes disturb nobody and are all closed",
  async () => {
    await using arena = await Arena.start({ timeouts: SHORT, peakMb: 250 });
    const url = arena.server.rtmp("x");
    let closed = 0;
    const lane = async () => {
      for (let i = 0; i < 50; i++) await connectRaw(url, HALF, () => closed++);
    };
    await Promise.all(Array.from({ length: 100 }, lane));
    await arena.server.until(() => closed === 5_000, "all are closed");
    await arena.logged(/\[RTMP\] \[conn \S+\] closed \(i\/o timeout: no request\)/);
    await arena.settle();
  },
  LIMIT_MS,
);

test(
  "a handshake of single bytes is closed in time, other protocols at once",
  async () => {
    await using arena = await Arena.start({ timeouts: SHORT });
    const url = arena.server.rtmp("x");
    const closed = Promise.withResolvers<void>();
    const slow = await connectRaw(url, Uint8Array.of(3), closed.resolve);
    const timer = setInterval(() => slow.write(Uint8Array.of(0)), 100);
    await closed.promise;
    clearInterval(timer);
    for (const [bytes, text] of [
      ["GET / HTTP/1.1\r\n", /closed \(invalid rtmp version \(71\): this is HTTP\)/],
      ["\x16\x03\x01", /closed \(invalid rtmp version \(22\): this is TLS\)/],
      ["\x06", /closed \(invalid rtmp version \(6\): RTMPE is not supported\)/],
    ] as const) {
      await connectRaw(url, Buffer.from(bytes, "latin1"), () => {});
      await arena.logged(text);
    }
    await arena.settle();
  },
  LIMIT_MS,
);

/** A chunk with the longest header. */
function chunk(id: number, type: number, size: number, body: Uint8Array): Uint8Array {
  const head = Buffer.alloc(14);
  head.writeUInt8(1);
  head.writeUInt16LE(id - 64, 1);
  head.writeUIntBE(size, 6, 3);
  head.writeUInt8(type, 9);
  return new Uint8Array(Buffer.concat([head, body]));
}

/** A command that nests objects 10,000 deep. */
function nested(): Uint8Array {
  const value = Array.from({ length: 10_000 }, () => [3, 0, 1, 97]).flat();
  return Uint8Array.of(2, 0, 1, 97, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...value);
}

test(
  "after the handshake, what is not RTMP ends its connection with a reason",
  async () => {
    await using arena = await Arena.start();
    const url = arena.server.rtmp("x/y");
    const attacks: readonly (readonly [string, (client: RtmpTestClient) => void, RegExp])[] = [
      [
        "noise",
        (client) => client.write(new Uint8Array(4_000).fill(0xff)),
        /chunk stream \d+ begins without/,
      ],
      [
        "chunk streams without end",
        (client) => {
          for (let id = 64; id < 200; id++) client.write(chunk(id, 9, 1, Uint8Array.of(0)));
        },
        /more than 64 chunk streams/,
      ],
      [
        "large messages before anything is published",
        (client) => client.write(chunk(70, 9, 0xffffff, new Uint8Array(128))),
        /i\/o timeout|EOF|is too large/,
      ],
      [
        "a chunk size of 0",
        (client) => client.write(chunk(70, 1, 4, new Uint8Array(4))),
        /invalid chunk size: 0/,
      ],
      [
        "objects in objects",
        (client) => client.send({ chunkStream: 3, type: 20, streamId: 0, timestamp: 0, body: nested() }),
        /AMF/,
      ],
      [
        "a command too early",
        (client) => client.send(writeCommand("createStream", 1, null)),
        /before 'connect'/,
      ],
    ];
    for (const [name, attack, reason] of attacks) {
      const from = arena.server.log.length;
      await using client = await RtmpTestClient.connect(url);
      attack(client);
      if (name.startsWith("large")) client.write(new Uint8Array(Buffer.concat(bodies(70, 600))));
      await client.closed;
      await arena.logged(new RegExp(`closed \\(.*(?:${reason.source}).*\\)`), from);
    }
    await arena.settle();
  },
  LIMIT_MS,
);

/** Chunks that continue a message. */
function bodies(id: number, count: number): Uint8Array[] {
  const next = Uint8Array.of(0xc1, (id - 64) & 255, (id - 64) >> 8);
  return Array.from({ length: count }, () => new Uint8Array(Buffer.concat([next, new Uint8Array(128)])));
}

/** Sends the clip over and over, faster than it is shown. */
function flood(client: RtmpTestClient, tags: readonly FlvTag[]): () => void {
  let round = 0;
  const timer = setInterval(() => {
    if (client.backlog > 4_000_000) return;
    sendTags(client, tags, 10_000 * round++);
  }, 40);
  return () => clearInterval(timer);
}

test(
  "a player that stops reading is closed after writeTimeout; another one gets every frame",
  async () => {
    await using arena = await Arena.start({ timeouts: SHORT, peakMb: 350 });
    {
      const url = arena.server.rtmp("live/a");
      const tags = await flvTags();
      await using publisher = await RtmpTestClient.publishing(url);
      sendTags(publisher, tags);
      await arena.logged(/is publishing to path 'live\/a'/);
      await using stalled = await RtmpTestClient.playing(url);
      await using other = await RtmpTestClient.playing(url);
      const stop = flood(publisher, tags);
      await other.until(() => (other.media.length > 100 ? true : undefined), "frames");
      stalled.stall();
      await arena.logged(/closed \(write timeout: the reader does not read\)/);
      const seen = other.media.length;
      await other.until(() => (other.media.length > seen + 500 ? true : undefined), "more frames");
      stop();
      contiguousRun(frames(tags, 9), frames(other.received, 9));
      expect(other.isClosed).toBe(false);
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test(
  "a publisher that sends nothing, or nothing that can be used, is closed",
  async () => {
    await using arena = await Arena.start({ timeouts: SHORT });
    await using silent = await RtmpTestClient.publishing(arena.server.rtmp("live/a"));
    await arena.logged(/closed \(i\/o timeout: nothing from the publisher\)/);
    await using useless = await RtmpTestClient.publishing(arena.server.rtmp("live/b"));
    const timer = setInterval(
      () => useless.sendTag({ type: 9, timestamp: 0, body: Uint8Array.of(0x14, 1, 2) }),
      100,
    );
    await useless.closed;
    clearInterval(timer);
    await arena.logged(/closed \(unsupported video codec: 4\)/);
    expect(useless.codes.at(-1)).toBe("NetStream.Publish.Failed");
    await silent.closed;
    await arena.settle();
  },
  LIMIT_MS,
);
