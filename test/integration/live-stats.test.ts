import { describe, expect, test } from "bun:test";
import { TestServer } from "../support/server.ts";
import { ClipPublisher } from "./clip-publisher.ts";
import { encodeSmall } from "./h264-clip.ts";
import { TestPublisher } from "./publisher.ts";
import { TestReader } from "./reader.ts";

const TIMEOUT_MS = 60_000;
const FRAME = 3_600;

type Live = Readonly<Record<string, number>>;

interface Item {
  readonly state?: string;
  readonly remoteAddr?: string;
  readonly live: Live;
}

async function items(server: TestServer, name: string): Promise<readonly Item[]> {
  return (await server.api<{ items: Item[] }>(`/v2/${name}/list`)).items;
}

async function pathLive(server: TestServer, name: string): Promise<Live> {
  return (await server.api<Item>(`/v2/paths/get/${name}`)).live;
}

const near = (value: number | undefined, wanted: number, part: number) =>
  value !== undefined && Math.abs(value - wanted) <= wanted * part;

describe("live stats", () => {
  test.concurrent(
    "of a stream, its publisher and its readers",
    async () => {
      await using server = await TestServer.start();
      await using publisher = await TestPublisher.start(server.rtsp("cam"));
      await using reader = await TestReader.start(server.rtsp("cam"), publisher.tracks);
      await using deaf = await TestReader.setUp(server.rtsp("cam"), publisher.tracks, { udp: true });
      await deaf.play();
      const bitrate = publisher.tracks.reduce((sum, { options }) => {
        return sum + 8 * options.packetBytes * options.packetsPerFrame * options.framesPerSecond;
      }, 0);
      const video = publisher.tracks[0]!.options;
      let path: Live = {};
      await server.until(async () => {
        path = await pathLive(server, "cam");
        const { bitrateIn, bitrateOut, frameRate } = path;
        return (
          near(bitrateIn, bitrate, 0.1) &&
          near(bitrateOut, 2 * bitrate, 0.1) &&
          near(frameRate, video.framesPerSecond, 0.01)
        );
      }, "the path's rates are those of the publisher");
      expect(path).toMatchObject({ gopFrames: video.gop, packetsLost: 0, framesDropped: 0 });
      expect(path["keyFrameAgeMs"]).toBeLessThan((1.5 * 1000 * video.gop) / video.framesPerSecond);
      expect(path["lagMs"]).toBeLessThan(500);

      const sessions = await items(server, "rtspsessions");
      const [published, read, datagrams] = sessions.map(({ live }) => live);
      expect(sessions.map(({ state }) => state)).toEqual(["publish", "read", "read"]);
      expect(near(published?.["bitrateIn"], bitrate, 0.2)).toBe(true);
      expect(Object.keys(published ?? {})).not.toContain("bitrateOut");
      expect(Object.keys(published ?? {})).toContain("frameRate");
      expect(near(read?.["bitrateOut"], bitrate, 0.2)).toBe(true);
      expect(read).toMatchObject({ packetsLost: 0, framesDropped: 0 });
      expect(Object.keys(datagrams ?? {})).toEqual(["bitrateOut"]);

      const conns = (await items(server, "rtspconns")).map(({ live }) => live);
      expect(near(conns[0]?.["bitrateIn"], bitrate, 0.2)).toBe(true);
      expect(near(conns[1]?.["bitrateOut"], bitrate, 0.2)).toBe(true);
      expect(reader.faults).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test.concurrent(
    "a stream that stands still has no rates, and its key frame gets older",
    async () => {
      await using server = await TestServer.start();
      await using publisher = await TestPublisher.start(server.rtsp("cam"));
      const rate = async () => (await pathLive(server, "cam"))["frameRate"] ?? 0;
      await server.until(async () => (await rate()) > 1, "there is a rate");
      publisher.fallSilent();
      await server.until(async () => (await rate()) === 0, "the rate is 0");
      const { bitrateIn, keyFrameAgeMs } = await pathLive(server, "cam");
      expect(bitrateIn).toBe(0);
      expect(keyFrameAgeMs).toBeGreaterThan(3_000);
    },
    TIMEOUT_MS,
  );

  test.concurrent(
    "the size of the picture is that of the parameter sets, in band",
    async () => {
      const clip = encodeSmall();
      await using server = await TestServer.start();
      await using publisher = await ClipPublisher.start(server.rtsp("cam"));
      publisher.run(clip.slice(0, 60), 0, FRAME);
      await server.until(async () => "gopFrames" in (await pathLive(server, "cam")), "two key frames came");
      const { width, height, gopFrames } = await pathLive(server, "cam");
      expect([width, height, gopFrames]).toEqual([320, 240, 25]);
    },
    TIMEOUT_MS,
  );

  test.concurrent(
    "a path without a stream has stats too",
    async () => {
      await using server = await TestServer.start({ config: "paths:\n  cam:\n" });
      expect(await pathLive(server, "cam")).toEqual({
        bitrateIn: 0,
        bitrateOut: 0,
        lagMs: 0,
        framesDropped: 0,
      });
    },
    TIMEOUT_MS,
  );
});
