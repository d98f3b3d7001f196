import { expect } from "bun:test";
import { TestServer } from "../support/server.ts";
import { Client, clientTest } from "../support/tools.ts";
import { BrowserPage } from "./browser.ts";

/** Between the newest data and the picture, s. */
const BEHIND_MAX_S = 1;
const WATCH_S = 10;

clientTest(
  "a low-latency page plays close to the live edge, and does not stall",
  ["ffmpeg", "chromium"],
  90_000,
  async () => {
    await using server = await TestServer.start();
    const input = [
      "-re",
      "-f",
      "lavfi",
      "-i",
      "testsrc2=size=640x360:rate=30",
      "-f",
      "lavfi",
      "-i",
      "sine=440",
    ];
    const video = [
      "-c:v",
      "libx264",
      "-preset",
      "ultrafast",
      "-tune",
      "zerolatency",
      "-g",
      "30",
      "-pix_fmt",
      "yuv420p",
    ];
    const output = ["-c:a", "aac", "-f", "rtsp", "-rtsp_transport", "tcp", server.rtsp("cam")];
    await using _ = new Client(
      ["ffmpeg", "-nostdin", "-loglevel", "error", ...input, ...video, ...output],
      90_000,
    );
    await server.waitForLog(/is publishing to path 'cam'/);
    await using browser = await BrowserPage.open(server.hls("cam/"));
    const start = await browser.until(({ frames, behind }) => frames > 90 && behind < BEHIND_MAX_S, 40_000);
    const later = await browser.until(({ time }) => time >= start.time + WATCH_S);
    expect(later.behind).toBeLessThan(BEHIND_MAX_S);
    expect(later.frames - start.frames).toBeGreaterThan(0.9 * 30 * WATCH_S);
  },
);
