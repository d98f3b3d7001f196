import { expect } from "bun:test";
import { copyFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Marked } from "../integration/hook-processes.ts";
import { clip } from "../support/clips.ts";
import { TestServer } from "../support/server.ts";
import { Client, clientTest, ffmpegPublisher, ffmpegReader } from "../support/tools.ts";

const LIMIT_MS = 60_000;

/** Reads that many frames of picture; names the codecs that were there. */
async function read(url: string, frames = 50): Promise<void> {
  await using reader = ffmpegReader(url, [
    "-map",
    "0:v:0",
    "-c",
    "copy",
    "-frames:v",
    String(frames),
    "-f",
    "null",
    "-",
  ]);
  await reader.success();
}

/** Codec names of a file or URL, in the order of the streams. */
async function codecs(input: string): Promise<string> {
  await using probe = new Client(
    ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", input],
    30_000,
  );
  return new TextDecoder()
    .decode((await probe.success()).stdout)
    .trim()
    .split(/\s+/)
    .join(" ");
}

function lines(server: TestServer, path: string, hook: string): string[] {
  return [...server.log.matchAll(new RegExp(`\\[path ${path}\\] ${hook} command (\\w+)`, "g"))].map(
    ([, verb = ""]) => verb,
  );
}

clientTest("on-demand publishing, as the README has it", ["ffmpeg"], LIMIT_MS, async () => {
  const marked = new Marked();
  await using server = await TestServer.start({
    config:
      "paths:\n  ondemand:\n" +
      "    runOnDemand: ffmpeg -re -stream_loop -1 -i file.ts -c copy -f rtsp rtsp://localhost:$RTSP_PORT/$MTX_PATH\n" +
      "    runOnDemandRestart: yes\n    runOnDemandCloseAfter: 1s\n",
    env: marked.env,
  });
  copyFileSync(await clip("tsMp3"), join(server.folder, "file.ts"));
  expect(marked.matching(/^ffmpeg/)).toEqual([]);
  await Promise.all([read(server.rtsp("ondemand")), read(server.rtsp("ondemand"))]);
  await server.until(() => marked.matching(/^ffmpeg/).length === 0, "FFmpeg has ended");
  await server.until(
    () => lines(server, "ondemand", "runOnDemand").length > 1,
    "the end of the command is logged",
  );
  expect(lines(server, "ondemand", "runOnDemand")).toEqual(["started", "stopped"]);
  const playlist = await fetch(server.hls("ondemand/index.m3u8"));
  expect(playlist.status).toBe(200);
  expect(await codecs(server.hls("ondemand/index.m3u8"))).toContain("h264");
  expect(lines(server, "ondemand", "runOnDemand")).toEqual(["started", "stopped", "started"]);
});

clientTest("re-encoding, as the README has it", ["ffmpeg", "ffprobe"], LIMIT_MS, async () => {
  const marked = new Marked();
  await using server = await TestServer.start({
    config: `paths:
  all:
  original:
    runOnReady: >
      ffmpeg -i rtsp://localhost:$RTSP_PORT/$MTX_PATH
        -pix_fmt yuv420p -c:v libx264 -preset ultrafast -b:v 600k
        -max_muxing_queue_size 1024 -f rtsp rtsp://localhost:$RTSP_PORT/compressed
    runOnReadyRestart: yes
`,
    env: marked.env,
  });
  await using publisher = ffmpegPublisher(await clip("mpeg4"), server.rtsp("original"));
  await server.waitForLog(/is publishing to path 'compressed'/);
  await read(server.rtsp("compressed"));
  expect(await codecs(server.rtsp("compressed"))).toBe("h264");
  await publisher.stop();
  await server.until(() => marked.matching(/^ffmpeg/).length === 0, "FFmpeg has ended");
  await server.until(
    () => lines(server, "original", "runOnReady").length > 1,
    "the end of the command is logged",
  );
  expect(lines(server, "original", "runOnReady")).toEqual(["started", "stopped"]);
});

clientTest("saving to disk, as the README has it", ["ffmpeg", "ffprobe"], LIMIT_MS, async () => {
  const marked = new Marked();
  await using server = await TestServer.start({
    config: `paths:
  all:
    runOnReady: >
      ffmpeg -i rtsp://localhost:$RTSP_PORT/$MTX_PATH
      -c copy
      -f segment -strftime 1 -segment_time 60 -segment_format mpegts saved_%Y-%m-%d_%H-%M-%S.ts
    runOnReadyRestart: yes
`,
    env: marked.env,
  });
  await using publisher = ffmpegPublisher(await clip("tsMp3"), server.rtsp("cam"));
  await server.waitForLog(/is reading from path 'cam'/);
  await read(server.rtsp("cam"), 75);
  await publisher.stop();
  await server.until(() => marked.matching(/^ffmpeg/).length === 0, "FFmpeg has ended");
  const saved = readdirSync(server.folder).filter((name) =>
    /^saved_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d\.ts$/.test(name),
  );
  expect(saved).toHaveLength(1);
  expect(await codecs(join(server.folder, saved[0] ?? ""))).toMatch(/h264 mp3|mp3 h264/);
});

clientTest("forwarding to another server, as the README has it", ["ffmpeg"], LIMIT_MS, async () => {
  await using other = await TestServer.start();
  await using server = await TestServer.start({
    config: `paths:
  all:
    runOnReady: >
      ffmpeg -i rtsp://localhost:$RTSP_PORT/$MTX_PATH
      -c copy
      -f rtsp ${other.rtsp("another-path")}
    runOnReadyRestart: yes
`,
  });
  await using publisher = ffmpegPublisher(await clip("av"), server.rtsp("cam"));
  await other.waitForLog(/is publishing to path 'another-path', 2 tracks/);
  await read(other.rtsp("another-path"));
  expect(publisher.running).toBe(true);
});

clientTest(
  "a device published by FFmpeg from the start, as the README has it for a webcam",
  ["ffmpeg"],
  LIMIT_MS,
  async () => {
    await using server = await TestServer.start({
      config: `paths:
  cam:
    runOnInit: ffmpeg -re -f lavfi -i testsrc2 -pix_fmt yuv420p -preset ultrafast -b:v 600k -f rtsp rtsp://localhost:$RTSP_PORT/$MTX_PATH
    runOnInitRestart: yes
`,
    });
    await server.waitForLog(/is publishing to path 'cam'/);
    expect(server.log).not.toContain("command exited"); // the first try found the server listening
    await read(server.rtsp("cam"));
  },
);

clientTest(
  "sound added by GStreamer, as the README has it for a camera and a microphone",
  ["ffmpeg", "ffprobe", "gst-launch-1.0", "rtspclientsink"],
  LIMIT_MS,
  async () => {
    await using server = await TestServer.start({
      config: `paths:
  cam:
    runOnReady: >
      gst-launch-1.0
      rtspclientsink name=s location=rtsp://localhost:$RTSP_PORT/cam_with_audio
      rtspsrc location=rtsp://127.0.0.1:$RTSP_PORT/$MTX_PATH latency=0 ! rtph264depay ! s.
      audiotestsrc is-live=true ! opusenc bitrate=16000 ! s.
    runOnReadyRestart: yes
  cam_with_audio:
`,
    });
    await using publisher = ffmpegPublisher(await clip("h264"), server.rtsp("cam"));
    await server.waitForLog(/is publishing to path 'cam_with_audio', 2 tracks/);
    await read(server.rtsp("cam_with_audio"));
    expect(await codecs(server.rtsp("cam_with_audio"))).toMatch(/h264 opus|opus h264/);
    expect(publisher.running).toBe(true);
  },
);
