import { expect } from "bun:test";
import { clip, longClip } from "../support/clips.ts";
import { TestServer } from "../support/server.ts";
import { Client, clientTest, ffmpegPublisher, ffmpegRtspInput } from "../support/tools.ts";
import { Folder } from "./recording.ts";
import { distances, expectRisingTimes, middle, TOLERANCE_MS } from "./sync.ts";

const LIMIT_MS = 90_000;
const QUIET = ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "warning"];

/** Records both ways at different times, and compares each recording with the clip. */
async function expectSync(publish: (server: TestServer) => Promise<Client>): Promise<void> {
  using folder = new Folder();
  const original = middle(await distances(await clip("sync")));
  await using server = await TestServer.start();
  await using _ = await publish(server);
  await server.waitForLog(/is publishing to path 'sync', 2 tracks/);
  const readers: readonly (readonly [delay: number, input: readonly string[]])[] = [
    [0, ["-i", server.rtmp("sync")]],
    [0, [...ffmpegRtspInput("tcp"), "-i", server.rtsp("sync")]],
    [3_300, ["-i", server.rtmp("sync")]],
  ];
  await Promise.all(
    readers.map(async ([delay, input], i) => {
      await Bun.sleep(delay);
      const file = folder.file(`${i}.mkv`);
      await using reader = new Client([...QUIET, ...input, "-c", "copy", "-t", "9", file]);
      await reader.success();
      const found = await distances(file);
      expect(found.length).toBeGreaterThan(4);
      expect(Math.abs(middle(found) - original)).toBeLessThanOrEqual(TOLERANCE_MS);
      await expectRisingTimes(file);
    }),
  );
}

clientTest("sound stays with its picture, published over RTMP", ["ffmpeg", "ffprobe"], LIMIT_MS, async () => {
  await expectSync(async (server) => {
    const input = ["-re", "-stream_loop", "-1", "-i", await longClip("sync"), "-c", "copy"];
    return new Client([...QUIET, ...input, "-f", "flv", server.rtmp("sync")], 120_000);
  });
});

clientTest("sound stays with its picture, published over RTSP", ["ffmpeg", "ffprobe"], LIMIT_MS, async () => {
  await expectSync(async (server) => ffmpegPublisher(await longClip("sync"), server.rtsp("sync")));
});
