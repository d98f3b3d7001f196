import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { describeStream } from "../../../src/formats/rtp/description.ts";
import { trackSetups } from "../../../src/formats/rtp/track-setup.ts";
import { parseSdp } from "../../../src/formats/sdp/parse.ts";
import type { SourceOwner } from "../../../src/path/source.ts";
import { SlowDirectory, type Step } from "../../path/slow-directory.ts";
import { settle } from "../../support/fake-clock.ts";
import { syntheticSdp } from "../../support/media.ts";
import { FakeServer, type FakeSocket, TRACKS } from "./fake-conn.ts";

/** A server with a slow directory. */
class SlowServer {
  readonly fake = new FakeServer();
  readonly directory = new SlowDirectory(this.fake.context.directory);

  connect(): FakeSocket {
    return this.fake.connect({ ...this.fake.context, directory: this.directory });
  }
}

const SETUP = "Transport: RTP/AVP/TCP\r\n";
const PUBLISH = "Transport: RTP/AVP/TCP;mode=record\r\n";
const announce = (socket: FakeSocket) =>
  socket.request("ANNOUNCE", "new", "Content-Type: application/sdp\r\n", syntheticSdp(TRACKS));

/** Requests up to the one that waits for the step. */
const REQUESTS: Readonly<Record<Step, (socket: FakeSocket) => Promise<number>>> = {
  find: (socket) => socket.request("DESCRIBE", "cam"),
  open: (socket) => socket.request("SETUP", "cam/trackID=0", SETUP),
  attach: (socket) => socket.request("SETUP", "cam/trackID=0", SETUP),
  claim: announce,
  publish: async (socket) => {
    expect(await announce(socket)).toBe(200);
    expect(await socket.request("SETUP", "new/trackID=0", PUBLISH)).toBe(200);
    return socket.request("RECORD", "new");
  },
};

describe.each(Object.keys(REQUESTS) as Step[])("a client that waits for '%s'", (step) => {
  let server: SlowServer;

  beforeEach(async () => {
    server = new SlowServer();
    await server.connect().publish("cam");
    server.directory.held.add(step);
  });

  afterEach(() => server.fake.close());

  for (const isLate of [false, true]) {
    test(`leaves nothing behind when it disconnects ${isLate ? "before" : "after"} the step is taken`, async () => {
      server.directory.isLate = isLate;
      const socket = server.connect();
      expect(await REQUESTS[step](socket)).toBe(0);
      expect(server.directory.waiting).toBe(1);
      socket.conn.closed(undefined);
      server.directory.held.add("attach");
      await server.directory.letGo();
      expect(server.directory.waiting).toBe(0); // it goes no further
      expect(socket.take()).toBe("");
      expect(server.fake.log.lines.join()).not.toContain("to path 'new'");
      expect(server.fake.context.sessions.size).toBe(1);
      expect(server.fake.paths.registry.values().map(({ id }) => id)).toEqual(["cam"]);
      expect(server.fake.paths.registry.get("cam")?.describe()).toMatchObject({ readers: [] });
    });
  }

  test("gets its answer, then those to pipelined requests", async () => {
    const socket = server.connect();
    expect(await REQUESTS[step](socket)).toBe(0);
    socket.feed("OPTIONS * RTSP/1.0\r\nCSeq: 90\r\n\r\n");
    expect(await socket.request("GET_PARAMETER", "cam")).toBe(0);
    await server.directory.letGo();
    const answers = socket.take();
    expect(answers).toStartWith("RTSP/1.0 200 OK\r\n");
    expect(answers.indexOf("CSeq: 90")).toBeGreaterThan(0);
    expect(answers.split("RTSP/1.0").length - 1).toBe(3);
  });
});

