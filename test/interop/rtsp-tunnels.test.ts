import { Certificates } from "../integration/certificates.ts";
import { clip, longClip } from "../support/clips.ts";
import { TestServer } from "../support/server.ts";
import {
  type Client,
  clientTest,
  ffmpeg,
  ffmpegPublisher,
  ffmpegReader,
  gstPipeline,
} from "../support/tools.ts";
import { checkListing, checkRecording, Folder, frameList, H264_SLICES } from "./recording.ts";

const TIMEOUT_MS = 60_000;
const LIST = ["-frames:0", "100", ...frameList("0:v:0", H264_SLICES)];

/** The slices of the clip that is published. */
async function sent(): Promise<Uint8Array> {
  return (await ffmpeg("-i", await clip("av"), ...frameList("0:v:0", H264_SLICES))).stdout;
}

async function publish(server: TestServer): Promise<Client> {
  const publisher = ffmpegPublisher(await longClip("av"), server.rtsp("cam"));
  await server.waitForLog(/is publishing to path 'cam'/);
  return publisher;
}

/** Writes 200 pictures that come through HTTP: more than the clip has, which begins anew at any of them. */
function gstReader(url: string, file: string): Client {
  const caps = "video/x-h264,stream-format=byte-stream,alignment=au";
  return gstPipeline(
    `rtspsrc location=${url.replace("rtsp:", "rtsph:")} latency=0 buffer-mode=none ! application/x-rtp,media=video ! ` +
      `rtph264depay ! h264parse ! ${caps} ! identity eos-after=200 ! filesink location=${file}`,
  );
}

clientTest("FFmpeg reads through HTTP", ["ffmpeg"], TIMEOUT_MS, async () => {
  await using server = await TestServer.start();
  await using _ = await publish(server);
  await using reader = ffmpegReader(server.rtsp("cam"), LIST, ["-rtsp_transport", "http"]);
  checkListing(await sent(), (await reader.success()).stdout, 99);
  await server.waitForLog(/destroyed/);
});

clientTest(
  "FFmpeg and GStreamer read through HTTP with a password",
  ["ffmpeg", "gst-launch-1.0"],
  TIMEOUT_MS,
  async () => {
    using folder = new Folder();
    const file = folder.file("out.h264");
    const config = "paths:\n  all:\n    readUser: me\n    readPass: secret\n";
    await using server = await TestServer.start({ config });
    await using _ = await publish(server);
    const url = server.rtsp("cam").replace("//", "//me:secret@");
    await using first = ffmpegReader(url, LIST, ["-rtsp_transport", "http"]);
    await using second = gstReader(url, file);
    checkListing(await sent(), (await first.success()).stdout, 99);
    await second.success();
    await checkRecording(file, await clip("av"), { stream: "0:v:0", filter: H264_SLICES, frames: 100 });
  },
);

clientTest("FFmpeg reads through HTTPS", ["ffmpeg", "openssl"], TIMEOUT_MS, async () => {
  using certificates = new Certificates("localhost");
  const config = `encryption: optional\nrtspsAddress: 127.0.0.1:0\n${certificates.config}paths:\n  all:\n`;
  await using server = await TestServer.start({ config });
  await using _ = await publish(server);
  const url = server.rtsps("cam").replace("rtsps:", "rtsp:");
  await using reader = ffmpegReader(url, LIST, ["-rtsp_transport", "https"]);
  checkListing(await sent(), (await reader.success()).stdout, 99);
});

clientTest("GStreamer reads through HTTP", ["ffmpeg", "gst-launch-1.0"], TIMEOUT_MS, async () => {
  using folder = new Folder();
  const file = folder.file("out.h264");
  await using server = await TestServer.start();
  await using _ = await publish(server);
  await using reader = gstReader(server.rtsp("cam"), file);
  await reader.success();
  await checkRecording(file, await clip("av"), { stream: "0:v:0", filter: H264_SLICES, frames: 100 });
});

clientTest(
  "GStreamer publishes through HTTP",
  ["ffmpeg", "gst-launch-1.0", "rtspclientsink"],
  TIMEOUT_MS,
  async () => {
    await using server = await TestServer.start();
    const location = server.rtsp("cam").replace("rtsp:", "rtsph:");
    await using _ = gstPipeline(
      `filesrc location=${await longClip("av")} ! qtdemux name=d rtspclientsink name=s latency=0 location=${location} ` +
        "d.video_0 ! queue ! h264parse ! s. d.audio_0 ! queue ! aacparse ! s.",
    );
    await server.waitForLog(/is publishing to path 'cam', 2 tracks/);
    await using reader = ffmpegReader(server.rtsp("cam"), LIST);
    checkListing(await sent(), (await reader.success()).stdout, 99);
  },
);
