import { describe, expect } from "bun:test";
import { clip } from "../support/clips.ts";
import { TestServer } from "../support/server.ts";
import { clientTest, ffmpegPublisher } from "../support/tools.ts";
import { BrowserPage } from "./browser.ts";
import { Published } from "./hls-published.ts";

const TIMEOUT_MS = 90_000;
const VARIANTS = ["lowLatency", "fmp4", "mpegts"] as const;

describe("a page of HLS", () => {
  for (const variant of VARIANTS) {
    clientTest(`${variant}: Chromium plays it`, ["ffmpeg", "chromium"], TIMEOUT_MS, async () => {
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
      `${variant}: it goes over to a publisher that takes the place of another`,
      ["ffmpeg", "chromium"],
      TIMEOUT_MS,
      async () => {
        await using pair = await Published.start(variant, await clip("h264"));
        await using browser = await BrowserPage.open(pair.url(""));
        await browser.until(({ frames }) => frames > 150); // its playlist starts anew, far behind this one
        const turned = await clip("h264Turned");
        await using _ = ffmpegPublisher(turned, pair.server.rtsp("cam"));
        const { frames } = await browser.until(({ width }) => width === 240, 10_000);
        await browser.until((now) => now.frames > frames + 50, 5_000);
      },
    );
  }

  clientTest(
    "it says what is wrong, and recovers by itself",
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
