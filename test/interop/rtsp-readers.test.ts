import { expect } from "bun:test";
import { clip } from "../support/clips.ts";
import { TestServer } from "../support/server.ts";
import {
  Client,
  clientTest,
  ffmpeg,
  ffmpegPublisher,
  ffmpegReader,
  gstPipeline,
  rtspSource,
} from "../support/tools.ts";
import { checkListing, checkRecording, Folder, frameList, H264_SLICES } from "./recording.ts";

const TIMEOUT_MS = 60_000;
/** Options of an FFmpeg that lists the slices of 150 pictures: 6 s. */
const SLICES = ["-frames:0", "150", ...frameList("0:v:0", H264_SLICES)];

async function slicesOf(file: string): Promise<Uint8Array> {
  return (await ffmpeg("-i", file, ...frameList("0:v:0", H264_SLICES))).stdout;
}

clientTest("two readers, the second one late, get the same stream", ["ffmpeg"], TIMEOUT_MS, async () => {
  const file = await clip("av");
  await using server = await TestServer.start();
  await using _ = ffmpegPublisher(file, server.rtsp("cam"));
  await server.waitForLog(/is publishing to path 'cam', 2 tracks \(H264, MPEG-4 Audio\)/);
  await using first = ffmpegReader(server.rtsp("cam"), SLICES);
  await server.waitForLog(/is reading from path 'cam', with TCP, 2 tracks \(H264, MPEG-4 Audio\)/);
  await Bun.sleep(4_000);
  await using second = ffmpegReader(server.rtsp("cam"), SLICES);
  const sent = await slicesOf(file);
  for (const reader of [first, second]) checkListing(sent, (await reader.success()).stdout, 149);
});

clientTest("a reader of the sound alone gets the sound alone", ["ffmpeg"], TIMEOUT_MS, async () => {
  const file = await clip("av");
  await using server = await TestServer.start();
  await using _ = ffmpegPublisher(file, server.rtsp("cam"));
  await server.waitForLog(/is publishing/);
  const list = ["-frames:0", "280", ...frameList("0:0")];
  await using reader = ffmpegReader(server.rtsp("cam"), list, ["-allowed_media_types", "audio"]);
  await server.waitForLog(/is reading from path 'cam', with TCP, 1 track \(MPEG-4 Audio\)/);
  const { stdout } = await ffmpeg("-i", file, ...frameList("0:a:0"));
  // where the clip starts over, FFmpeg leaves out the frame that primes the decoder
  const published = new TextDecoder().decode(stdout).replace(/^0,.*\n/m, "");
  checkListing(new TextEncoder().encode(published), (await reader.success()).stdout, 279);
});

clientTest("a transport stream is published and recorded as MP4", ["ffmpeg"], TIMEOUT_MS, async () => {
  using folder = new Folder();
  const source = await clip("tsMp3");
  const recording = folder.file("out.mp4");
  await using server = await TestServer.start();
  await using _ = ffmpegPublisher(source, server.rtsp("mystream"));
  await server.waitForLog(/is publishing to path 'mystream', 2 tracks \(H264, MPEG-1\/2 Audio\)/);
  await using reader = ffmpegReader(server.rtsp("mystream"), ["-c", "copy", "-t", "7", recording]);
  await reader.success();
  await checkRecording(recording, source, { stream: "0:v:0", filter: H264_SLICES, frames: 145 });
  await checkRecording(recording, source, { stream: "0:a:0", frames: 250 });
});

clientTest(
  "GStreamer reads picture and sound together",
  ["ffmpeg", "gst-launch-1.0"],
  TIMEOUT_MS,
  async () => {
    using folder = new Folder();
    const source = await clip("av");
    const recording = folder.file("out.mkv");
    await using server = await TestServer.start();
    await using _ = ffmpegPublisher(source, server.rtsp("mystream"));
    await server.waitForLog(/is publishing/);
    await using reader = gstPipeline(
      `${rtspSource(server.rtsp("mystream"), "tcp", "name=r")} ` +
        `matroskamux name=m streamable=true ! filesink location=${recording} buffer-mode=unbuffered ` +
        "r. ! rtph264depay wait-for-keyframe=true ! h264parse ! queue ! m. " +
        "r. ! rtpmp4gdepay ! aacparse ! queue ! m.",
    );
    await server.until(() => Bun.file(recording).size > 320_000, "some seconds are recorded", 30_000);
    await reader.stop();
    await checkRecording(recording, source, { stream: "0:v:0", filter: H264_SLICES, frames: 100 });
  },
);

clientTest("IPv6 and IPv4 clients share a stream", ["ffmpeg"], TIMEOUT_MS, async () => {
  const file = await clip("h264");
  await using server = await TestServer.start({ config: "rtspAddress: :0\npaths:\n  all:\n" });
  await using _ = ffmpegPublisher(file, `rtsp://[::1]:${server.rtspPort}/six`);
  await server.waitForLog(/\[conn \[::1\]:\d+\] opened/);
  await server.waitForLog(/created by \[::1\]:\d+/);
  await server.waitForLog(/is publishing/);
  const sent = await slicesOf(file);
  for (const received of await Promise.all(
    [`rtsp://[::1]:${server.rtspPort}/six`, server.rtsp("six")].map(async (url) => {
      await using reader = ffmpegReader(url, SLICES);
      return await reader.success();
    }),
  )) {
    checkListing(sent, received.stdout, 149);
  }
});

clientTest("mpv plays picture and sound", ["ffmpeg", "mpv"], TIMEOUT_MS, async () => {
  await using server = await TestServer.start();
  await using _ = ffmpegPublisher(await clip("av"), server.rtsp("cam"));
  await server.waitForLog(/is publishing/);
  const options = ["--no-config", "--rtsp-transport=tcp", "--vo=null", "--ao=null", "--length=3"];
  await using mpv = new Client(["mpv", ...options, server.rtsp("cam")]);
  const { stdout, stderr } = await mpv.success();
  const said = new TextDecoder().decode(stdout) + stderr;
  expect(said).toContain("VO: [null] 320x240");
  expect(said).toContain("AO: [null] 48000Hz");
  expect(said).toContain("Exiting... (End of file)");
});

clientTest("a path takes no more readers than maxReaders says", ["ffmpeg"], TIMEOUT_MS, async () => {
  const file = await clip("h264");
  await using server = await TestServer.start({ config: "paths:\n  all:\n    maxReaders: 1\n" });
  await using _ = ffmpegPublisher(file, server.rtsp("cam"));
  await server.waitForLog(/is publishing/);
  await using first = ffmpegReader(server.rtsp("cam"), SLICES);
  await server.waitForLog(/is reading/);
  await using second = ffmpegReader(server.rtsp("cam"), SLICES);
  const { code, stderr } = await second.ended;
  expect(code).not.toBe(0);
  expect(stderr).toContain("400 Bad Request");
  await server.waitForLog(/closed \(maximum reader count reached\)/);
  checkListing(await slicesOf(file), (await first.success()).stdout, 149);
});
