import { expect } from "bun:test";
import { clip, longClip } from "../support/clips.ts";
import { TestServer } from "../support/server.ts";
import { clientTest, ffmpeg, ffmpegPublisher, ffmpegReader, gstPipeline } from "../support/tools.ts";
import { checkListing, frameList, H264_SLICES } from "./recording.ts";

const TIMEOUT_MS = 60_000;
const LIST = frameList("0:0", H264_SLICES);

/** Bytes sent to readers. */
async function sentTo(server: TestServer): Promise<number> {
  const { items } = await server.api<{ items: { bytesSent: number }[] }>("/v2/rtspsessions/list");
  return items.reduce((sum, { bytesSent }) => sum + bytesSent, 0);
}

clientTest("a second publisher takes over, and readers of the first go", ["ffmpeg"], TIMEOUT_MS, async () => {
  const file = await clip("h264");
  await using server = await TestServer.start();
  const url = server.rtsp("cam");
  await using first = ffmpegPublisher(file, url);
  const [, id] = await server.waitForLog(/\[session (\w{8})\] is publishing to path 'cam', 1 track \(H264\)/);
  await using reader = ffmpegReader(url, LIST);
  const [, readerId] = await server.waitForLog(/\[session (\w{8})\] is reading from path 'cam'/);
  await server.until(async () => (await sentTo(server)) > 100_000, "the reader has some seconds");
  const mark = server.log.length;
  await using second = ffmpegPublisher(file, url);
  await server.waitForLog(/INF \[path cam\] closing existing publisher\n/, mark);
  await server.waitForLog(
    new RegExp(`INF \\[RTSP\\] \\[session ${readerId}\\] destroyed \\(terminated\\)`),
    mark,
  );
  await server.waitForLog(new RegExp(`INF \\[RTSP\\] \\[session ${id}\\] destroyed \\(terminated\\)`), mark);
  await server.waitForLog(/is publishing to path 'cam'/, mark);
  expect((await first.ended).code).not.toBe(0);
  const sent = (await ffmpeg("-i", file, ...LIST)).stdout;
  checkListing(sent, (await reader.ended).stdout, 25);
  await using next = ffmpegReader(url, ["-frames:0", "60", ...LIST]);
  checkListing(sent, (await next.success()).stdout, 59);
  expect(second.running).toBe(true);
  expect(server.log).not.toContain(" ERR ");
});

clientTest("without overridePublisher the second publisher is refused", ["ffmpeg"], TIMEOUT_MS, async () => {
  const file = await clip("h264");
  await using server = await TestServer.start({ config: "paths:\n  all:\n    overridePublisher: no\n" });
  const url = server.rtsp("cam");
  await using first = ffmpegPublisher(file, url);
  await server.waitForLog(/is publishing/);
  await using reader = ffmpegReader(url, ["-frames:0", "120", ...LIST]);
  await server.waitForLog(/is reading/);
  await using second = ffmpegPublisher(file, url);
  const refused = await second.ended;
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain("400 Bad Request");
  await server.waitForLog(/closed \(someone is already publishing to path 'cam'\)/);
  checkListing((await ffmpeg("-i", file, ...LIST)).stdout, (await reader.success()).stdout, 119);
  expect(first.running).toBe(true);
});

clientTest("a publisher that ends takes its readers with it", ["ffmpeg"], TIMEOUT_MS, async () => {
  const file = await clip("h264");
  await using server = await TestServer.start();
  const url = server.rtsp("cam");
  await using publisher = ffmpegPublisher(file, url);
  await server.waitForLog(/is publishing/);
  await using reader = ffmpegReader(url, LIST);
  await server.waitForLog(/is reading/);
  await server.until(async () => (await sentTo(server)) > 150_000, "the reader has some seconds");
  await publisher.stop();
  await server.waitForLog(/destroyed \(torn down by 127\.0\.0\.1:\d+\)/);
  checkListing((await ffmpeg("-i", file, ...LIST)).stdout, (await reader.ended).stdout, 25);
  await server.until(async () => {
    const { items } = await server.api<{ items: unknown[] }>("/v2/paths/list");
    return items.length === 0;
  }, "the path is gone");
});

clientTest(
  "GStreamer publishes picture and sound, and says goodbye",
  ["ffmpeg", "gst-launch-1.0", "rtspclientsink"],
  TIMEOUT_MS,
  async () => {
    const file = await clip("av");
    await using server = await TestServer.start();
    const url = server.rtsp("cam");
    await using publisher = gstPipeline(
      `filesrc location=${await longClip("av")} ! qtdemux name=d rtspclientsink name=s protocols=tcp latency=0 location=${url} ` +
        "d.video_0 ! queue ! h264parse ! s. d.audio_0 ! queue ! aacparse ! s.",
    );
    await server.waitForLog(
      /is publishing to path 'cam', 2 tracks \((H264, MPEG-4 Audio|MPEG-4 Audio, H264)\)/,
    );
    await using reader = ffmpegReader(url, ["-frames:0", "100", ...frameList("0:v:0", H264_SLICES)]);
    checkListing((await ffmpeg("-i", file, ...LIST)).stdout, (await reader.success()).stdout, 99);
    publisher.kill("SIGINT");
    await server.waitForLog(/destroyed \(torn down by 127\.0\.0\.1:\d+\)/);
  },
);
