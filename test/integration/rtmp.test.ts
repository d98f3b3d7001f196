import { describe, expect, test } from "bun:test";
import { writeEvent, writeStreamCommand } from "../../src/protocols/rtmp/proto/message.ts";
import { contiguousRun } from "../support/exact.ts";
import { RtmpTestClient } from "../support/rtmp-client.ts";
import { TestServer } from "../support/server.ts";
import { Certificates } from "./certificates.ts";
import { flvTags, frames, sendTags } from "./rtmp-flv.ts";

const LIMIT_MS = 90_000;
const PATHS = `paths:
  guarded:
    publishUser: pub
    publishPass: secret1
    readUser: reader
    readPass: secret2
  single:
    overridePublisher: no
  full:
    maxReaders: 1
  pulled:
    source: rtsp://127.0.0.1:1/x
  open:
`;

/** What a client is told that asks for something that it does not get, before the connection ends. */
async function refusal(url: string, action: "publish" | "play") {
  await using client = await RtmpTestClient.connect(url);
  await client.open();
  if (action === "publish") client.publish();
  else client.play();
  await client.closed;
  return client.told.filter(({ name }) => name === "onStatus").map(({ level, code }) => [level, code]);
}

describe("requests that are refused get one status, an error, and the connection ends", () => {
  test.each([
    ["publish", "guarded?user=pub&pass=wrong", "NetStream.Publish.Denied"],
    ["publish", "guarded", "NetStream.Publish.Denied"],
    ["play", "guarded?user=pub&pass=secret1", "NetStream.Play.Failed"],
    ["publish", "pulled", "NetStream.Publish.BadName"],
    ["publish", "open/../x", "NetStream.Publish.BadName"],
    ["play", "open", "NetStream.Play.StreamNotFound"],
  ] as const)(
    "%s %s: %s",
    async (action, name, code) => {
      await using server = await TestServer.start({ config: PATHS });
      expect(await refusal(server.rtmp(name), action)).toEqual([["error", code]]);
      await server.waitForLog(/\[RTMP\] \[conn \S+\] closed \(/);
      expect(server.log).not.toContain("secret1");
      expect(server.log).not.toContain("wrong");
    },
    LIMIT_MS,
  );

  test(
    "a path that is not configured, where paths need no credentials",
    async () => {
      await using server = await TestServer.start({ config: "paths:\n  open:\n" });
      expect(await refusal(server.rtmp("other"), "publish")).toEqual([
        ["error", "NetStream.Publish.BadName"],
      ]);
      expect(await refusal(server.rtmp("other"), "play")).toEqual([
        ["error", "NetStream.Play.StreamNotFound"],
      ]);
      await server.waitForLog(/closed \(path 'other' is not configured\)/);
    },
    LIMIT_MS,
  );

  test(
    "a path that is taken, and one that has its readers",
    async () => {
      await using server = await TestServer.start({ config: PATHS });
      await using first = await RtmpTestClient.publishing(server.rtmp("single"));
      expect(await refusal(server.rtmp("single"), "publish")).toEqual([
        ["error", "NetStream.Publish.BadName"],
      ]);
      expect(first.isClosed).toBe(false);
      await using publisher = await RtmpTestClient.publishing(server.rtmp("full"));
      sendTags(publisher, await flvTags());
      await server.waitForLog(/is publishing to path 'full'/);
      await using reader = await RtmpTestClient.playing(server.rtmp("full"));
      expect(await refusal(server.rtmp("full"), "play")).toEqual([["error", "NetStream.Play.Failed"]]);
      expect(reader.isClosed).toBe(false);
    },
    LIMIT_MS,
  );
});

test(
  "what is published is read: sequence headers first, then every frame from a key frame on",
  async () => {
    await using server = await TestServer.start();
    await using publisher = await RtmpTestClient.publishing(server.rtmp("app/key?x=1"));
    const tags = await flvTags();
    sendTags(publisher, tags.slice(0, 100));
    await server.waitForLog(
      /\[RTMP\] \[conn \S+\] is publishing to path 'app\/key', 2 tracks \(H264, MPEG-4 Audio\)/,
    );
    await using reader = await RtmpTestClient.playing(server.rtmp("app/key"));
    await server.waitForLog(
      /\[RTMP\] \[conn \S+\] is reading from path 'app\/key', 2 tracks \(H264, MPEG-4 Audio\)/,
    );
    sendTags(publisher, tags.slice(100));
    const wanted = frames(tags, 9).length - 60;
    await reader.until(
      () => (frames(reader.received, 9).length >= wanted ? true : undefined),
      "the pictures",
    );
    expect(reader.codes).toEqual([
      "NetStream.Play.Reset",
      "NetStream.Play.Start",
      "NetStream.Data.Start",
      "NetStream.Play.PublishNotify",
    ]);
    expect(Object.fromEntries(reader.metadata ?? [])).toEqual({
      width: 320,
      height: 240,
      framerate: 25,
      videocodecid: 7,
      videodatarate: 0,
      audiocodecid: 10,
      audiodatarate: 0,
      audiosamplerate: 48_000,
      stereo: true,
    });
    const [video, audio] = [9, 8].map((type) => reader.media.find((message) => message.type === type));
    expect([...(video?.body.subarray(0, 5) ?? [])]).toEqual([0x17, 0, 0, 0, 0]);
    expect([...(audio?.body.subarray(0, 2) ?? [])]).toEqual([0xaf, 0]);
    const shown = reader.media.find(({ type, body }) => type === 9 && body[1] === 1);
    expect(shown?.body[0]).toBe(0x17);
    contiguousRun(frames(tags, 9), frames(reader.received, 9));
    contiguousRun(frames(tags, 8), frames(reader.received, 8));
    const times = reader.media.map(({ timestamp }) => timestamp);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  },
  LIMIT_MS,
);

test(
  "readers are told that the stream has ended; a publisher may come back on its connection",
  async () => {
    await using server = await TestServer.start();
    await using publisher = await RtmpTestClient.publishing(server.rtmp("live/a"));
    const tags = await flvTags();
    for (const round of [1, 2]) {
      sendTags(publisher, tags.slice(0, 200), 10_000 * round);
      await server.until(
        () => server.log.split("is publishing to path 'live/a'").length === round + 1,
        `round ${round}`,
      );
      await using reader = await RtmpTestClient.playing(server.rtmp("live/a"));
      publisher.send(writeStreamCommand(1, "deleteStream", 5, null, 1));
      await reader.closed;
      expect(reader.codes.at(-1)).toBe("NetStream.Play.UnpublishNotify");
      expect(reader.received.some(({ type, body }) => type === 4 && body[1] === 1)).toBe(true);
      await publisher.status("NetStream.Unpublish.Success");
      publisher.publish();
      await publisher.until(
        () =>
          publisher.codes.filter((code) => code === "NetStream.Publish.Start").length > round
            ? true
            : undefined,
        "publishing is accepted again",
      );
    }
  },
  LIMIT_MS,
);

test(
  "one thing at a time: a second request is refused, and the first one goes on",
  async () => {
    await using server = await TestServer.start();
    await using publisher = await RtmpTestClient.publishing(server.rtmp("live/a"));
    publisher.publish("b");
    await publisher.status("NetStream.Publish.BadName");
    publisher.play("a");
    await publisher.status("NetStream.Play.Failed");
    sendTags(publisher, await flvTags());
    await server.waitForLog(/is publishing to path 'live\/a'/);
  },
  LIMIT_MS,
);

test(
  "pings are answered, windows acknowledged",
  async () => {
    await using server = await TestServer.start();
    await using publisher = await RtmpTestClient.publishing(server.rtmp("live/a"));
    publisher.send(writeEvent(6, 0x1234_5678));
    const pong = await publisher.until(
      () => publisher.received.find(({ type, body }) => type === 4 && body[1] === 7),
      "the ping is answered",
    );
    expect([...pong.body.subarray(2)]).toEqual([0x12, 0x34, 0x56, 0x78]);
    const tags = await flvTags();
    for (let i = 0; i < 8; i++) sendTags(publisher, tags, 10_000 * i);
    await publisher.until(() => publisher.received.find(({ type }) => type === 3), "an acknowledgement");
  },
  LIMIT_MS,
);

test(
  "the API lists and kicks connections, and the metrics count them",
  async () => {
    await using server = await TestServer.start();
    await using publisher = await RtmpTestClient.publishing(server.rtmp("live/a"));
    sendTags(publisher, await flvTags());
    await server.waitForLog(/is publishing to path/);
    await using reader = await RtmpTestClient.playing(server.rtmp("live/a"));
    interface Item {
      readonly id: string;
      readonly state: string;
      readonly path: string;
      readonly bytesReceived: number;
      readonly bytesSent: number;
    }
    const { items } = await server.api<{ items: Item[] }>("/v2/rtmpconns/list");
    expect(items.map(({ state, path }) => [state, path])).toEqual([
      ["publish", "live/a"],
      ["read", "live/a"],
    ]);
    expect(items[0]?.bytesReceived).toBeGreaterThan(100_000);
    const { readers, source } = await server.api<{ readers: object[]; source: object }>(
      "/v2/paths/get/live/a",
    );
    expect([source, ...readers]).toEqual([
      { type: "rtmpConn", id: items[0]?.id },
      { type: "rtmpConn", id: items[1]?.id },
    ]);
    expect(await server.metric("rtmp_conns")).toBe(1);
    const kick = await fetch(`${server.apiUrl}/v2/rtmpconns/kick/${items[1]?.id}`, { method: "POST" });
    expect(kick.status).toBe(200);
    await reader.closed;
    expect(publisher.isClosed).toBe(false);
  },
  LIMIT_MS,
);

test.skipIf(!Certificates.available)(
  "RTMPS carries the same",
  async () => {
    using certificates = new Certificates("one");
    const files = `rtmpServerKey: ${certificates.keyFile}\nrtmpServerCert: ${certificates.certFile}\n`;
    await using server = await TestServer.start({
      config: `rtmpEncryption: strict\n${files}paths:\n  all:\n`,
    });
    await using publisher = await RtmpTestClient.publishing(server.rtmps("live/a"));
    const tags = await flvTags();
    sendTags(publisher, tags.slice(0, 300));
    await server.waitForLog(/\[RTMPS\] \[conn \S+\] is publishing to path/);
    await using reader = await RtmpTestClient.playing(server.rtmps("live/a"));
    sendTags(publisher, tags.slice(300));
    await reader.until(() => (frames(reader.received, 9).length > 100 ? true : undefined), "pictures");
    contiguousRun(frames(tags, 9), frames(reader.received, 9));
    const { items } = await server.api<{ items: object[] }>("/v2/rtmpsconns/list");
    expect(items.length).toBe(2);
  },
  LIMIT_MS,
);

test(
  "a client that can is asked to reconnect when the server stops",
  async () => {
    await using server = await TestServer.start();
    await using able = await RtmpTestClient.connect(server.rtmp("live/a"));
    await able.open({ capsEx: 1 });
    await using other = await RtmpTestClient.connect(server.rtmp("live/a"));
    await other.open();
    await server.stop();
    await Promise.all([able.closed, other.closed]);
    expect(able.codes).toEqual(["NetConnection.Connect.ReconnectRequest"]);
    expect(other.codes).toEqual([]);
  },
  LIMIT_MS,
);

/** A frame of Opus, in the enhanced form. */
function opus(timestamp: number) {
  return {
    type: 8,
    timestamp,
    body: new Uint8Array([0x91, ...Buffer.from("Opus"), 0xfc, 1, 2, timestamp & 255]),
  };
}

test(
  "a client gets the tracks that it can play; if there is none, it is refused with the codecs named",
  async () => {
    await using server = await TestServer.start();
    await using sound = await RtmpTestClient.publishing(server.rtmp("sound"));
    await using both = await RtmpTestClient.publishing(server.rtmp("both"));
    const tags = (await flvTags()).filter(({ type }) => type === 9);
    const sounds = Array.from({ length: 500 }, (_, i) => opus(20 * i));
    const mixed = [...tags, ...sounds].sort((one, other) => one.timestamp - other.timestamp);
    let round = 0;
    const send = () => {
      sendTags(both, mixed, 10_000 * round);
      sendTags(sound, sounds, 10_000 * round);
      round++;
    };
    const timer = setInterval(send, 300);
    try {
      await server.waitForLog(/is publishing to path 'sound', 1 track \(Opus\)/);
      await server.waitForLog(/is publishing to path 'both', 2 tracks \(H264, Opus\)/);
      expect(await refusal(server.rtmp("sound"), "play")).toEqual([["error", "NetStream.Play.Failed"]]);
      await server.waitForLog(/closed \(the client doesn't support any codec of the stream \(Opus\)\)/);
      await using legacy = await RtmpTestClient.playing(server.rtmp("both"));
      await server.waitForLog(/skipping tracks that the client doesn't support: Opus/);
      await using able = await RtmpTestClient.playing(server.rtmp("both"), {
        audioFourCcInfoMap: new Map([["*", 1]]),
      });
      for (const [client, types] of [
        [legacy, [9]],
        [able, [8, 9]],
      ] as const) {
        await client.until(() => (client.media.length > 100 ? true : undefined), "media");
        expect([...new Set(client.media.map(({ type }) => type))].sort()).toEqual([...types]);
      }
    } finally {
      clearInterval(timer);
    }
  },
  LIMIT_MS,
);
