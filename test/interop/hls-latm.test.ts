import { expect } from "bun:test";
import { longClip } from "../support/clips.ts";
import { TestServer } from "../support/server.ts";
import { Client, clientTest, gstPipeline } from "../support/tools.ts";
import { checkRecording, Folder } from "./recording.ts";

const TIMEOUT_MS = 90_000;

for (const variant of ["fmp4", "lowLatency", "mpegts"] as const) {
  clientTest(
    `${variant}: AAC that GStreamer publishes as LATM comes out as it went in`,
    ["ffmpeg", "gst-launch-1.0", "rtspclientsink"],
    TIMEOUT_MS,
    async () => {
      const file = await longClip("aac");
      await using server = await TestServer.start({ config: `hlsVariant: ${variant}\npaths:\n  all:\n` });
      const sink = `rtspclientsink protocols=tcp latency=0 location=${server.rtsp("sound")}`;
      await using _ = gstPipeline(`filesrc location=${file} ! matroskademux ! aacparse ! ${sink}`);
      await server.waitForLog(/is publishing to path 'sound', 1 track \(MPEG-4 Audio\)/);
      const playlist = async () => await (await fetch(server.hls("sound/stream.m3u8"))).text();
      await server.until(
        async () => ((await playlist()).match(/_seg\d+\./g)?.length ?? 0) >= 3,
        "three segments",
        30_000,
      );
      const index = await (await fetch(server.hls("sound/index.m3u8"))).text();
      expect(index).toContain('CODECS="mp4a.40.2"\n');
      using folder = new Folder();
      const out = folder.file("out.mp4");
      const url = server.hls("sound/index.m3u8");
      const command = ["ffmpeg", "-nostdin", "-y", "-loglevel", "error", "-i", url, "-t", "6"];
      await using reader = new Client([...command, "-c", "copy", out]);
      await reader.success();
      await checkRecording(out, file, { stream: "0:a:0", frames: 250 });
    },
  );
}
