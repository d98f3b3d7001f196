import { describe, expect } from "bun:test";
import { type ClipName, clip } from "../support/clips.ts";
import { TestServer } from "../support/server.ts";
import { clientTest, ffmpegPublisher } from "../support/tools.ts";
import { recordRtsp } from "./hls-packager.ts";
import { checkRecording, checkSound, Folder, H264_SLICES, H265_SLICES } from "./recording.ts";

const TIMEOUT_MS = 120_000;
const VARIANTS = ["lowLatency", "fmp4", "mpegts"] as const;

interface Chain extends AsyncDisposable {
  readonly origin: TestServer;
  readonly edge: TestServer;
}

/** Server A, to which FFmpeg publishes a clip, and server B, which fetches that by HLS. */
async function chain(variant: string, file: string, edgePath = ""): Promise<Chain> {
  const origin = await TestServer.start({
    // who fetches it may be late by two segments: so long may a busy machine hold somebody up
    config: `hlsVariant: ${variant}\nhlsSegmentDuration: 2s\nhlsAlwaysRemux: yes\npaths:\n  all:\n`,
  });
  const publisher = ffmpegPublisher(file, origin.rtsp("cam"));
  await origin.waitForLog(/is publishing to path 'cam'/);
  await origin.until(
    async () => {
      const text = await (await fetch(origin.hls("cam/stream.m3u8"))).text();
      return (text.match(/_seg\d+\./g)?.length ?? 0) >= 3;
    },
    "three segments",
    30_000,
  );
  const edge = await TestServer.start({
    config: `paths:\n  cam:\n    source: ${origin.hls("cam/index.m3u8")}\n${edgePath}`,
  });
  return {
    origin,
    edge,
    async [Symbol.asyncDispose]() {
      await edge.stop();
      await publisher[Symbol.asyncDispose]();
      await origin.stop();
    },
  };
}

/** Lines that say that something is wrong. */
function complaints(server: TestServer): string[] {
  return server.log.split("\n").filter((line) => / (WAR|ERR) /.test(line));
}

describe("HLS source", () => {
  for (const variant of VARIANTS) {
    clientTest(`${variant}: what FFmpeg published comes out by RTSP`, ["ffmpeg"], TIMEOUT_MS, async () => {
      const source = await clip("av");
      await using pair = await chain(variant, source);
      await pair.edge.waitForLog(/\[path cam\] \[HLS source\] ready: 2 tracks \(H264, MPEG-4 Audio\)/);
      using folder = new Folder();
      const file = folder.file("out.mkv");
      await recordRtsp(pair.edge.rtsp("cam"), file, 20);
      await checkRecording(file, source, { stream: "0:v:0", filter: H264_SLICES, frames: 400 });
      await checkSound(file, source, 750);
      expect(complaints(pair.edge)).toEqual([]);
    });
  }

  for (const [name, codec, variant, label, filter] of [
    ["H264 with B frames", "h264Bframes", "fmp4", "H264", H264_SLICES],
    ["H265", "h265", "lowLatency", "H265", H265_SLICES],
    ["Opus", "opus", "fmp4", "Opus", undefined],
  ] as const) {
    clientTest(`${name}: what FFmpeg published comes out by RTSP`, ["ffmpeg"], TIMEOUT_MS, async () => {
      const source = await clip(codec satisfies ClipName);
      await using pair = await chain(variant, source);
      await pair.edge.waitForLog(new RegExp(`\\[HLS source\\] ready: 1 track \\(${label}\\)`));
      using folder = new Folder();
      // FFmpeg knows no decoding time of a key frame that it begins with, and Matroska needs one
      const file = folder.file(codec === "h264Bframes" ? "out.h264" : "out.mkv");
      await recordRtsp(pair.edge.rtsp("cam"), file, 12);
      const stream = filter === undefined ? "0:a:0" : "0:v:0";
      await checkRecording(file, source, { stream, ...(filter && { filter }), frames: 200 });
      expect(complaints(pair.edge)).toEqual([]);
    });
  }
});
