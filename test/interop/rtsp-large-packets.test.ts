import { expect } from "bun:test";
import { type ClipName, clip } from "../support/clips.ts";
import { TestServer } from "../support/server.ts";
import { clientTest, ffmpeg, ffmpegPublisher, ffmpegReader } from "../support/tools.ts";
import { checkListing, frameList, H264_SLICES, H265_SLICES } from "./recording.ts";

interface Case {
  readonly codec: string;
  readonly clip: ClipName;
  readonly slices: string;
}

const CASES: readonly Case[] = [
  { codec: "H264", clip: "h264Large", slices: H264_SLICES },
  { codec: "H265", clip: "h265Large", slices: H265_SLICES },
];

/** Size of the publisher's packets: more than any datagram of ours, and more than one record of the log. */
const SIZES = [4_000, 30_000, 60_000];

for (const { codec, clip: name, slices } of CASES) {
  for (const size of SIZES) {
    clientTest(
      `${codec} in packets of ${size} bytes is cut anew, and stays the same`,
      ["ffmpeg"],
      60_000,
      async () => {
        const file = await clip(name);
        const list = frameList("0:0", slices);
        await using server = await TestServer.start();
        await using _ = ffmpegPublisher(file, server.rtsp("cam"), ["-pkt_size", String(size)]);
        await server.waitForLog(/RTP packets larger than \d+ bytes are split into smaller ones/);
        await using reader = ffmpegReader(server.rtsp("cam"), ["-frames:0", "280", ...list]);
        const { stdout } = await ffmpeg("-i", file, ...list);
        checkListing(stdout, (await reader.success()).stdout, 279);
        expect(server.log).not.toMatch(/ (WAR|ERR) /);
      },
    );
  }
}

clientTest(
  "a codec that cannot be cut keeps to what fits, and the log says so",
  ["ffmpeg"],
  30_000,
  async () => {
    await using server = await TestServer.start();
    await using _ = ffmpegPublisher(await clip("vp8"), server.rtsp("cam"), ["-pkt_size", "8000"]);
    await server.waitForLog(/WAR .*payload size \(\d+\) is greater than maximum allowed \(\d+\)/);
  },
);
