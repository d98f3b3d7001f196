import { join } from "node:path";
import { longClip } from "../support/clips.ts";
import { TestServer } from "../support/server.ts";
import { Client, clientTest, ffmpeg } from "../support/tools.ts";
import { type Compared, checkRun, checkTimes, listingArgs } from "./codecs.ts";
import { Folder } from "./recording.ts";

/** Sequence headers may be repeated; what is compared are the frames. */
const AV1: Compared = {
  clip: "av1",
  compare: { kind: "frames", rate: 25, filter: "filter_units=pass_types=3|4|6" },
};

function avCopy(...args: string[]): Client {
  return new Client([process.execPath, join(import.meta.dir, "av-copy.ts"), ...args]);
}

/** Registers the test of AV1, which the system's FFmpeg and GStreamer do not carry in RTP. */
export function av1Suite(): void {
  clientTest("AV1: node-av publishes, node-av reads", ["ffmpeg", "node-av"], 120_000, av1);
}

async function av1(): Promise<void> {
  using folder = new Folder();
  const file = folder.file("received.mkv");
  await using server = await TestServer.start();
  const url = server.rtsp("av1");
  const tcp = "rtsp_transport=tcp";
  const input = ["-re", "-i", await longClip("av1")];
  await using _ = avCopy(...input, "-of", "rtsp", "-oo", tcp, "-oo", "strict=experimental", url);
  await server.waitForLog(/is publishing to path 'av1', 1 track \(AV1\)/);
  await using reader = avCopy("-t", "21.5", "-io", tcp, "-i", url, file);
  await reader.success();
  const { stdout } = await ffmpeg("-i", file, ...listingArgs(AV1.compare));
  await checkRun(AV1, stdout);
  checkTimes(AV1, stdout);
}
