import { describe } from "bun:test";
import { join } from "node:path";
import { longClip } from "../support/clips.ts";
import { TestServer } from "../support/server.ts";
import { Client, clientTest, ffmpeg } from "../support/tools.ts";
import { CODECS, type Compared, checkRun, checkTimes, listingArgs } from "./codecs.ts";
import { Folder } from "./recording.ts";

const LIMIT_MS = 150_000;
/** Sequence headers may be repeated; what is compared are the frames. */
const AV1: Compared = {
  clip: "av1",
  compare: { kind: "frames", rate: 25, filter: "av1_metadata,filter_units=pass_types=3|4|6" },
};

/** FourCCs are those that the reader says it knows. */
const ROWS: readonly (readonly [label: string, fourCc: string, row: Compared])[] = [
  ["AV1", "av01", AV1],
  ["H265", "hvc1", CODECS.H265],
  ["VP9", "vp09", CODECS.VP9],
  ["Opus", "Opus", CODECS.Opus],
  ["AC-3", "ac-3", CODECS["AC-3"]],
];

/** FFmpeg 8: Debian's cannot. */
function avCopy(...args: string[]): Client {
  return new Client([process.execPath, join(import.meta.dir, "av-copy.ts"), ...args], 120_000);
}

describe("Enhanced RTMP with FFmpeg 8, both ways, 20 s bit by bit", () => {
  for (const [label, fourCc, row] of ROWS) {
    clientTest(label, ["ffmpeg", "node-av"], LIMIT_MS, async () => {
      using folder = new Folder();
      const file = folder.file("received.mkv");
      await using server = await TestServer.start();
      const url = server.rtmp("live/one");
      await using _ = avCopy("-re", "-i", await longClip(row.clip), "-of", "flv", url);
      await server.waitForLog(new RegExp(`is publishing to path 'live/one', 1 track \\(${label}\\)`));
      await using reader = avCopy("-t", "22.5", "-io", `rtmp_enhanced_codecs=${fourCc}`, "-i", url, file);
      await reader.success();
      const { stdout } = await ffmpeg("-i", file, ...listingArgs(row.compare));
      await checkRun(row, stdout);
      checkTimes(row, stdout);
    });
  }
});
