import { expect } from "bun:test";
import { clip, longClip } from "../support/clips.ts";
import { TestServer } from "../support/server.ts";
import { clientTest, ffmpegPublisher, gstPipeline } from "../support/tools.ts";

/** One request on a connection of its own; resolves with the response, body included. */
async function request(port: number, text: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let received = "";
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data(_, chunk) {
        received += chunk.toString("latin1");
        const head = received.indexOf("\r\n\r\n");
        const length = Number(/^content-length: *(\d+)/im.exec(received)?.[1] ?? 0);
        if (head >= 0 && received.length >= head + 4 + length) resolve(received);
      },
      close: () => reject(new Error(`closed after: ${received}`)),
    },
  });
  socket.write(text);
  try {
    return await promise;
  } finally {
    socket.end();
  }
}

function describe(port: number, path: string): Promise<string> {
  return request(
    port,
    `DESCRIBE rtsp://server.example:${port}/${path} RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\n\r\n`,
  );
}

/** Checks `sprop-parameter-sets` and `profile-level-id` of a description (RFC 6184 §8.1). */
function expectParameterSets(text: string): void {
  const [, sps = "", pps = ""] = /sprop-parameter-sets=([^,;]+),([^,;\s]+)/.exec(text) ?? [];
  const bytes = Buffer.from(sps, "base64");
  expect((bytes[0] ?? 0) & 0x1f).toBe(7);
  expect((Buffer.from(pps, "base64")[0] ?? 0) & 0x1f).toBe(8);
  expect(/profile-level-id=([0-9A-Fa-f]{6})/.exec(text)?.[1]?.toUpperCase()).toBe(
    bytes.subarray(1, 4).toString("hex").toUpperCase(),
  );
}

clientTest("the description of what FFmpeg publishes", ["ffmpeg"], 30_000, async () => {
  await using server = await TestServer.start();
  await using _ = ffmpegPublisher(await clip("av"), server.rtsp("a/b"));
  await server.waitForLog(/is publishing/);
  const port = server.rtspPort;
  const text = await describe(port, "a/b");
  const [head = "", sdp = ""] = text.split("\r\n\r\n");
  expect(head.split("\r\n")).toEqual([
    "RTSP/1.0 200 OK",
    "CSeq: 2",
    `Content-Base: rtsp://server.example:${port}/a/b/`,
    `Content-Length: ${sdp.length}`,
    "Content-Type: application/sdp",
    "Server: gortsplib",
  ]);
  const lines = sdp.split("\r\n");
  expect(lines.slice(0, 5)).toEqual([
    "v=0",
    "o=- 0 0 IN IP4 127.0.0.1",
    "s=No Name",
    "c=IN IP4 0.0.0.0",
    "t=0 0",
  ]);
  expect(lines.filter((line) => line.startsWith("m="))).toEqual([
    "m=video 0 RTP/AVP 96",
    "m=audio 0 RTP/AVP 97",
  ]);
  expect(lines.filter((line) => line.startsWith("a=control"))).toEqual([
    `a=control:rtsp://server.example:${port}/a/b/trackID=0`,
    `a=control:rtsp://server.example:${port}/a/b/trackID=1`,
  ]);
  expect(lines).toContain("a=rtpmap:96 H264/90000");
  expect(lines.some((line) => /^a=rtpmap:97 mpeg4-generic\/48000\/2$/i.test(line))).toBe(true);
  expectParameterSets(sdp);
});

clientTest(
  "the description of what GStreamer publishes",
  ["ffmpeg", "gst-launch-1.0", "rtspclientsink"],
  30_000,
  async () => {
    await using server = await TestServer.start();
    await using _ = gstPipeline(
      `filesrc location=${await longClip("h264")} ! qtdemux ! h264parse ! rtspclientsink protocols=tcp latency=0 location=${server.rtsp("cam")}`,
    );
    await server.waitForLog(/is publishing/);
    // GStreamer does not say the profile: it comes from the first parameter sets in band
    let text = "";
    await server.until(async () => {
      text = await describe(server.rtspPort, "cam");
      return text.includes("profile-level-id");
    }, "the profile is known");
    expect(text).toMatch(/\r\na=rtpmap:96 H264\/90000\r\n/);
    expectParameterSets(text);
    expect(text).not.toContain("a=sendonly");
  },
);

clientTest("nobody publishes: 404", [], 30_000, async () => {
  await using server = await TestServer.start();
  expect(await describe(server.rtspPort, "nothing")).toStartWith("RTSP/1.0 404 Not Found\r\n");
});
