import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { SystemError } from "../../../src/lib/errors.ts";
import { Base64Decoder } from "../../../src/protocols/rtsp/proto/http-tunnel.ts";
import {
  acceptKey,
  applyMask,
  WebSocketReader,
  writeFrameHeader,
} from "../../../src/protocols/rtsp/proto/websocket.ts";
import type { RtspSession } from "../../../src/protocols/rtsp/session.ts";
import { settle } from "../../support/fake-clock.ts";
import { Random } from "../../support/random.ts";
import { concat } from "../../wasm/twin/packet.ts";
import { FakeServer, type FakeSocket } from "./fake-conn.ts";
import { maskedFrame, unframe } from "./websocket-frames.ts";

const random = new Random(Number(process.env["TEST_SEED"] ?? 5));

/** Cuts bytes into pieces. */
function cut(bytes: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + random.below(200);
    pieces.push(bytes.slice(at, at + size));
    at += size;
  }
  return pieces;
}

test("Base64 is decoded whatever the pieces, with padding and line ends between", () => {
  for (let round = 0; round < 50; round++) {
    const messages = Array.from({ length: 10 }, () => random.bytes(random.below(300)));
    const text = messages.map((bytes) => bytes.toBase64() + random.pick(["", "\r\n"])).join("");
    const decoder = new Base64Decoder();
    const got: Uint8Array[] = [];
    for (const piece of cut(Buffer.from(text))) decoder.receive(piece, (bytes) => got.push(bytes.slice()));
    expect(Buffer.compare(concat(got), concat(messages))).toBe(0);
  }
});

test.each(["AA$A", "A===", "AA=A", "=AAA", "AAAA\u0000"])("%j is no Base64", (text) => {
  expect(() => new Base64Decoder().receive(Buffer.from(text), () => {})).toThrow("invalid Base64");
});

test("frames of WebSocket clients are read whatever the pieces", () => {
  const seen: string[] = [];
  const got: Uint8Array[] = [];
  const reader = new WebSocketReader({
    data: (bytes) => got.push(bytes.slice()),
    ping: (payload) => seen.push(`ping ${payload.length}`),
    close: () => seen.push("close"),
  });
  const payloads = [0, 1, 125, 126, 300, 65_535, 65_536, 70_000].map((size) => random.bytes(size));
  const frames = payloads.flatMap((payload, i) => [
    maskedFrame(i % 3, payload, i % 2 === 0),
    maskedFrame(9, random.bytes(i)),
    maskedFrame(10, random.bytes(3)),
  ]);
  for (const piece of cut(concat([...frames, maskedFrame(8, random.bytes(2))]))) reader.receive(piece);
  expect(Buffer.compare(concat(got), concat(payloads))).toBe(0);
  expect(seen).toEqual([...payloads.map((_, i) => `ping ${i}`), "close"]);
});

test.each(["client", "server"] as const)("frames that a %s writes are read as its own alone", (side) => {
  const got: Uint8Array[] = [];
  const events = { data: (bytes: Uint8Array) => void got.push(bytes.slice()), ping() {}, close() {} };
  const reader = new WebSocketReader(events, side);
  const payloads = [0, 1, 125, 126, 65_535, 65_536].map((size) => random.bytes(size));
  for (const payload of payloads) {
    const mask = side === "client" ? random.bytes(4) : undefined;
    const head = new Uint8Array(14);
    const header = head.subarray(0, writeFrameHeader(head, 2, payload.length, mask));
    const sent = payload.slice();
    if (mask !== undefined) applyMask(sent, mask);
    const frame = concat([header, sent]);
    const other = new WebSocketReader(events, side === "client" ? "server" : "client");
    expect(() => other.receive(frame.slice())).toThrow("a mask");
    for (const piece of cut(frame)) reader.receive(piece);
  }
  expect(Buffer.compare(concat(got), concat(payloads))).toBe(0);
});

