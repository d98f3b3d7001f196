import { afterEach, beforeEach, expect, test } from "bun:test";
import { Authorizer } from "../../../src/auth/authorizer.ts";
import { Door } from "../../../src/auth/door.ts";
import { LoginLimiter } from "../../../src/auth/login-limiter.ts";
import { parseConfig } from "../../../src/config/load.ts";
import type { TcpSocket } from "../../../src/host/tcp.ts";
import type { LogOutput } from "../../../src/lib/log.ts";
import { Registry } from "../../../src/lib/registry.ts";
import { PathManager } from "../../../src/path/manager.ts";
import { RtspConn } from "../../../src/protocols/rtsp/conn.ts";
import type { RtspSession, SessionContext } from "../../../src/protocols/rtsp/session.ts";
import { MediaMemory } from "../../../wasm/core.ts";
import { testLog } from "../../lib/test-log.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";
import { syntheticSdp, syntheticTracks } from "../../support/media.ts";
import { interleaved } from "../../support/rtsp-client.ts";

const memory = MediaMemory.load(16 * 1024 * 1024);
const TRACKS = syntheticTracks({ audio: false });
let clock: FakeClock;
let conns: Registry<RtspConn>;
let context: SessionContext;
let lines: string[];
let output: LogOutput;

/** A socket that takes `room` bytes and keeps them. */
class FakeSocket implements TcpSocket {
  readonly remote = "10.0.0.1:5000";
  readonly remoteAddress = "10.0.0.1";
  readonly local = "10.0.0.2:8554";
  readonly descriptor = undefined;
  readonly conn: RtspConn;
  room = Number.POSITIVE_INFINITY;
  ended = false;
  reset = false;
  #received = "";
  #cseq = 0;
  session = "";

  constructor() {
    this.conn = new RtspConn(context, this);
  }

  write(bytes: Uint8Array, offset: number, length: number): number {
    const taken = Math.min(length, this.room);
    this.room -= taken;
    this.#received += Buffer.from(bytes.slice(offset, offset + taken)).toString("latin1");
    return taken;
  }

  end(): void {
    this.ended = true;
  }

  terminate(): void {
    this.reset = true;
  }

  failed(error: unknown): void {
    throw error;
  }

  pause(): void {}
  resume(): void {}

  /** What the server sent since the last call. */
  take(): string {
    const text = this.#received;
    this.#received = "";
    return text;
  }

  feed(text: string | Uint8Array): void {
    this.conn.data(Buffer.from(text));
  }

  /** Sends a request; the status of the response, 0 when there was none. */
  async request(method: string, url: string, headers = "", body = ""): Promise<number> {
    this.#cseq += 1;
    const session = this.session === "" ? "" : `Session: ${this.session}\r\n`;
    const length = body === "" ? "" : `Content-Length: ${body.length}\r\n`;
    const head = `${method} rtsp://10.0.0.2/${url} RTSP/1.0\r\nCSeq: ${this.#cseq}\r\n`;
    this.feed(`${head}${session}${headers}${length}\r\n${body}`);
    await settle();
    const response = this.take();
    this.session = /Session: (\w+)/.exec(response)?.[1] ?? this.session;
    return Number(/RTSP\/1\.0 (\d+)/.exec(response)?.[1] ?? 0);
  }

  /** Becomes a publisher on a path. */
  async publish(path: string): Promise<void> {
    await this.request("ANNOUNCE", path, "Content-Type: application/sdp\r\n", syntheticSdp(TRACKS));
    await this.request(
      "SETUP",
      `${path}/trackID=0`,
      "Transport: RTP/AVP/TCP;interleaved=0-1;mode=record\r\n",
    );
    expect(await this.request("RECORD", path)).toBe(200);
  }

  /** Becomes a reader of a path. */
  async play(path: string): Promise<void> {
    await this.request("SETUP", `${path}/trackID=0`, "Transport: RTP/AVP/TCP\r\n");
    expect(await this.request("PLAY", path)).toBe(200);
  }

  /** Sends a packet of the track. */
  packet(number: number): void {
    const packet = new Uint8Array(2_000);
    const size = TRACKS[0]!.write(packet, number);
    this.feed(interleaved(0, packet.subarray(0, size)));
  }
}

/** Goes on by `ms`, in the steps of the server. */
async function advance(ms: number): Promise<void> {
  for (let gone = 0; gone < ms; gone += 1_000) {
    await clock.advance(1_000);
    for (const conn of conns.values()) conn.tick(clock.now());
  }
}

