import { expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { Certificates } from "../integration/certificates.ts";
import { Network } from "../integration/network.ts";
import { longClip } from "../support/clips.ts";
import { TestServer } from "../support/server.ts";
import { Client, clientTest, ffmpeg, ffmpegReader, ffmpegRtspInput, has } from "../support/tools.ts";
import { GstServer } from "./gst-server.ts";
import { checkListing, frameList, H264_SLICES, H265_SLICES } from "./recording.ts";

const TIMEOUT_MS = 60_000;
const FRAMES = 120;
const TOOLS = ["ffmpeg", "gst-rtsp-server"] as const;

/** What a GStreamer server plays. */
const CODECS = {
  h264: { pay: "qtdemux ! h264parse ! rtph264pay", filter: H264_SLICES },
  h265: { pay: "qtdemux ! h265parse ! rtph265pay", filter: H265_SLICES },
  aac: { pay: "matroskademux ! aacparse ! rtpmp4gpay", filter: undefined },
} as const;
type Codec = keyof typeof CODECS;

async function pipeline(codec: Codec): Promise<string> {
  return `( filesrc location=${await longClip(codec)} ! ${CODECS[codec].pay} name=pay0 pt=96 )`;
}

/** Reads the path, and compares what comes with what the GStreamer server plays. */
async function expectFrames(server: TestServer, path: string, codec: Codec): Promise<void> {
  await server.waitForLog(new RegExp(`\\[path ${path}\\] \\[RTSP source\\] ready: 1 track`));
  const list = frameList("0:0", CODECS[codec].filter);
  await using reader = ffmpegReader(server.rtsp(path), ["-frames:0", String(FRAMES), ...list]);
  const { stdout } = await reader.success();
  const sent = (await ffmpeg("-i", await longClip(codec), ...list)).stdout;
  checkListing(sent, stdout, FRAMES - 1);
}

clientTest(
  "GStreamer serves, by UDP, TCP and through a tunnel, with and without a password",
  TOOLS,
  TIMEOUT_MS,
  async () => {
    const pipelines = {
      h264: await pipeline("h264"),
      h265: await pipeline("h265"),
      aac: await pipeline("aac"),
    };
    await using open = await GstServer.start([], pipelines);
    await using digest = await GstServer.start(["--user", "viewer", "pa:ss"], pipelines);
    await using basic = await GstServer.start(["--user", "viewer", "pass", "--basic"], pipelines);
    const sources: [path: string, codec: Codec, url: string, protocol: string][] = [];
    for (const codec of Object.keys(CODECS) as Codec[]) {
      for (const protocol of ["automatic", "tcp"]) {
        const url = `127.0.0.1:${open.port}/${codec}`;
        sources.push([`${codec}-${protocol}`, codec, `rtsp://${url}`, protocol]);
      }
    }
    sources.push(["tunnel", "h264", `rtsp+http://127.0.0.1:${open.port}/h264`, "automatic"]);
    sources.push([
      "tunnel-digest",
      "h264",
      `rtsp+http://viewer:pa%3Ass@127.0.0.1:${digest.port}/h264`,
      "tcp",
    ]);
    sources.push(["digest", "h264", `rtsp://viewer:pa%3Ass@127.0.0.1:${digest.port}/h264`, "udp"]);
    sources.push(["basic", "h264", `rtsp://viewer:pass@127.0.0.1:${basic.port}/h264`, "tcp"]);
    const paths = sources.map(
      ([path, , url, protocol]) => `  ${path}:\n    source: ${url}\n    sourceProtocol: ${protocol}\n`,
    );
    const wrong = `  wrong:\n    source: rtsp://viewer:other@127.0.0.1:${digest.port}/h264\n`;
    await using server = await TestServer.start({ config: `paths:\n${paths.join("")}${wrong}` });
    await Promise.all(sources.map(([path, codec]) => expectFrames(server, path, codec)));
    await server.waitForLog(/ERR \[path wrong\] \[RTSP source\] bad status code: 401 \(Unauthorized\)/);
    const others = server.log
      .split("\n")
      .filter((line) => / (WAR|ERR) /.test(line) && !line.includes("wrong"));
    expect(others).toEqual([]);
  },
);

clientTest("GStreamer serves by TLS", [...TOOLS, "openssl"], TIMEOUT_MS, async () => {
  using certificates = new Certificates("camera");
  const { certFile, keyFile } = certificates;
  await using gst = await GstServer.start(["--tls", certFile, keyFile], { h264: await pipeline("h264") });
  const { fingerprint256 } = new X509Certificate(readFileSync(certFile));
  await using server = await TestServer.start({
    config: `paths:
  cam:
    source: rtsps://127.0.0.1:${gst.port}/h264
    sourceFingerprint: ${fingerprint256.replaceAll(":", "").toLowerCase()}
`,
  });
  await expectFrames(server, "cam", "h264");
});

const multicast = has("gst-rtsp-server") && has("ffmpeg") && Network.available ? test : test.skip;
multicast(
  "GStreamer serves by multicast, from another host; we serve FFmpeg by multicast in turn",
  async () => {
    await using network = Network.open();
    const options = ["--multicast", "239.255.42.42", "--address", "10.99.0.1"];
    await using gst = await GstServer.start(options, { h264: await pipeline("h264") }, network.on("a"));
    await using server = await TestServer.start({
      prefix: network.on("b"),
      config: `rtspAddress: :8554
rtpAddress: :8000
rtcpAddress: :8001
multicastIPRange: 239.7.0.0/16
paths:
  cam:
    source: rtsp://10.99.0.1:${gst.port}/h264
    sourceProtocol: multicast
`,
    });
    await server.waitForLog(/\[path cam\] \[RTSP source\] ready: 1 track \(H264\)/);
    const list = frameList("0:0", H264_SLICES);
    const input = [...ffmpegRtspInput("udp_multicast"), "-i", "rtsp://10.99.0.2:8554/cam"];
    const read = [
      "ffmpeg",
      "-nostdin",
      "-loglevel",
      "warning",
      ...input,
      "-frames:0",
      String(FRAMES),
      ...list,
    ];
    await using reader = new Client([...network.on("a"), ...read]);
    const { stdout } = await reader.success();
    checkListing((await ffmpeg("-i", await longClip("h264"), ...list)).stdout, stdout, FRAMES - 1);
    expect(server.log).toMatch(/is reading from path 'cam', with UDP-multicast, 1 track \(H264\)/);
  },
  TIMEOUT_MS,
);