test.each([
  ["a frame without a mask", [0x82, 0x01, 0x41]],
  ["a reserved bit", [0xc2, 0x80, 0, 0, 0, 0]],
  ["an unknown opcode", [0x83, 0x80, 0, 0, 0, 0]],
  ["a control frame in pieces", [0x09, 0x80, 0, 0, 0, 0]],
  ["a control frame of 126 bytes", [0x89, 0xfe, 0, 126, 0, 0, 0, 0]],
  ["a frame beyond 53 bits", [0x82, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
])("%s breaks the protocol", (_, bytes) => {
  const reader = new WebSocketReader({ data() {}, ping() {}, close() {} });
  expect(() => reader.receive(Uint8Array.from(bytes))).toThrow("WebSocket");
});

test("the accept key is that of RFC 6455 §1.3", () => {
  expect(acceptKey("dGhlIHNhbXBsZSBub25jZQ==")).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
});

let server: FakeServer;

beforeEach(() => {
  server = new FakeServer();
});

afterEach(async () => {
  await server.close();
  expect(server.context.tunnels.size).toBe(0);
});

const TUNNELLED = "application/x-rtsp-tunnelled";
const OPTIONS = "OPTIONS rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\n\r\n";

function get(cookie: string): FakeSocket {
  const socket = server.connect();
  socket.feed(`GET /cam HTTP/1.0\r\nx-sessioncookie: ${cookie}\r\nAccept: ${TUNNELLED}\r\n\r\n`);
  return socket;
}

function post(cookie: string, body = ""): FakeSocket {
  const socket = server.connect();
  const head = `POST /cam HTTP/1.0\r\nx-sessioncookie: ${cookie}\r\nContent-Type: ${TUNNELLED}\r\n`;
  socket.feed(`${head}Content-Length: 32767\r\n\r\n${body}`);
  return socket;
}

describe("a tunnel over HTTP", () => {
  test("takes requests in its POST and answers in its GET", async () => {
    const [down, other] = [get("a"), get("b")];
    expect(down.take()).toBe(
      `HTTP/1.0 200 OK\r\nCache-Control: no-cache\r\nConnection: close\r\nContent-Type: ${TUNNELLED}\r\nPragma: no-cache\r\n\r\n`,
    );
    const up = post("a", btoa(OPTIONS));
    up.feed(btoa(OPTIONS).slice(0, 7));
    up.feed(btoa(OPTIONS).slice(7));
    await settle();
    expect(down.take().match(/RTSP\/1\.0 200 OK/g)).toHaveLength(2);
    expect(up.take()).toStartWith("HTTP/1.0 200 OK\r\n");
    other.take();
    expect([up.ended, down.ended]).toEqual([false, false]);
  });

  test("carries a publisher's packets", async () => {
    const down = get("a");
    const up = post("a");
    const sdp = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=0\r\n";
    const ask = async (text: string) => {
      up.feed(btoa(text));
      await settle();
      return down.take();
    };
    const type = `Content-Type: application/sdp\r\nContent-Length: ${sdp.length}`;
    await ask(`ANNOUNCE rtsp://h/cam RTSP/1.0\r\nCSeq: 1\r\n${type}\r\n\r\n${sdp}`);
    const transport = "Transport: RTP/AVP/TCP;interleaved=0-1;mode=record";
    const setUp = await ask(`SETUP rtsp://h/cam/trackID=0 RTSP/1.0\r\nCSeq: 2\r\n${transport}\r\n\r\n`);
    const session = /Session: (\w+)/.exec(setUp)?.[1];
    const record = await ask(`RECORD rtsp://h/cam RTSP/1.0\r\nCSeq: 3\r\nSession: ${session}\r\n\r\n`);
    expect(record).toContain("RTSP/1.0 200 OK");
    for (let i = 0; i < 20; i++) {
      up.feed(Buffer.from(up.frame(i).toBase64()));
      if (i % 5 === 0) await server.advance(1_000);
    }
    const [item] = [...server.context.sessions.values()] as RtspSession[];
    expect(item?.publisher?.stream.log.tracks[0]?.packets).toBe(20);
  });

  test("without its POST ends after readTimeout", async () => {
    const down = get("a");
    await server.advance(11_000);
    expect([down.reset, server.log.lines.at(-1)]).toEqual([
      true,
      "INF [conn 10.0.0.1:5000] closed (i/o timeout: no POST request of the HTTP tunnel)",
    ]);
  });

  test("may get another POST in time", async () => {
    const down = get("a");
    const first = post("a", btoa(OPTIONS));
    await server.advance(5_000);
    first.conn.closed(undefined);
    await server.advance(9_000);
    expect(down.reset).toBe(false);
    const second = post("a", btoa(OPTIONS));
    await server.advance(20_000);
    expect([down.reset, down.take().match(/RTSP\/1\.0 200 OK/g)?.length]).toEqual([false, 2]);
    second.conn.closed(undefined);
    await server.advance(12_000);
    expect(down.reset).toBe(true);
  });

  test("ends on both sides when one breaks or the GET is closed; others go on", async () => {
    const others = [get("b"), post("b")];
    const down = get("a");
    const up = post("a");
    up.feed("$$$$");
    expect([down.ended, up.ended]).toEqual([true, true]);
    const [again, upAgain] = [get("a"), post("a")];
    again.conn.closed(undefined);
    expect(upAgain.ended).toBe(true);
    const [third, upThird] = [get("a"), post("a", btoa("nonsense\r\n\r\n"))];
    expect([third.ended, upThird.ended]).toEqual([true, true]);
    others[1]!.feed(btoa(OPTIONS));
    await settle();
    expect(others[0]!.take()).toContain("RTSP/1.0 200 OK");
  });

  test("outlives a POST that is reset: clients that have not read its response close it so", async () => {
    const down = get("a");
    post("a", btoa(OPTIONS)).conn.closed(new SystemError("read: connection reset by peer"));
    await server.advance(1_000);
    post("a", btoa(OPTIONS));
    await settle();
    expect([down.ended, down.take().match(/RTSP\/1\.0 200 OK/g)?.length]).toEqual([false, 2]);
  });

  test("goes on with a new POST though the last one is not yet seen to be closed", async () => {
    const down = get("a");
    const first = post("a", btoa(OPTIONS));
    const second = post("a", btoa(OPTIONS));
    expect([first.ended, second.ended]).toEqual([true, false]);
    first.conn.closed(undefined);
    await server.advance(20_000);
    second.feed(btoa(OPTIONS));
    await settle();
    expect([down.reset, down.take().match(/RTSP\/1\.0 200 OK/g)?.length]).toEqual([false, 3]);
  });

  test("is refused without a GET, with a cookie in use, and when too many wait", () => {
    expect(post("a").take()).toStartWith("HTTP/1.0 400 Bad Request\r\n");
    get("a");
    expect(get("a").take()).toStartWith("HTTP/1.0 400 Bad Request\r\n");
    post("a");
    for (let i = 0; i < 32; i++) expect(get(`w${i}`).take()).toStartWith("HTTP/1.0 200 OK\r\n");
    const refused = get("w32");
    expect([refused.take().split("\r\n", 1)[0], refused.ended]).toEqual([
      "HTTP/1.0 503 Service Unavailable",
      true,
    ]);
    post("w0");
    expect(get("w32").take()).toStartWith("HTTP/1.0 200 OK\r\n");
  });

  test("begins with its first request, and within no other connection", async () => {
    const page = server.connect();
    page.feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    expect([page.take(), page.ended]).toEqual([
      "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
      true,
    ]);
    const rtsp = server.connect();
    rtsp.feed(`${OPTIONS}GET /cam HTTP/1.0\r\nx-sessioncookie: a\r\nAccept: ${TUNNELLED}\r\n\r\n`);
    await settle();
    expect(rtsp.ended).toBe(true);
    const down = get("a");
    post("a", btoa(`GET /cam HTTP/1.0\r\nx-sessioncookie: c\r\nAccept: ${TUNNELLED}\r\n\r\n`));
    expect(down.ended).toBe(true);
  });
});

describe("a WebSocket", () => {
  const HANDSHAKE =
    "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: rtsp.onvif.org\r\n\r\n";

  function open(): FakeSocket {
    const socket = server.connect();
    socket.feed(HANDSHAKE);
    expect(socket.take()).toStartWith("HTTP/1.1 101 Switching Protocols\r\n");
    return socket;
  }

  const taken = (socket: FakeSocket) => unframe(Buffer.from(socket.take(), "latin1"));
  const say = (socket: FakeSocket, text: string, opcode = 2) =>
    socket.feed(maskedFrame(opcode, Buffer.from(text)));

  test("answers requests in binary messages, pings and its closure", async () => {
    const socket = open();
    say(socket, OPTIONS);
    say(socket, OPTIONS, 1);
    say(socket, "hello", 9);
    await settle();
    const { opcodes, payload } = taken(socket);
    expect(opcodes).toEqual([2, 2, 10]);
    expect(
      Buffer.from(payload)
        .toString()
        .match(/RTSP\/1\.0 200 OK/g),
    ).toHaveLength(2);
    socket.feed(maskedFrame(8, Uint8Array.from([3, 232])));
    expect([taken(socket).opcodes, socket.ended]).toEqual([[8], true]);
  });

  test("of another subprotocol or version is refused", () => {
    for (const [part, other] of [
      ["rtsp.onvif.org", "chat"],
      ["Version: 13", "Version: 8"],
      ["b25jZQ==", ""],
    ] as const) {
      const socket = server.connect();
      socket.feed(HANDSHAKE.replace(part, other));
      expect([socket.take().split("\r\n", 1)[0], socket.ended]).toEqual(["HTTP/1.1 400 Bad Request", true]);
    }
  });

  test("that asks for nothing is cut after readTimeout", async () => {
    const socket = open();
    await server.advance(11_000);
    expect(socket.reset).toBe(true);
  });

  test("gets whole messages, however little room its socket has", async () => {
    const publisher = server.connect();
    await publisher.publish("cam");
    const socket = open();
    say(socket, "SETUP rtsp://h/cam/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP\r\n\r\n");
    await settle();
    const head = Buffer.from(socket.take(), "latin1");
    const session = /Session: (\w+)/.exec(head.toString())?.[1];
    say(socket, `PLAY rtsp://h/cam RTSP/1.0\r\nCSeq: 2\r\nSession: ${session}\r\n\r\n`);
    let bytes = Buffer.from(socket.take(), "latin1");
    const frames: Uint8Array[] = [];
    for (let i = 0; i < 200; i++) {
      if (i % 3 === 0) socket.room = random.below(1_500);
      frames.push(publisher.frame(i));
      publisher.packet(i);
      await server.clock.advance(5);
      if (i % 4 !== 0) continue;
      socket.room = random.chance(0.3) ? 700 : Number.POSITIVE_INFINITY;
      socket.conn.drain();
    }
    socket.room = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 3; i++) socket.conn.drain();
    bytes = Buffer.concat([bytes, Buffer.from(socket.take(), "latin1")]);
    const { opcodes, payload } = unframe(bytes);
    expect(new Set(opcodes)).toEqual(new Set([2]));
    // a sender report follows the first packet
    const media = Buffer.from(payload);
    const start = media.indexOf(frames[0] as Uint8Array);
    expect(start).toBeGreaterThan(0);
    const rest = frames.slice(1);
    expect(Buffer.compare(media.subarray(media.indexOf(rest[0] as Uint8Array)), concat(rest))).toBe(0);
    const sent = (socket.conn.describe() as { bytesSent: number }).bytesSent;
    expect(sent).toBeGreaterThan(bytes.length + head.length);
  });
});