beforeEach(() => {
  clock = new FakeClock();
  const log = testLog();
  ({ lines, output } = log);
  const { logger } = log;
  const paths = new PathManager({ logger, clock, memory, config: parseConfig("paths:\n  all:\n") });
  conns = new Registry<RtspConn>("rtspconns");
  context = {
    logger,
    clock,
    memory,
    paths,
    conns,
    sessions: new Registry<RtspSession>("rtspsessions"),
    keys: new Map(),
    readTimeout: 10_000,
    writeTimeout: 5_000,
    secure: false,
    door: new Door({
      clock,
      limiter: new LoginLimiter(),
      authorizer: new Authorizer(clock, logger),
      rules: paths,
    }),
    ignoredPackets: { datagrams: 0, packets: 0 },
    authMethods: ["basic"],
    tcp: true,
    udp: undefined,
    multicast: undefined,
  };
});

afterEach(async () => {
  for (const conn of context.conns.values()) conn.close(new Error("terminated"));
  await context.paths.close();
  await clock.advance(2_000);
  expect(context.sessions.size + context.keys.size + context.conns.size).toBe(0);
  expect(memory.state.blocksTaken).toBe(0);
});

test("a connection that asks for nothing is cut after readTimeout", async () => {
  const silent = new FakeSocket();
  const talking = new FakeSocket();
  expect(await talking.request("OPTIONS", "")).toBe(200);
  await advance(10_000);
  expect(silent.reset).toBe(false);
  await advance(1_000);
  expect([silent.reset, talking.reset]).toEqual([true, false]);
  expect(lines.at(-1)).toBe("INF [conn 10.0.0.1:5000] closed (i/o timeout: no request)");
});

test("a connection that has asked may think for a minute, with or without a session", async () => {
  await new FakeSocket().publish("cam");
  const bare = new FakeSocket();
  await bare.request("OPTIONS", "");
  const prepared = new FakeSocket();
  expect(await prepared.request("SETUP", "cam/trackID=0", "Transport: RTP/AVP/TCP\r\n")).toBe(200);
  conns.values()[0]!.tick = () => {}; // the publisher is not the subject
  await advance(60_000);
  expect([bare.reset, prepared.reset]).toEqual([false, false]);
  await advance(1_000);
  expect([bare.reset, prepared.reset]).toEqual([true, true]);
});

test("keep-alives keep a prepared session; a playing reader needs none", async () => {
  const publisher = new FakeSocket();
  await publisher.publish("cam");
  const playing = new FakeSocket();
  await playing.play("cam");
  const prepared = new FakeSocket();
  await prepared.request("SETUP", "cam/trackID=0", "Transport: RTP/AVP/TCP\r\n");
  for (let minute = 0; minute < 3; minute++) {
    for (let i = 0; i < 10; i++) {
      publisher.packet(minute * 10 + i);
      await advance(5_000);
    }
    expect(await prepared.request("GET_PARAMETER", "cam")).toBe(200);
  }
  expect([publisher.reset, playing.reset, prepared.reset]).toEqual([false, false, false]);
});

test("a publisher is silent for readTimeout at most; part of a frame counts as something", async () => {
  const publisher = new FakeSocket();
  await publisher.publish("cam");
  await advance(9_000);
  publisher.feed(new Uint8Array([0x24]));
  await advance(10_000);
  expect(publisher.reset).toBe(false);
  await advance(1_000);
  expect(publisher.reset).toBe(true);
  expect(lines.at(-1)).toBe("INF [conn 10.0.0.1:5000] closed (i/o timeout: the publisher has gone silent)");
});

test("a reader with something waiting makes progress every writeTimeout, or is cut", async () => {
  const publisher = new FakeSocket();
  await publisher.publish("cam");
  const reader = new FakeSocket();
  await reader.play("cam");
  reader.room = 10;
  for (let second = 0; second < 5; second++) {
    publisher.packet(second);
    await advance(1_000);
  }
  expect(reader.reset).toBe(false);
  reader.room = 10;
  reader.conn.drain();
  for (let second = 5; second < 10; second++) {
    publisher.packet(second);
    await advance(1_000);
  }
  expect(reader.reset).toBe(false);
  publisher.packet(10);
  await advance(1_000);
  expect(reader.reset).toBe(true);
  expect(lines.at(-1)).toBe(
    "INF [conn 10.0.0.1:5000] closed (write timed out: the reader has stopped reading)",
  );
});

