import { expect, test } from "bun:test";
import { syntheticTracks } from "../support/media.ts";
import { interleaved, RtspClient } from "../support/rtsp-client.ts";
import { Arena, SHORT } from "./arena.ts";
import { TestPublisher } from "./publisher.ts";
import { TestReader } from "./reader.ts";

const LIMIT_MS = 60_000;
const MEGABYTE = 1_000_000;

/** Sends a beginning, then `filler` again and again up to `total` bytes or until the server has closed. */
async function pour(client: RtspClient, head: string, filler: string, total: number): Promise<number> {
  client.send(Buffer.from(head));
  const chunk = Buffer.from(filler.repeat(Math.ceil(65_536 / filler.length)));
  let sent = 0;
  while (sent < total && !client.isClosed) {
    client.send(chunk);
    sent += chunk.length;
    await client.sent();
    await new Promise(setImmediate);
  }
  return sent;
}

test.concurrent(
  "a head or a body of 100 MB ends its connection alone, and early",
  async () => {
    await using arena = await Arena.start();
    const start = "OPTIONS rtsp://localhost/ RTSP/1.0\r\nCSeq: 1\r\n";
    const floods: [string, string, RegExp][] = [
      [`${start}X-Long: `, "a", /closed \(line longer than 4096 bytes\)/],
      [start, "X-Short: b\r\n", /closed \(too many headers: more than 255\)/],
      [start, `X: ${"c".repeat(1_990)}\r\n`, /closed \(headers larger than 65536 bytes\)/],
      ["", "OPTIONS", /closed \(line longer than 4096 bytes\)/],
      [`${start}Content-Length: 100000000\r\n\r\n`, "d", /closed \(body larger than 131072: 100000000\)/],
    ];
    for (const [head, filler, reason] of floods) {
      await using client = await RtspClient.connect(arena.url("cam"));
      expect(await pour(client, head, filler, 100 * MEGABYTE)).toBeLessThan(30 * MEGABYTE);
      await client.closed;
      await arena.logged(reason);
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "100 MB of blank lines are skipped and cost nothing",
  async () => {
    await using arena = await Arena.start();
    {
      await using client = await RtspClient.connect(arena.url("cam"));
      await client.must("OPTIONS");
      expect(await pour(client, "", "\r\n", 100 * MEGABYTE)).toBeGreaterThanOrEqual(100 * MEGABYTE);
      await client.must("OPTIONS");
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "a request that drips in byte by byte is cut off after readTimeout",
  async () => {
    await using arena = await Arena.start({ timeouts: SHORT });
    const client = await RtspClient.connect(arena.url("cam"));
    const drip = setInterval(() => client.send(Buffer.from("O")), 250);
    await client.closed;
    clearInterval(drip);
    await arena.logged(/closed \(i\/o timeout: no request\)/);
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "requests without end whose responses nobody reads end their connection",
  async () => {
    await using arena = await Arena.start({ peakMb: 300 });
    const client = await RtspClient.connect(arena.url("witness"));
    client.pause();
    const requests = Buffer.concat(Array.from({ length: 500 }, () => client.write("DESCRIBE")));
    await arena.server.until(() => {
      client.retry();
      if (client.backlog === 0) client.send(requests);
      return arena.server.log.includes("closed (the client does not read responses)");
    }, "the connection is closed");
    client.terminate();
    await arena.settle();
  },
  LIMIT_MS,
);

/** RTP packets that a publisher should not send, and what the log says of each. */
const BAD_FRAMES: readonly [string, Uint8Array, RegExp | undefined][] = [
  ["empty", interleaved(0, new Uint8Array(0)), /received malformed RTP packet of 0 bytes/],
  ["cut header", interleaved(0, new Uint8Array(11).fill(0x80)), /received malformed RTP packet of 11 bytes/],
  ["version 0", interleaved(0, new Uint8Array(100)), /received malformed RTP packet of 100 bytes/],
  [
    "contributors beyond its end",
    interleaved(0, rtp(0x8f, 96, 20)),
    /received malformed RTP packet of 20 bytes/,
  ],
  [
    "extension beyond its end",
    interleaved(0, rtp(0x90, 96, 16, 0xff)),
    /received malformed RTP packet of 16/,
  ],
  ["padding beyond its end", interleaved(0, overPadded()), /received malformed RTP packet of 40 bytes/],
  ["unknown payload type", interleaved(0, rtp(0x80, 55, 40)), /received RTP packet with unknown format: 55/],
  [
    "stranger",
    interleaved(0, rtp(0x80, 96, 40, 1)),
    /received packet with wrong SSRC 16843009, expected \d+/,
  ],
  [
    "unknown channel",
    interleaved(200, rtp(0x80, 96, 40)),
    /received interleaved frame on unknown channel: 200/,
  ],
  [
    "largest, of a stranger",
    interleaved(0, rtp(0x80, 96, 65_535, 2)),
    /received packet with wrong SSRC 33686018/,
  ],
  ["broken RTCP", interleaved(1, new Uint8Array(65_535).fill(0x81)), undefined],
  ["sender report cut off", interleaved(1, new Uint8Array([0x80, 200, 0, 6, 1, 2, 3])), undefined],
];

function rtp(first: number, payloadType: number, size: number, fill = 0): Uint8Array {
  const packet = new Uint8Array(size).fill(fill);
  packet[0] = first;
  packet[1] = payloadType;
  return packet;
}

function overPadded(): Uint8Array {
  const packet = rtp(0xa0, 96, 40, 0xff);
  new DataView(packet.buffer).setUint32(8, syntheticTracks()[0]!.ssrc);
  return packet;
}

test.concurrent(
  "interleaved frames that make no sense are counted out, the rest arrives",
  async () => {
    await using arena = await Arena.start();
    const feed = async ([name, frame, line]: (typeof BAD_FRAMES)[number]): Promise<void> => {
      const url = arena.url(name.replaceAll(/\W/g, "_"));
      await using publisher = await TestPublisher.start(url);
      await using reader = await TestReader.start(url, publisher.tracks);
      await reader.more(10);
      publisher.client.send(frame);
      await reader.more(10);
      if (line !== undefined) await arena.logged(line);
      publisher.client.send(frame);
      await reader.more(10);
      expect([name, ...reader.faults]).toEqual([name]);
    };
    await Promise.all(BAD_FRAMES.map(feed));
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "packets too large for readers are cut to size when H264, dropped otherwise",
  async () => {
    await using arena = await Arena.start();
    {
      await using publisher = await TestPublisher.start(arena.url("cam"));
      const client = await RtspClient.connect(arena.url("cam"));
      const sizes: number[][] = [[], []];
      client.onFrame = (channel, payload) => sizes[channel / 2]?.push(payload.length);
      for (const track of [0, 1]) {
        const headers = { Transport: `RTP/AVP/TCP;unicast;interleaved=${2 * track}-${2 * track + 1}` };
        await client.must("SETUP", { url: `/trackID=${track}`, headers });
      }
      await client.must("PLAY", { url: "/" });
      publisher.fallSilent();
      for (const index of [0, 1]) {
        const track = publisher.tracks[index]!;
        const packet = new Uint8Array(65_535);
        const size = track.write(packet, publisher.sent[index]!);
        packet.copyWithin(size, 0, size);
        packet[12] = 0x65; // one NAL unit, an IDR slice
        publisher.client.send(interleaved(2 * index, packet));
        publisher.sent[index]! += 1;
      }
      await arena.logged(/payload size \(65535\) is greater than maximum allowed \(1472\)/);
      await arena.logged(
        /RTP packets larger than 1472 bytes are split into smaller ones \(received 65535 bytes\)/,
      );
      const largest = () => Math.max(...sizes.flat());
      await arena.server.until(() => largest() > 1_300, "the pieces have come");
      expect(largest()).toBeLessThanOrEqual(1_472);
      await client[Symbol.asyncDispose]();
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "a connection that ends in the middle of a frame gives everything back",
  async () => {
    await using arena = await Arena.start();
    for (const rest of [1, 3, 4, 50]) {
      const publisher = await TestPublisher.start(arena.url("cam"));
      const reader = await TestReader.start(arena.url("cam"), publisher.tracks);
      await reader.more(10);
      publisher.fallSilent();
      publisher.client.send(interleaved(0, new Uint8Array(60_000)).subarray(0, rest));
      publisher.client.halfClose();
      await Promise.all([publisher.client.closed, reader.client.closed]);
      expect(reader.faults).toEqual([]);
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "interleaved frames from readers and strangers are ignored",
  async () => {
    await using arena = await Arena.start();
    {
      await using stranger = await RtspClient.connect(arena.url("witness"));
      stranger.send(interleaved(0, new Uint8Array(65_535)));
      await stranger.must("OPTIONS");
      stranger.send(interleaved(77, new Uint8Array(0)));
      await stranger.must("DESCRIBE");
      await using announced = await TestPublisher.announce(arena.url("cam"));
      announced.client.send(interleaved(0, new Uint8Array(1_000)));
      await announced.record();
      await using reader = await TestReader.start(arena.url("cam"), announced.tracks);
      for (let i = 0; i < 100; i++) reader.client.send(interleaved(i, new Uint8Array(1_000)));
      await reader.more();
      expect(reader.faults).toEqual([]);
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "a frame of 20 MB is refused by name",
  async () => {
    await using arena = await Arena.start();
    {
      await using publisher = await TestPublisher.start(arena.url("cam"));
      await using reader = await TestReader.start(arena.url("cam"), publisher.tracks, { skips: true });
      await reader.more();
      publisher.fallSilent();
      const track = publisher.tracks[0]!;
      const packet = new Uint8Array(1_400);
      let sent = 0;
      const first = publisher.sent[0]!;
      for (let number = first; sent < 20 * MEGABYTE && !publisher.client.isClosed; number++) {
        track.write(packet, number);
        packet[1]! &= 0x7f;
        new DataView(packet.buffer).setUint32(4, track.timeOf(first));
        packet[12] = 0x7c;
        packet[13] = number === first ? 0x85 : 0x05;
        publisher.client.send(interleaved(0, packet));
        sent += packet.length;
        if (number % 64 === 0) await new Promise(setImmediate);
        await publisher.client.sent();
      }
      await Promise.all([publisher.client.closed, reader.client.closed]);
      await arena.logged(/closed \(frame is larger than 16777216 bytes\)/);
    }
    await arena.settle();
  },
  LIMIT_MS,
);
