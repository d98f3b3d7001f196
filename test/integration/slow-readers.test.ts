import { expect, test } from "bun:test";
import { join } from "node:path";
import { RtspClient } from "../support/rtsp-client.ts";
import { Arena, SHORT } from "./arena.ts";
import { encodeClip, H264Recording, H264Sender } from "./h264-clip.ts";
import { TestPublisher } from "./publisher.ts";
import { TestReader } from "./reader.ts";

const LIMIT_MS = 60_000;
const SMALL_BUFFER = 32_768;
/** How often a clip of 3 s is sent. */
const ROUNDS = 8;

/** Waits until the server has kept packets for a reader of `cam` for that long, ms. */
async function waitsFor(arena: Arena, ms: number): Promise<void> {
  type Listed = { items: { path: string; live: { lagMs?: number } }[] };
  await arena.server.until(async () => {
    const { items } = await arena.server.api<Listed>("/v2/rtspsessions/list");
    return items.some(({ path, live: { lagMs = 0 } }) => path === "cam" && lagMs > ms);
  }, "packets wait for a reader");
}

test(
  "a reader that stops reading is closed after writeTimeout; one that reads loses nothing",
  async () => {
    await using arena = await Arena.start({ timeouts: SHORT });
    {
      const options = { bytesPerSecond: 5_000_000 };
      await using publisher = await TestPublisher.start(arena.url("cam"), options);
      await using stalled = await TestReader.setUp(arena.url("cam"), publisher.tracks);
      await using other = await TestReader.start(arena.url("cam"), publisher.tracks);
      stalled.client.shrinkReceiveBuffer(SMALL_BUFFER);
      await stalled.play();
      await stalled.more();
      stalled.client.pause();
      const paused = performance.now();
      await waitsFor(arena, 0);
      const blocked = performance.now();
      await arena.logged(/closed \(write timeout: the reader does not read\)/);
      expect(performance.now() - paused).toBeGreaterThan(1_900);
      expect(performance.now() - blocked).toBeLessThan(5_000);
      await other.more(1_000);
      expect([...stalled.faults, ...other.faults]).toEqual([]);
      stalled.client.terminate();
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test(
  "a reader that stops for a moment goes on at a random access point",
  async () => {
    await using arena = await Arena.start();
    {
      const options = { bytesPerSecond: 8_000_000 };
      await using publisher = await TestPublisher.start(arena.url("cam"), options);
      await using reader = await TestReader.setUp(arena.url("cam"), publisher.tracks, { skips: true });
      reader.client.shrinkReceiveBuffer(SMALL_BUFFER);
      await reader.play();
      await reader.more();
      reader.client.pause();
      await waitsFor(arena, 500); // 3,000 packets
      reader.client.resume();
      await arena.logged(/write queue is full, \d+ packets skipped/);
      await reader.more(2_000);
      expect(reader.faults).toEqual([]);
      expect(reader.checks[0]!.lost).toBeGreaterThan(0);
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test(
  "stalled readers of many streams cannot use up the media memory: publishers go on",
  async () => {
    // 3 MB/s of each stream: 48 MB within the timeout
    await using arena = await Arena.start({ config: "mediaMemory: 16M", timeouts: "4s", peakMb: 300 });
    const streams = await Promise.all(
      [1, 2, 3, 4].map(async (seed) => {
        const url = arena.url(`cam${seed}`);
        const publisher = await TestPublisher.start(url, { seed, bytesPerSecond: 3_000_000 });
        const reader = await TestReader.start(url, publisher.tracks);
        const stalled = await Promise.all([0, 1, 2, 3, 4].map(() => TestReader.setUp(url, publisher.tracks)));
        for (const { client } of stalled) client.shrinkReceiveBuffer(SMALL_BUFFER);
        await Promise.all(stalled.map((each) => each.play()));
        for (const { client } of stalled) client.pause();
        return { publisher, reader, stalled };
      }),
    );
    const closed = () => arena.server.log.match(/closed \(write timeout/g)?.length ?? 0;
    await arena.server.until(() => closed() === 20, "all stalled readers are closed", 25_000);
    for (const { publisher, reader, stalled } of streams) {
      await reader.more(1_000);
      expect(reader.faults).toEqual([]);
      for (const { client } of stalled) client.terminate();
      await reader[Symbol.asyncDispose]();
      await publisher[Symbol.asyncDispose]();
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.skipIf(Bun.which("ffmpeg") === null)(
  "a reader at half speed gets whole pictures that decode without error",
  async () => {
    const clip = encodeClip(3);
    await using arena = await Arena.start();
    const total = clip.flat().reduce((sum, { length }) => sum + length, 0);
    const recording = new H264Recording();
    {
      await using publisher = await RtspClient.connect(arena.url("cam"));
      const body =
        "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n";
      await publisher.must("ANNOUNCE", { headers: { "Content-Type": "application/sdp" }, body });
      await publisher.must("SETUP", {
        headers: { Transport: "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record" },
      });
      await publisher.must("RECORD");
      await using reader = await RtspClient.connect(arena.url("cam"));
      reader.shrinkReceiveBuffer(SMALL_BUFFER);
      reader.onFrame = (channel, payload) => {
        if (channel === 0) recording.receive(payload);
      };
      await reader.must("SETUP", {
        url: "/trackID=0",
        headers: { Transport: "RTP/AVP/TCP;unicast;interleaved=0-1" },
      });
      await reader.must("PLAY", { url: "/" });
      await play(clip, publisher, reader, total);
      expect(reader.isClosed).toBe(false);
    }
    expect(recording.faults).toEqual([]);
    expect(recording.pictures).toBeGreaterThan(100);
    expect(recording.pictures).toBeLessThan(ROUNDS * clip.length);
    await arena.logged(/write queue is full, \d+ packets skipped/);
    expect(await recording.decode(join(arena.server.folder, "half.h264"))).toBe("");
    await arena.settle();
  },
  LIMIT_MS,
);

/** Sends the clip so often, at four times its speed, while the reader takes half of that. */
async function play(
  clip: Buffer[][],
  publisher: RtspClient,
  reader: RtspClient,
  total: number,
): Promise<void> {
  const sender = new H264Sender();
  const unitMs = 5;
  const bytesPerMs = total / (clip.length * unitMs) / 2;
  const start = performance.now();
  for (let i = 0; i < ROUNDS * clip.length; ) {
    const elapsed = performance.now() - start;
    if (reader.bytesReceived > elapsed * bytesPerMs) reader.pause();
    else reader.resume();
    while (i < elapsed / unitMs && i < ROUNDS * clip.length) {
      publisher.send(sender.packets(clip[i % clip.length]!, i * 1_800));
      i++;
    }
    await Bun.sleep(2);
  }
  reader.resume();
}
