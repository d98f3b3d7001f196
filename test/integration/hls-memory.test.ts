import { beforeAll, describe, expect, test } from "bun:test";
import type { Socket } from "bun";
import { type Load, type PublishResult, startPublishers, startViewers } from "../bench/load.ts";
import { buildTools, canBuildTools } from "../bench/tools.ts";
import { countDescriptors, readResident } from "../bench/usage.ts";
import { TestServer } from "../support/server.ts";

const LIMIT_MS = 90_000;
const MB = 1024 * 1024;
const STALLED = 20;
const CAN = canBuildTools();

beforeAll(() => {
  if (CAN) buildTools();
});

async function published(config: string, count = 1, bitrate = 5_000_000) {
  const server = await TestServer.start({ config: `${config}\npaths:\n  all:\n` });
  const publishers = startPublishers({ port: server.rtspPort, count, prefix: "cam", bitrate });
  await publishers.ready();
  return {
    server,
    publishers,
    async [Symbol.asyncDispose]() {
      await publishers[Symbol.asyncDispose]();
      await server.stop();
    },
  };
}

/** Asks for a file and stops reading as soon as something of it comes. */
function stall(server: TestServer, file: string): Promise<Socket<undefined>> {
  const port = Number(new URL(server.hls("")).port);
  return new Promise((resolve, reject) => {
    void Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        open: (socket) => {
          socket.write(`GET /${file} HTTP/1.1\r\nHost: a\r\n\r\n`);
        },
        data: (socket) => {
          socket.pause();
          resolve(socket);
        },
        error: (_, error) => reject(error),
        connectError: (_, error) => reject(error),
      },
    });
  });
}

/** The time in which memory could grow. */
const WATCH_MS = 7_500;

describe.skipIf(!CAN)("memory of HLS", () => {
  test(
    "stays flat with 300 viewers, and with 20 clients that stop reading in mid-download",
    async () => {
      // segments of 10 MB: more than the kernel takes for a client that does not read
      const config = "hlsSegmentDuration: 2s\nhlsSegmentCount: 7";
      await using stream = await published(config, 1, 40_000_000);
      const { server } = stream;
      const count = 300;
      await using viewers = startViewers({ port: portOf(server), prefix: "cam", count: 20, seconds: 30 });
      await using others = await quietStream(server);
      await using more = startViewers({ port: portOf(server), prefix: "quiet", count, seconds: 30 });
      expect(await more.ready()).toBe(count);
      const descriptors = countDescriptors(server.pid);
      const segment = await newestSegment(server, "cam0");
      // what the playlists hold comes and goes with their segments
      const held = async () =>
        (readResident(server.pid) - ((await server.metric("media_hls_bytes")) ?? 0)) / MB;
      const before = await held();
      const stalled = await Promise.all(
        Array.from({ length: STALLED }, () => stall(server, `cam0/${segment}`)),
      );
      const sizes: number[] = [];
      const end = performance.now() + WATCH_MS;
      await server.until(async () => {
        sizes.push(await held());
        return performance.now() > end;
      }, "it has been watched");
      expect(countDescriptors(server.pid)).toBeGreaterThanOrEqual(descriptors + STALLED);
      // twenty copies of what they hold would be 200 MB
      expect(Math.max(...sizes) - before).toBeLessThan(100);
      for (const socket of stalled) socket.terminate();
      await server.until(() => countDescriptors(server.pid) <= descriptors + 5, "descriptors are back");
      expect(await viewers.stop()).toMatchObject({ mismatches: 0, closed: 0 });
      expect(await more.stop()).toMatchObject({ mismatches: 0, closed: 0 });
      expect((await others.stop()).closed).toBe(0);
    },
    LIMIT_MS,
  );

  test(
    "has a budget: who comes when it is used up is refused by name, who is there goes on",
    async () => {
      await using stream = await published("hlsMemory: 4M\nhlsSegmentCount: 20");
      const { server } = stream;
      const get = (path: string) => fetch(server.hls(`${path}/stream.m3u8`));
      expect((await get("cam0")).status).toBe(200);
      await using others = await quietStream(server);
      const isUsedUp = async () => ((await server.metric("media_hls_bytes")) ?? 0) > 3.7 * MB;
      await server.until(isUsedUp, "the memory is used up");
      const refused = await get("quiet0");
      expect(refused.status).toBe(404);
      expect(refused.headers.get("cache-control")).toBe("no-store");
      await server.waitForLog(
        /WAR \[HLS\] \d+ playlist requests refused: HLS memory is used up \('hlsMemory'\)/,
      );
      const first = await (await get("cam0")).text();
      await server.until(async () => (await (await get("cam0")).text()) !== first, "the first one goes on");
      expect((await others.stop()).closed).toBe(0);
    },
    LIMIT_MS,
  );
});

function portOf(server: TestServer): number {
  return Number(new URL(server.hls("")).port);
}

/** Another stream, `quiet0`, of 1 Mbit/s. */
async function quietStream(server: TestServer): Promise<Load<PublishResult>> {
  const publisher = startPublishers({ port: server.rtspPort, count: 1, prefix: "quiet", bitrate: 1_000_000 });
  await publisher.ready();
  return publisher;
}

async function newestSegment(server: TestServer, path: string): Promise<string> {
  const text = await (await fetch(server.hls(`${path}/stream.m3u8`))).text();
  return [...text.matchAll(/^\w+_seg\d+\.mp4/gm)].at(-1)?.[0] ?? "";
}
