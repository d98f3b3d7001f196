import { expect, test } from "bun:test";
import { Network, type Side } from "../integration/network.ts";
import { type ClipName, clip } from "../support/clips.ts";
import { TestServer } from "../support/server.ts";
import { Client, ffmpeg, ffmpegRtspInput, has, rtspSource } from "../support/tools.ts";
import { checkListing, Folder, frameList, H264_SLICES } from "./recording.ts";

const TIMEOUT_MS = 90_000;
const FRAMES = 200;
const LIST = frameList("0:0", H264_SLICES);

const clients = has("ffmpeg") && has("gst-launch-1.0") && has("rtspclientsink");

/** Tests with real clients on two hosts, the server on `a`. */
function networkTest(name: string, available: boolean, run: () => Promise<void>): void {
  if (clients && available) test.concurrent(name, run, TIMEOUT_MS);
  else test.skip(`${name} (no network namespaces, or clients are missing)`, run);
}

function startServer(network: Network): Promise<TestServer> {
  return TestServer.start({
    prefix: network.on("a"),
    config: "rtspAddress: :8554\nrtpAddress: :8000\nrtcpAddress: :8001\npaths:\n  all:\n",
  });
}

/** Publishes a clip over and over from a host. */
async function publish(
  network: Network,
  [side, url, transport]: readonly [Side, string, "tcp" | "udp"],
  name: ClipName = "h264",
): Promise<Client> {
  const input = ["-re", "-stream_loop", "-1", "-i", await clip(name), "-c", "copy"];
  const output = ["-f", "rtsp", "-rtsp_transport", transport, url];
  return new Client([...network.on(side), "ffmpeg", "-nostdin", "-loglevel", "warning", ...input, ...output]);
}

/** How FFmpeg and GStreamer name what carries media. */
const TRANSPORTS = { tcp: "tcp", udp: "udp", udp_multicast: "udp-mcast" } as const;
type Transport = keyof typeof TRANSPORTS;

/** Reads by FFmpeg; resolves with the list of its frames. */
async function readByFfmpeg(network: Network, side: Side, url: string, transport: Transport) {
  const input = [...ffmpegRtspInput(transport), "-i", url];
  const command = ["ffmpeg", "-nostdin", "-loglevel", "warning", ...input, "-frames:0", String(FRAMES)];
  await using client = new Client([...network.on(side), ...command, ...LIST]);
  return (await client.success()).stdout;
}

/** Reads by GStreamer; resolves with the list of its frames. */
async function readByGst(network: Network, side: Side, url: string, transport: Transport) {
  using folder = new Folder();
  const file = folder.file("out.h264");
  const pipeline =
    `${rtspSource(url, TRANSPORTS[transport])} ! rtph264depay wait-for-keyframe=true ! ` +
    `video/x-h264,stream-format=byte-stream,alignment=au ! identity eos-after=${FRAMES + 1} ! filesink location=${file}`;
  await using client = new Client([
    ...network.on(side),
    "gst-launch-1.0",
    "-q",
    "-e",
    ...pipeline.split(/\s+/),
  ]);
  await client.ended;
  return (await ffmpeg("-f", "h264", "-i", file, ...LIST)).stdout;
}

/** Both read; what each gets is one run of what was published. */
async function expectWhole(
  network: Network,
  [side, url, transport]: readonly [Side, string, Transport],
  name: ClipName = "h264",
) {
  const [sent, ...received] = await Promise.all([
    clip(name).then(async (file) => (await ffmpeg("-i", file, ...LIST)).stdout),
    readByFfmpeg(network, side, url, transport),
    readByGst(network, side, url, transport),
  ]);
  for (const listing of received) checkListing(sent, listing, FRAMES - 2); // the first and the last may be cut
}

networkTest("FFmpeg and GStreamer read by multicast on another host", Network.available, async () => {
  await using network = Network.open();
  await using server = await startServer(network);
  await using _ = await publish(network, ["a", "rtsp://127.0.0.1:8554/cam", "udp"]);
  await server.waitForLog(/is publishing to path 'cam'/);
  await expectWhole(network, ["b", "rtsp://10.99.0.1:8554/cam", "udp_multicast"]);
  expect(server.log.match(/is reading from path 'cam', with UDP-multicast, 1 track \(H264\)/g)).toHaveLength(
    2,
  );
  expect(server.log).not.toMatch(/ (WAR|ERR) (?!.*receive buffer)/);
});

networkTest(
  "readers behind an MTU of 1280 get the picture, by UDP and multicast",
  Network.available,
  async () => {
    await using network = Network.open(1_280);
    await using server = await startServer(network);
    // FFmpeg's packets are larger than what the cable takes
    await using _ = await publish(network, ["a", "rtsp://127.0.0.1:8554/cam", "tcp"], "h264Large");
    await server.waitForLog(/is publishing to path 'cam'/);
    await Promise.all([
      expectWhole(network, ["b", "rtsp://10.99.0.1:8554/cam", "udp"], "h264Large"),
      expectWhole(network, ["b", "rtsp://10.99.0.1:8554/cam", "udp_multicast"], "h264Large"),
    ]);
  },
);

networkTest("where a fifth of the datagrams is late nobody misses a frame", Network.canReorder, async () => {
  await using network = Network.open();
  await using _link = await network.reordering(20);
  await using server = await startServer(network);
  await using _ = await publish(network, ["b", "rtsp://10.98.0.1:8554/cam", "udp"]);
  await server.waitForLog(/is publishing to path 'cam'/);
  await Promise.all([
    expectWhole(network, ["a", "rtsp://127.0.0.1:8554/cam", "tcp"]),
    expectWhole(network, ["b", "rtsp://10.98.0.1:8554/cam", "udp"]),
  ]);
  expect(server.log).not.toMatch(/ lost/);
});
