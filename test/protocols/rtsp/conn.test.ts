import { afterEach, beforeEach, expect, test } from "bun:test";
import { settle } from "../../support/fake-clock.ts";
import { interleaved } from "../../support/rtsp-client.ts";
import { FakeServer, TRACKS } from "./fake-conn.ts";

let server: FakeServer;
let lines: string[];

beforeEach(() => {
  server = new FakeServer();
  ({ lines } = server.log);
});

afterEach(() => server.close());

test("a connection that asks for nothing is cut after readTimeout", async () => {
  const silent = server.connect();
  const talking = server.connect();
  expect(await talking.request("OPTIONS", "")).toBe(200);
  await server.advance(10_000);
  expect(silent.reset).toBe(false);
  await server.advance(1_000);
  expect([silent.reset, talking.reset]).toEqual([true, false]);
  expect(lines.at(-1)).toBe("INF [conn 10.0.0.1:5000] closed (i/o timeout: no request)");
});

test("a connection that has asked may think for a minute, with or without a session", async () => {
  await server.connect().publish("cam");
  const bare = server.connect();
  await bare.request("OPTIONS", "");
  const prepared = server.connect();
  expect(await prepared.request("SETUP", "cam/trackID=0", "Transport: RTP/AVP/TCP\r\n")).toBe(200);
  server.conns.values()[0]!.tick = () => {}; // the publisher is not the subject
  await server.advance(60_000);
  expect([bare.reset, prepared.reset]).toEqual([false, false]);
  await server.advance(1_000);
  expect([bare.reset, prepared.reset]).toEqual([true, true]);
});

test("keep-alives keep a prepared session; a playing reader needs none", async () => {
  const publisher = server.connect();
  await publisher.publish("cam");
  const playing = server.connect();
  await playing.play("cam");
  const prepared = server.connect();
  await prepared.request("SETUP", "cam/trackID=0", "Transport: RTP/AVP/TCP\r\n");
  for (let minute = 0; minute < 3; minute++) {
    for (let i = 0; i < 10; i++) {
      publisher.packet(minute * 10 + i);
      await server.advance(5_000);
    }
    expect(await prepared.request("GET_PARAMETER", "cam")).toBe(200);
  }
  expect([publisher.reset, playing.reset, prepared.reset]).toEqual([false, false, false]);
});

test("a publisher is silent for readTimeout at most; part of a frame counts as something", async () => {
  const publisher = server.connect();
  await publisher.publish("cam");
  await server.advance(9_000);
  publisher.feed(new Uint8Array([0x24]));
  await server.advance(10_000);
  expect(publisher.reset).toBe(false);
  await server.advance(1_000);
  expect(publisher.reset).toBe(true);
  expect(lines.at(-1)).toBe("INF [conn 10.0.0.1:5000] closed (i/o timeout: no packets from the publisher)");
});

test("a reader with something waiting makes progress every writeTimeout, or is cut", async () => {
  const publisher = server.connect();
  await publisher.publish("cam");
  const reader = server.connect();
  await reader.play("cam");
  reader.room = 10;
  for (let second = 0; second < 5; second++) {
    publisher.packet(second);
    await server.advance(1_000);
  }
  expect(reader.reset).toBe(false);
  reader.room = 10;
  reader.conn.drain();
  for (let second = 5; second < 10; second++) {
    publisher.packet(second);
    await server.advance(1_000);
  }
  expect(reader.reset).toBe(false);
  publisher.packet(10);
  await server.advance(1_000);
  expect(reader.reset).toBe(true);
  expect(lines.at(-1)).toBe("INF [conn 10.0.0.1:5000] closed (write timeout: the reader does not read)");
});

test("a reader that had everything is not stalled, however long nothing comes", async () => {
  const publisher = server.connect();
  await publisher.publish("cam");
  publisher.conn.tick = () => {};
  const reader = server.connect();
  await reader.play("cam");
  publisher.packet(0);
  await server.advance(120_000);
  expect(reader.reset).toBe(false);
});

test("a response that comes while a packet is half sent waits for its rest", async () => {
  const publisher = server.connect();
  await publisher.publish("cam");
  const reader = server.connect();
  await reader.play("cam");
  publisher.packet(0);
  await server.clock.advance(20);
  reader.take();
  reader.room = 100;
  publisher.packet(1);
  await server.clock.advance(20);
  expect(await reader.request("GET_PARAMETER", "cam")).toBe(0);
  reader.room = Number.POSITIVE_INFINITY;
  reader.conn.drain();
  const rest = reader.take();
  expect(rest.indexOf("RTSP/1.0 200 OK")).toBe(4 + TRACKS[0]!.options.packetBytes - 100);
});

test("a request without CSeq, and one that fails, are answered and end the connection", async () => {
  const [plain, failed] = [server.connect(), server.connect()];
  plain.feed("OPTIONS * RTSP/1.0\r\n\r\n");
  expect(plain.take()).toStartWith("RTSP/1.0 400 Bad Request\r\n");
  expect(plain.ended).toBe(true);
  expect(await failed.request("DESCRIBE", "nothing")).toBe(404);
  expect(failed.ended).toBe(true);
  expect(lines).toContain("INF [conn 10.0.0.1:5000] closed (CSeq is missing)");
  expect(lines).toContain("INF [conn 10.0.0.1:5000] closed (no one is publishing to path 'nothing')");
});

test("what comes after the end of a connection is not looked at", () => {
  const socket = server.connect();
  socket.feed("OPTIONS * RTSP/1.0\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n");
  socket.feed("OPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\n");
  expect(socket.take().match(/RTSP\/1\.0/g)?.length).toBe(1);
});

test("requests between and behind interleaved frames are found in any cut", async () => {
  const publisher = server.connect();
  await publisher.publish("cam");
  const packet = new Uint8Array(2_000);
  const size = TRACKS[0]!.write(packet, 0);
  const head = `rtsp://10.0.0.2/cam RTSP/1.0\r\nCSeq: 9\r\nSession: ${publisher.session}\r\n\r\n`;
  const bytes = Buffer.concat([
    Buffer.from(`GET_PARAMETER ${head}`),
    interleaved(0, packet.subarray(0, size)),
    Buffer.from(`\r\nGET_PARAMETER ${head}`),
    interleaved(1, new Uint8Array(8)),
    Buffer.from(`TEARDOWN ${head}`),
  ]);
  for (const byte of bytes) publisher.feed(new Uint8Array([byte]));
  expect(publisher.take().match(/200 OK/g)?.length).toBe(3);
  expect(publisher.conn.session).toBeUndefined();
  expect(publisher.ended).toBe(false);
});

test("credentials of a URL are in no log line", async () => {
  server.log.output.level = "debug";
  const socket = server.connect();
  socket.feed("DESCRIBE rtsp://user:secret@10.0.0.2/none RTSP/1.0\r\nCSeq: 1\r\n\r\n");
  await settle();
  expect(lines.join("\n")).toContain("closed (no one is publishing to path 'none')");
  server.connect().feed("DESCRIBE rtsp://user:secret@ RTSP/1.0\r\nCSeq: 1\r\n\r\n");
  await settle();
  expect(lines.join("\n")).not.toContain("secret");
});
