import { describe, expect } from "bun:test";
import { clip } from "../support/clips.ts";
import { TestServer } from "../support/server.ts";
import { Client, clientTest, ffmpegPublisher } from "../support/tools.ts";
import { BrowserPage } from "./browser.ts";
import { Published } from "./hls-published.ts";
import { checkRecording, checkSound, Folder, H264_SLICES, H265_SLICES } from "./recording.ts";

const TIMEOUT_MS = 90_000;
const VARIANTS = ["lowLatency", "fmp4", "mpegts"] as const;

/** Records with FFmpeg. */
async function record(url: string, file: string, seconds: number): Promise<void> {
  const command = ["ffmpeg", "-nostdin", "-y", "-loglevel", "error", "-i", url, "-t", String(seconds)];
  await using reader = new Client([...command, "-c", "copy", file]);
  await reader.success();
}

describe("HLS", () => {
  for (const variant of VARIANTS) {
    clientTest(
      `${variant}: FFmpeg gets a run of what was published, in time`,
      ["ffmpeg"],
      TIMEOUT_MS,
      async () => {
        const source = await clip("av");
        await using pair = await Published.start(variant, source);
        using folder = new Folder();
        const file = folder.file("out.mp4");
        await record(pair.url("index.m3u8"), file, 12);
        await checkRecording(file, source, { stream: "0:v:0", filter: H264_SLICES, frames: 250 });
        await checkSound(file, source, 450);
        expect(pair.server.log).not.toMatch(/ (WAR|ERR) /);
      },
    );

    clientTest(`${variant}: Chromium plays the page`, ["ffmpeg", "chromium"], TIMEOUT_MS, async () => {
      await using pair = await Published.start(variant, await clip("av"));
      await using browser = await BrowserPage.open(pair.url(""));
      const first = await browser.until(({ frames }) => frames > 25);
      const later = await browser.until(({ frames }) => frames > first.frames + 75);
      expect(later.time - first.time).toBeGreaterThan(2.5);
      expect(later.message).toBe("");
      expect(later.width).toBeGreaterThan(0);
      const isClose = await browser.until(({ behind }) => behind < (variant === "lowLatency" ? 3 : 8));
      expect(isClose.frames).toBeGreaterThan(100);
    });
  }

  for (const variant of VARIANTS) {
    clientTest(
      `${variant}: the page goes over to a publisher that takes the place of another`,
      ["ffmpeg", "chromium"],
      TIMEOUT_MS,
      async () => {
        await using pair = await Published.start(variant, await clip("h264"));
        await using browser = await BrowserPage.open(pair.url(""));
        await browser.until(({ frames }) => frames > 250); // its playlist starts anew, far behind this one
        const turned = await clip("h264Turned");
        await using _ = ffmpegPublisher(turned, pair.server.rtsp("cam"));
        const { frames } = await browser.until(({ width }) => width === 240, 10_000);
        await browser.until((now) => now.frames > frames + 50, 5_000);
      },
    );
  }

  for (const variant of VARIANTS) {
    clientTest(
      `${variant}: FFmpeg shows a publisher that takes the place of another`,
      ["ffmpeg"],
      TIMEOUT_MS,
      async () => {
        await using pair = await Published.start(variant, await clip("h264"));
        const command = ["ffmpeg", "-nostdin", "-loglevel", "info", "-i", pair.url("index.m3u8")];
        await using reader = new Client([...command, "-t", "14", "-f", "null", "-"]);
        const turned = await clip("h264Turned");
        const isLater = async () => /_seg1\d\./.test(await pair.text("stream.m3u8"));
        await pair.server.until(isLater, "some seconds of the first one", 20_000);
        await using _ = ffmpegPublisher(turned, pair.server.rtsp("cam"));
        const { stderr } = await reader.success();
        expect(stderr).not.toMatch(/error while decoding|concealing/);
      },
    );
  }

  for (const [name, codec, filter] of [
    ["H264 with B frames", "h264Bframes", H264_SLICES],
    ["H265", "h265", H265_SLICES],
  ] as const) {
    clientTest(`${name}: FFmpeg gets a run of what was published`, ["ffmpeg"], TIMEOUT_MS, async () => {
      const source = await clip(codec);
      await using pair = await Published.start("fmp4", source);
      using folder = new Folder();
      const file = folder.file("out.mp4");
      await record(pair.url("index.m3u8"), file, 8);
      await checkRecording(file, source, { stream: "0:v:0", filter, frames: 150 });
    });
  }

  clientTest(
    "Opus alone: segments by time, and FFmpeg gets a run of it",
    ["ffmpeg"],
    TIMEOUT_MS,
    async () => {
      const source = await clip("opus");
      await using pair = await Published.start("lowLatency", source);
      const index = await (await fetch(pair.url("index.m3u8"))).text();
      expect(index).toContain('CODECS="opus"\n');
      using folder = new Folder();
      const file = folder.file("out.mp4");
      await record(pair.url("index.m3u8"), file, 6);
      await checkRecording(file, source, { stream: "0:a:0", frames: 250 });
    },
  );

  clientTest(
    "a page says what is wrong, and recovers by itself",
    ["ffmpeg", "chromium"],
    TIMEOUT_MS,
    async () => {
      await using server = await TestServer.start();
      await using browser = await BrowserPage.open(server.hls("cam/"));
      await browser.until(({ message }) => message.startsWith("stream not found"));
      await using _ = ffmpegPublisher(await clip("av"), server.rtsp("cam"));
      await browser.until(({ frames, message }) => frames > 10 && message === "", 30_000);
      await using other = await BrowserPage.open(server.hls("h265/"));
      await using __ = ffmpegPublisher(await clip("h265"), server.rtsp("h265"));
      await other.until(({ message }) => message.startsWith("this browser cannot play hvc1."), 30_000);
    },
  );
});