describe("a client that waits for a source", () => {
  const { description } = describeStream(parseSdp("m=audio 0 RTP/AVP 0\r\n"));
  let source: SourceOwner | undefined;
  let server: FakeServer;

  beforeEach(() => {
    source = undefined;
    server = new FakeServer("paths:\n  cam: {source: rtsp://camera/, sourceOnDemand: yes}\n", {
      type: "fakeSource",
      label: "fake source",
      start: (owner) => {
        source = owner;
        return { close: () => {} };
      },
    });
  });

  afterEach(() => server.close());

  test.each(["DESCRIBE", "SETUP"])("with %s leaves nothing behind when it disconnects", async (method) => {
    const url = method === "SETUP" ? "cam/trackID=0" : "cam";
    const [gone, stays] = [server.connect(), server.connect()];
    expect(await gone.request(method, url, SETUP)).toBe(0);
    expect(await stays.request(method, url, SETUP)).toBe(0);
    gone.conn.closed(undefined);
    await settle();
    source!.ready(description, trackSetups(description));
    await settle();
    expect(gone.take()).toBe("");
    expect(stays.take()).toStartWith("RTSP/1.0 200 OK\r\n");
    expect(server.context.sessions.size).toBe(method === "SETUP" ? 1 : 0);
    const readers = server.paths.registry.get("cam")?.describe()["readers"] as readonly unknown[];
    expect(readers).toHaveLength(method === "SETUP" ? 1 : 0);
  });
});

test("closing a path while its publisher waits for it closes the publisher", async () => {
  const server = new SlowServer();
  server.directory.held.add("claim");
  const socket = server.connect();
  expect(await announce(socket)).toBe(0);
  await server.fake.paths.close();
  await server.directory.letGo();
  expect(socket.ended).toBe(true);
  expect(server.fake.context.sessions.size).toBe(0);
  await server.fake.close();
});

test("media in the same chunk as RECORD is accepted, whatever its size", async () => {
  const server = new SlowServer();
  server.directory.held.add("publish");
  const socket = server.connect();
  expect(await announce(socket)).toBe(200);
  expect(await socket.request("SETUP", "new/trackID=0", PUBLISH)).toBe(200);
  const record = `RECORD rtsp://10.0.0.2/new RTSP/1.0\r\nCSeq: 9\r\nSession: ${socket.session}\r\n\r\n`;
  const packets = Array.from({ length: 200 }, (_, i) => socket.frame(i));
  socket.feed(Buffer.concat([Buffer.from(record), ...packets]));
  await settle();
  expect(server.directory.waiting).toBe(1);
  await server.directory.letGo();
  expect(socket.take()).toStartWith("RTSP/1.0 200 OK\r\n");
  const { bytesReceived } = server.fake.paths.registry.get("new")!.describe();
  expect(bytesReceived).toBe(packets.reduce((sum, { length }) => sum + length - 4, 0));
  await server.fake.close();
});

test("at most 64 KB are buffered behind a pending request", async () => {
  const server = new SlowServer();
  server.directory.held.add("find");
  const socket = server.connect();
  expect(await socket.request("DESCRIBE", "cam")).toBe(0);
  for (let i = 0; i < 6; i++) socket.feed(new Uint8Array(10_000));
  expect(socket.ended).toBe(false);
  socket.feed(new Uint8Array(10_000));
  expect(socket.ended).toBe(true);
  expect(server.fake.log.lines).toContain(
    "INF [conn 10.0.0.1:5000] closed (too much data received before the response)",
  );
  await server.fake.close();
});

test("pipelined requests that all have to wait are answered in order, whatever their size", async () => {
  const server = new SlowServer();
  await server.connect().publish("cam");
  const socket = server.connect();
  const requests = Array.from({ length: 2_000 }, (_, i) => {
    const method = i % 2 === 0 ? "OPTIONS" : "DESCRIBE";
    return `${method} rtsp://10.0.0.2/cam RTSP/1.0\r\nCSeq: ${i}\r\n\r\n`;
  });
  socket.feed(requests.join(""));
  for (let i = 0; i < 1_000; i++) await settle();
  expect([...(socket.take().match(/CSeq: \d+/g) ?? [])]).toEqual(requests.map((_, i) => `CSeq: ${i}`));
  await server.fake.close();
});
