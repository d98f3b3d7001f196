import { describe } from "bun:test";
import { Certificates } from "../integration/certificates.ts";
import { clip, longClip } from "../support/clips.ts";
import { TestServer } from "../support/server.ts";
import { clientTest, ffmpegRtspInput, gstPipeline } from "../support/tools.ts";
import { Folder } from "./recording.ts";
import { checkClip, checkMp4Clip, isReady, publishClip, RECORDED_SECONDS, record } from "./rtmp.ts";

const LIMIT_MS = 180_000;

describe("H264 with B frames and AAC, 20 s bit by bit", () => {
  clientTest(
    "published by FFmpeg over RTMP, read over RTMP, RTSP and HLS",
    ["ffmpeg"],
    LIMIT_MS,
    async () => {
      using folder = new Folder();
      await using server = await TestServer.start();
      await using _ = await publishClip("-f", "flv", server.rtmp("live/one"));
      await isReady(server, "live/one");
      await Promise.all([
        record(server.rtmp("live/one"), folder.file("rtmp.mkv")),
        record(server.rtsp("live/one"), folder.file("rtsp.mkv"), ffmpegRtspInput("tcp")),
        record(server.hls("live/one/index.m3u8"), folder.file("hls.mkv")),
      ]);
      for (const name of ["rtmp.mkv", "rtsp.mkv", "hls.mkv"]) await checkClip(folder.file(name));
    },
  );

  clientTest("published over RTSP, read over RTMP", ["ffmpeg"], LIMIT_MS, async () => {
    using folder = new Folder();
    await using server = await TestServer.start();
    await using _ = await publishClip("-f", "rtsp", "-rtsp_transport", "tcp", server.rtsp("one"));
    await isReady(server, "one");
    await record(server.rtmp("one"), folder.file("rtmp.mkv"));
    await checkClip(folder.file("rtmp.mkv"));
  });

  clientTest("published and read over RTMPS", ["ffmpeg", "openssl"], LIMIT_MS, async () => {
    using folder = new Folder();
    using certificates = new Certificates("localhost");
    const files = `rtmpServerKey: ${certificates.keyFile}\nrtmpServerCert: ${certificates.certFile}\n`;
    await using server = await TestServer.start({
      config: `rtmpEncryption: optional\n${files}paths:\n  all:\n`,
    });
    await using _ = await publishClip("-f", "flv", server.rtmps("live/one"));
    await isReady(server, "live/one");
    await record(server.rtmps("live/one"), folder.file("rtmps.mkv"));
    await checkClip(folder.file("rtmps.mkv"));
  });

  clientTest("pulled by a second server, over RTMP", ["ffmpeg"], LIMIT_MS, async () => {
    using folder = new Folder();
    await using origin = await TestServer.start();
    await using _ = await publishClip("-f", "flv", origin.rtmp("live/one"));
    await isReady(origin, "live/one");
    const config = `paths:\n  pulled:\n    source: ${origin.rtmp("live/one")}\n`;
    await using server = await TestServer.start({ config });
    await isReady(server, "pulled");
    await Promise.all([
      record(server.rtmp("pulled"), folder.file("rtmp.mkv")),
      record(server.rtsp("pulled"), folder.file("rtsp.mkv"), ffmpegRtspInput("tcp")),
    ]);
    for (const name of ["rtmp.mkv", "rtsp.mkv"]) await checkClip(folder.file(name));
  });

  clientTest("read by GStreamer", ["ffmpeg", "gst-launch-1.0"], LIMIT_MS, async () => {
    using folder = new Folder();
    await using server = await TestServer.start();
    await using _ = await publishClip("-f", "flv", server.rtmp("live/one"));
    await isReady(server, "live/one");
    const file = folder.file("gst.flv");
    const frames = Math.ceil(RECORDED_SECONDS * (25 + 48_000 / 1_024));
    await using reader = gstPipeline(
      `rtmp2src location=${server.rtmp("live/one")} ! identity eos-after=${frames} ! filesink location=${file}`,
    );
    await reader.success();
    await checkClip(file);
  });

  clientTest("published by GStreamer", ["ffmpeg", "gst-launch-1.0"], LIMIT_MS, async () => {
    using folder = new Folder();
    await using server = await TestServer.start();
    await using _ = gstPipeline(
      `filesrc location=${await longClip("av")} ! qtdemux name=d d.video_0 ! queue ! h264parse ! ` +
        `flvmux name=m streamable=true ! rtmp2sink location=${server.rtmp("live/one")} d.audio_0 ! queue ! aacparse ! m.`,
    );
    await isReady(server, "live/one");
    await record(server.rtmp("live/one"), folder.file("rtmp.mkv"));
    await checkMp4Clip(folder.file("rtmp.mkv"), await clip("av"));
  });
});