test("a reader that had everything is not stalled, however long nothing comes", async () => {
  const publisher = new FakeSocket();
  await publisher.publish("cam");
  publisher.conn.tick = () => {};
  const reader = new FakeSocket();
  await reader.play("cam");
  publisher.packet(0);
  await advance(120_000);
  expect(reader.reset).toBe(false);
});

test("a response that comes while a packet is half sent waits for its rest", async () => {
  const publisher = new FakeSocket();
  await publisher.publish("cam");
  const reader = new FakeSocket();
  await reader.play("cam");
  publisher.packet(0);
  await clock.advance(20);
  reader.take();
  reader.room = 100;
  publisher.packet(1);
  await clock.advance(20);
  expect(await reader.request("GET_PARAMETER", "cam")).toBe(0);
  reader.room = Number.POSITIVE_INFINITY;
  reader.conn.drain();
  const rest = reader.take();
  expect(rest.indexOf("RTSP/1.0 200 OK")).toBe(4 + TRACKS[0]!.options.packetBytes - 100);
});

test("a request without CSeq, and one that fails, are answered and end the connection", async () => {
  const [plain, failed] = [new FakeSocket(), new FakeSocket()];
  plain.feed("OPTIONS * RTSP/1.0\r\n\r\n");
  expect(plain.take()).toStartWith("RTSP/1.0 400 Bad Request\r\n");
  expect(plain.ended).toBe(true);
  expect(await failed.request("DESCRIBE", "nothing")).toBe(404);
  expect(failed.ended).toBe(true);
  expect(lines).toContain("INF [conn 10.0.0.1:5000] closed (CSeq is missing)");
  expect(lines).toContain("INF [conn 10.0.0.1:5000] closed (no one is publishing to path 'nothing')");
});

test("what comes after the end of a connection is not looked at", () => {
  const socket = new FakeSocket();
  socket.feed("OPTIONS * RTSP/1.0\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n");
  socket.feed("OPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\n");
  expect(socket.take().match(/RTSP\/1\.0/g)?.length).toBe(1);
});

test("requests between and behind interleaved frames are found in any cut", async () => {
  const publisher = new FakeSocket();
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

test("whatever came behind a request in the same chunk is answered in order, however much it is", async () => {
  const socket = new FakeSocket();
  const requests = Array.from({ length: 2_000 }, (_, i) => {
    const method = i % 2 === 0 ? "OPTIONS" : "SETUP";
    const headers = `CSeq: ${i}\r\nTransport: RTP/AVP/TCP\r\n`;
    return `${method} rtsp://10.0.0.2/cam RTSP/1.0\r\n${headers}\r\n`;
  });
  await new FakeSocket().publish("cam");
  socket.feed(requests.map((request) => request.replace("/cam", "/cam/trackID=9")).join(""));
  await settle();
  expect(socket.take().match(/CSeq: \d+/g)).toEqual(["CSeq: 0", "CSeq: 1"]); // there is no such track
  const other = new FakeSocket();
  const describes = requests.map((request) => request.replace("SETUP", "DESCRIBE"));
  other.feed(describes.join(""));
  for (let i = 0; i < 2_000; i++) await settle();
  expect([...(other.take().match(/CSeq: \d+/g) ?? [])]).toEqual(requests.map((_, i) => `CSeq: ${i}`));
  expect(other.ended).toBe(false);
});

test("no more than 64 KB are kept behind a request that waits", async () => {
  const { registry } = context.paths;
  const socket = new FakeSocket();
  expect(registry.size).toBe(0);
  socket.feed("DESCRIBE rtsp://10.0.0.2/cam RTSP/1.0\r\nCSeq: 1\r\n\r\n");
  for (let i = 0; i < 10; i++) socket.feed(new Uint8Array(10_000));
  expect(socket.ended).toBe(true);
  expect(lines).toContain("INF [conn 10.0.0.1:5000] closed (too much was sent before the answer)");
});

test("credentials of a URL are in no log line", async () => {
  output.level = "debug";
  const socket = new FakeSocket();
  socket.feed("DESCRIBE rtsp://user:secret@10.0.0.2/none RTSP/1.0\r\nCSeq: 1\r\n\r\n");
  await settle();
  expect(lines.join("\n")).toContain("closed (no one is publishing to path 'none')");
  new FakeSocket().feed("DESCRIBE rtsp://user:secret@ RTSP/1.0\r\nCSeq: 1\r\n\r\n");
  await settle();
  expect(lines.join("\n")).not.toContain("secret");
});
