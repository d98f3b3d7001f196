import { describe, expect } from "bun:test";
import { join } from "node:path";
import { type ClipName, clip, longClip } from "../support/clips.ts";
import { Client, clientTest, ffmpeg, ffmpegPublisher, type Tool } from "../support/tools.ts";
import { BrowserPage } from "./browser.ts";
import { Published } from "./hls-published.ts";
import { checkListing, Folder } from "./recording.ts";

const TIMEOUT_MS = 120_000;

interface Case {
  readonly clip: ClipName;
  readonly source: () => Promise<string>;
  readonly tools: readonly Tool[];
  readonly publish: (file: string, url: string) => AsyncDisposable;
  readonly codecs: RegExp;
}

/** Codecs of the web that are not H264. */
const CASES: Readonly<Record<string, Case>> = {
  AV1: {
    clip: "av1",
    source: () => longClip("av1"),
    tools: ["node-av"],
    publish: (file, url) => {
      const script = join(import.meta.dir, "av-copy.ts");
      const output = ["-of", "rtsp", "-oo", "rtsp_transport=tcp", "-oo", "strict=experimental", url];
      return new Client([process.execPath, script, "-re", "-i", file, ...output]);
    },
    codecs: /CODECS="av01\.0\.\d\d[MH]\.08\./,
  },
  VP9: {
    clip: "vp9",
    source: () => clip("vp9"),
    tools: [],
    publish: (file, url) => ffmpegPublisher(file, url, ["-strict", "experimental"]),
    codecs: /CODECS="vp09\.00\.10\.08"/,
  },
};

describe("HLS", () => {
  for (const [name, { clip: short, source, tools, publish, codecs }] of Object.entries(CASES)) {
    clientTest(
      `${name}: FFmpeg gets a run of what was published`,
      ["ffmpeg", ...tools],
      TIMEOUT_MS,
      async () => {
        const file = await source();
        await using pair = await Published.start("fmp4", file, publish);
        expect(await pair.text("index.m3u8")).toMatch(codecs);
        using folder = new Folder();
        const recording = folder.file("out.mp4");
        const command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", pair.url("index.m3u8"), "-t", "8"];
        await using reader = new Client([...command, "-c", "copy", recording]);
        await reader.success();
        // decoded, as sizes in the headers of AV1 may be written in several ways
        const pictures = (each: string) => ffmpeg("-i", each, "-map", "0:v:0", "-f", "framemd5", "-");
        const [sent, received] = await Promise.all([pictures(await clip(short)), pictures(recording)]);
        checkListing(sent.stdout, received.stdout, 150);
      },
    );

    clientTest(`${name}: Chromium plays the page`, ["ffmpeg", "chromium", ...tools], TIMEOUT_MS, async () => {
      await using pair = await Published.start("lowLatency", await source(), publish);
      await using browser = await BrowserPage.open(pair.url(""));
      const first = await browser.until(({ frames }) => frames > 25);
      const later = await browser.until(({ frames }) => frames > first.frames + 75);
      expect(later.time - first.time).toBeGreaterThan(2.5);
      expect(later.message).toBe("");
    });
  }
});
