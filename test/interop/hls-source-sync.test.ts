import { expect } from "bun:test";
import { clip, longClip } from "../support/clips.ts";
import { TestServer } from "../support/server.ts";
import { StaticServer } from "../support/static-server.ts";
import { Client, clientTest } from "../support/tools.ts";
import { FMP4, Packager, recordRtsp, SEPARATE } from "./hls-packager.ts";
import { Folder } from "./recording.ts";
import { distances, expectRisingTimes, middle, TOLERANCE_MS } from "./sync.ts";

const TIMEOUT_MS = 90_000;
const ROWS = [
  { name: "MPEG-TS", options: [], output: "index.m3u8", playlist: "index.m3u8" },
  { name: "fMP4", options: FMP4, output: "index.m3u8", playlist: "index.m3u8" },
  { name: "MPEG-TS, separate sound", options: SEPARATE, output: "stream%v.m3u8", playlist: "stream1.m3u8" },
  {
    name: "fMP4, separate sound",
    options: [...FMP4, ...SEPARATE, "-hls_fmp4_init_filename", "init%v.mp4"],
    output: "stream%v.m3u8",
    playlist: "stream1.m3u8",
  },
] as const;

/** Records with FFmpeg over HLS. */
async function recordHls(url: string, file: string, seconds: number): Promise<void> {
  const command = ["ffmpeg", "-nostdin", "-y", "-loglevel", "error", "-i", url, "-t", String(seconds)];
  await using reader = new Client([...command, "-c", "copy", file]);
  await reader.success();
}

for (const { name, options, output, playlist } of ROWS) {
  clientTest(
    `HLS source, ${name}: sound stays with its picture, by RTSP and by HLS again`,
    ["ffmpeg", "ffprobe"],
    TIMEOUT_MS,
    async () => {
      using folder = new Folder();
      const original = middle(await distances(await clip("sync")));
      await using packager = new Packager(await longClip("sync"), options, output);
      using web = new StaticServer(packager.folder.path);
      await packager.ready(playlist);
      await using server = await TestServer.start({
        config: `hlsVariant: fmp4\npaths:\n  cam:\n    source: ${web.url("index.m3u8")}\n`,
      });
      await server.waitForLog(/\[HLS source\] ready: 2 tracks/);
      const [rtsp, hls] = [folder.file("rtsp.mkv"), folder.file("hls.mp4")];
      await Promise.all([
        recordRtsp(server.rtsp("cam"), rtsp, 14),
        recordHls(server.hls("cam/index.m3u8"), hls, 10),
      ]);
      for (const file of [rtsp, hls]) {
        const found = await distances(file);
        expect(found.length).toBeGreaterThan(4);
        expect(Math.abs(middle(found) - original)).toBeLessThanOrEqual(TOLERANCE_MS);
        await expectRisingTimes(file);
      }
    },
  );
}
