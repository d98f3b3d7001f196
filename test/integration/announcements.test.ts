import { expect, test } from "bun:test";
import { RtspClient } from "../support/rtsp-client.ts";
import { Arena } from "./arena.ts";

const VIDEO = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n";

/** Descriptions that contradict themselves or the RFC, and the reason each is refused for. */
const REFUSED: readonly [string, RegExp][] = [
  ["", /no media/],
  ["v=0\r\ns=x\r\n", /no media/],
  ["\u0000\u0001\u0002", /no media/],
  ["m=video\r\n", /malformed media/],
  ["m=video 0 RTP/AVP\r\n", /no payload type/],
  ["m=video 0 RTP/AVP 300\r\n", /invalid payload type: 300/],
  ["m=video 0 RTP/AVP -1\r\n", /invalid payload type: -1/],
  ["m=video 0 RTP/AVP 96\r\n", /payload type 96 without rtpmap/],
  ["m=video 0 RTP/AVP 96\r\na=rtpmap:96 x/0\r\n", /invalid clock rate of payload type 96/],
  ["m=video 0 RTP/AVP 96\r\na=rtpmap:96 x/-90000\r\n", /invalid clock rate of payload type 96/],
  ["m=video 0 UDP/BFCP 96\r\n", /unsupported protocol of media: UDP\/BFCP/],
  ["m=video 0 RTP/AVP 96\r\na=rtpmap:96 MP4V-ES/90000\r\na=fmtp:96 config=xyz\r\n", /invalid config: xyz/],
  [
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 MP4V-ES/90000\r\na=fmtp:96 config=aabbccdd\r\n",
    /invalid config: aabb/,
  ],
  [VIDEO.repeat(33), /more than 32 medias/],
  [`${VIDEO}${"a=x:y\r\n".repeat(2_000)}`, /more than 1024 attributes/],
];

test("a description without a usable track is refused by name, and the connection with it", async () => {
  await using arena = await Arena.start();
  for (const [body, reason] of REFUSED) {
    await using client = await RtspClient.connect(arena.url("cam"));
    const from = arena.server.log.length;
    const headers = { "Content-Type": "application/sdp" };
    expect((await client.request("ANNOUNCE", { headers, body })).status).toBe(400);
    await client.closed;
    await arena.logged(new RegExp(`closed \\(invalid SDP: .*${reason.source}`), from);
  }
  await arena.settle();
}, 30_000);

test("an announcement that cannot be carried out is refused by name", async () => {
  await using arena = await Arena.start({
    config: "paths:\n  witness:\n  cam:\n    overridePublisher: no\n",
  });
  const sdp = { "Content-Type": "application/sdp" };
  const cases: [string, Record<string, string>, RegExp][] = [
    ["cam", {}, /Content-Type header is missing/],
    ["cam", { "Content-Type": "text/plain" }, /unsupported Content-Type header 'text\/plain'/],
    ["other", sdp, /path 'other' is not configured/],
    ["", sdp, /invalid path name/],
    ["../etc/passwd", sdp, /invalid path name/],
    ["cam/%00", sdp, /invalid/],
  ];
  for (const [path, headers, reason] of cases) {
    await using client = await RtspClient.connect(arena.url("cam"));
    const from = arena.server.log.length;
    const url = `rtsp://127.0.0.1:${arena.server.rtspPort}/${path}`;
    expect((await client.request("ANNOUNCE", { url, headers, body: VIDEO })).status).toBe(400);
    await arena.logged(new RegExp(`closed \\(.*${reason.source}`), from);
  }
  {
    await using first = await RtspClient.connect(arena.url("cam"));
    await first.must("ANNOUNCE", { headers: sdp, body: VIDEO });
    await using second = await RtspClient.connect(arena.url("cam"));
    expect((await second.request("ANNOUNCE", { headers: sdp, body: VIDEO })).status).toBe(400);
    await arena.logged(/closed \(someone is already publishing to path 'cam'\)/);
  }
  await arena.settle();
}, 30_000);

test("SETUP and RECORD in the wrong shape are refused by name", async () => {
  await using arena = await Arena.start();
  const cases: [string, string, RegExp][] = [
    ["/trackID=9", "RTP/AVP/TCP;mode=record", /media not found/],
    ["/", "RTP/AVP/TCP;mode=record", /media not found/],
    ["/trackID=0", "RTP/AVP/TCP;mode=play", /transport header contains a invalid mode \(play\)/],
    ["/trackID=0", "RTP/AVP/TCP;interleaved=0-7;mode=record", /invalid interleaved IDs: 0-7/],
    ["/trackID=0", "RTP/AVP/TCP;interleaved=999-1000;mode=record", /invalid interleaved IDs/],
    ["/trackID=0", "", /Transport header/],
  ];
  for (const [url, transport, reason] of cases) {
    await using client = await RtspClient.connect(arena.url("cam"));
    const from = arena.server.log.length;
    const headers = { "Content-Type": "application/sdp" };
    await client.must("ANNOUNCE", { headers, body: `${VIDEO}a=control:trackID=0\r\n` });
    const given = transport === "" ? {} : { Transport: transport };
    expect((await client.request("SETUP", { url, headers: given })).status).toBe(400);
    await client.closed;
    await arena.logged(new RegExp(`closed \\(.*${reason.source}`), from);
  }
  await arena.settle();
}, 30_000);
