import { describe, expect } from "bun:test";
import { clip } from "../support/clips.ts";
import { Client, clientTest, ffmpegPublisher } from "../support/tools.ts";
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
});
