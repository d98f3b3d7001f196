import { expect } from "bun:test";
import { clip, longClip } from "../support/clips.ts";
import { TestServer } from "../support/server.ts";
import { type Client, clientTest, ffmpegPublisher, ffmpegReader, gstPipeline } from "../support/tools.ts";
import { Folder } from "./recording.ts";
import { distances, expectRisingTimes, middle, TOLERANCE_MS } from "./sync.ts";

/**
 * Publishes, records readers that come at different times, and compares each with the clip.
 *
 * @param delays when they come, ms after the publisher; the last one stays longer and gets sender reports meanwhile
 */
async function expectSync(
  delays: readonly number[],
  publish: (url: string) => Promise<Client>,
): Promise<void> {
  using folder = new Folder();
  const original = middle(await distances(await clip("sync")));
  await using server = await TestServer.start();
  const url = server.rtsp("sync");
  await using _ = await publish(url);
  await server.waitForLog(/is publishing to path 'sync', 2 tracks/);
  await Promise.all(
    delays.map(async (delay, i) => {
      await Bun.sleep(delay);
      const file = folder.file(`${i}.mkv`);
      await using reader = ffmpegReader(url, [
        "-c",
        "copy",
        "-t",
        i === delays.length - 1 ? "14" : "8",
        file,
      ]);
      await reader.success();
      const found = await distances(file);
      expect(found.length).toBeGreaterThan(4);
      expect(Math.abs(middle(found) - original)).toBeLessThanOrEqual(TOLERANCE_MS);
      await expectRisingTimes(file);
    }),
  );
}

clientTest("sound stays with its picture, FFmpeg publishing", ["ffmpeg", "ffprobe"], 60_000, async () => {
  await expectSync([0, 3_300, 5_700], async (url) => ffmpegPublisher(await longClip("sync"), url));
});

clientTest(
  "sound stays with its picture, GStreamer publishing",
  ["ffmpeg", "ffprobe", "rtspclientsink"],
  60_000,
  async () => {
    const file = await longClip("sync");
    // GStreamer sends its first sender reports after some seconds; until then arrival must do
    await expectSync([6_000, 9_300], async (url) =>
      gstPipeline(
        `filesrc location=${file} ! qtdemux name=d rtspclientsink name=s protocols=tcp latency=0 location=${url} ` +
          "d.video_0 ! queue ! h264parse ! s. d.audio_0 ! queue ! aacparse ! s.",
      ),
    );
  },
);
