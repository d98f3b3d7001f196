import { expect, test } from "bun:test";
import { ProtocolError } from "../../../src/lib/errors.ts";
import { MAX_HEAD_BYTES, MAX_LINE_BYTES, RtspFramer } from "../../../src/protocols/rtsp/proto/framer.ts";
import { Gatherer } from "../../../src/protocols/rtsp/proto/gatherer.ts";
import { frame, pieces } from "./framing.ts";

const OPTIONS = "OPTIONS rtsp://h/p RTSP/1.0\r\nCSeq: 1\r\n\r\n";
const ANNOUNCE = "ANNOUNCE rtsp://h/p RTSP/1.0\r\nCSeq: 2\r\nContent-Length: 5\r\n\r\nv=0\r\n";
const FRAME = "$\x01\x00\x03abc";

test("messages and frames come out one by one", () => {
  const framer = new RtspFramer("requests");
  const chunk = bytes(OPTIONS + FRAME + ANNOUNCE);
  expect(framer.receive(chunk, 0)).toBe(OPTIONS.length);
  expect(framer.idle).toBe(false);
  expect(framer.receive(chunk, OPTIONS.length)).toBe(0);
  expect(framer.poll()).toMatchObject({ kind: "request", request: { method: "OPTIONS", url: "rtsp://h/p" } });
  expect(framer.poll()).toBeUndefined();
  expect(framer.idle).toBe(true);
  expect(framer.receive(chunk, OPTIONS.length)).toBe(FRAME.length);
  expect(framer.poll()).toEqual({ kind: "interleaved", channel: 1, payload: bytes("abc") });
  expect(framer.receive(chunk, OPTIONS.length + FRAME.length)).toBe(ANNOUNCE.length);
  expect(framer.poll()).toMatchObject({ request: { method: "ANNOUNCE", body: bytes("v=0\r\n") } });
});

test("a frame that is whole in its chunk is a view of it, another is a copy", () => {
  const framer = new RtspFramer("requests");
  const whole = bytes(FRAME);
  framer.receive(whole, 0);
  expect(payload(framer).buffer).toBe(whole.buffer);
  const first = whole.slice(0, 6);
  framer.receive(first, 0);
  expect(framer.idle).toBe(false);
  expect(framer.receive(whole, 6)).toBe(1);
  first.fill(0);
  expect(payload(framer)).toEqual(bytes("abc"));
});

test("a body is a copy", () => {
  const framer = new RtspFramer("requests");
  const chunk = bytes(ANNOUNCE);
  framer.receive(chunk, 0);
  chunk.fill(0);
  expect(framer.poll()).toMatchObject({ request: { body: bytes("v=0\r\n") } });
});

test("however the bytes are cut, the same comes out", () => {
  const big = `$\x02\xff\xff${"x".repeat(65_535)}`;
  const all = bytes(
    `\r\n${OPTIONS}${FRAME}\n${ANNOUNCE}$\x00\x00\x00${big}${OPTIONS.replaceAll("\r", "")}\r\n\r\n`,
  );
  const expected = frame("requests", [all]);
  expect(expected).toMatchObject({ error: undefined, idle: true, items: { length: 6 } });
  expect(
    frame(
      "requests",
      Array.from(all, (byte) => Uint8Array.of(byte)),
    ),
  ).toEqual(expected);
  for (let seed = 1; seed <= 50; seed++) expect(frame("requests", pieces(all, seed))).toEqual(expected);
});

test("a client's framer takes responses, and requests of the server too", () => {
  const text = `RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 2\r\n\r\nhi${OPTIONS}RTSP/1.0 404 \r\n\r\n`;
  const { items, error } = frame("responses", [bytes(text)]);
  expect(error).toBeUndefined();
  expect(items.map(({ kind, start }) => `${kind} ${start}`)).toEqual([
    "response 200 OK",
    "request OPTIONS rtsp://h/p",
    "response 404 ",
  ]);
});

test.each([
  ["RTSP/1.0 200 OK\r\n", "invalid method: RTSP/1.0"],
  ["PUT / HTTP/1.1\r\n", "invalid protocol: HTTP/1.1, expected RTSP/1.0"],
  ["\x16\x03\x01", "invalid first byte of a message: 0x16"],
  ["\x00", "invalid first byte of a message: 0x00"],
  ["OPTIONS\r\n", "invalid request line: OPTIONS"],
  ["OPTIONS *\r\n", "invalid request line: OPTIONS *"],
  ["OPTIONS rtsp://h/\u0000 RTSP/1.0\r\n", "invalid request line: OPTIONS rtsp://h/\u0000 RTSP/1.0"],
  ["OPTIONS * RTSP/1.0 x\r\n", "invalid request line: OPTIONS * RTSP/1.0 x"],
  ["OPT/IONS * RTSP/1.0\r\n", "invalid method: OPT/IONS"],
  [`${"A".repeat(65)} * RTSP/1.0\r\n`, `method longer than 64: ${"A".repeat(64)}…`],
  [`OPTIONS ${"u".repeat(2049)} RTSP/1.0\r\n`, `URL longer than 2048: ${"u".repeat(64)}…`],
  [`A${"b".repeat(MAX_LINE_BYTES)}`, "line longer than 4096 bytes"],
  [`A${"b".repeat(MAX_LINE_BYTES)}\r\n`, "line longer than 4096 bytes"],
  ["OPTIONS * RTSP/1.0\r\nCSeq\r\n", "invalid header line: CSeq"],
  ["OPTIONS * RTSP/1.0\r\n: 1\r\n", "invalid header name: "],
  ["OPTIONS * RTSP/1.0\r\n folded: 1\r\n", "invalid header name:  folded"],
  ["OPTIONS rtsp://u:secret@h/p x\r\n", "invalid protocol: x, expected RTSP/1.0"],
  ["OPTIONS rtsp://u:secret@h/p\r\n", "invalid request line: OPTIONS rtsp://***@h/p"],
  ["OPTIONS * RTSP/1.0\r\nAuthorization: Basic \0\r\n", "invalid value of header Authorization: ***"],
  ["OPTIONS * RTSP/1.0\r\na: b\rc\r\n", "invalid value of header a: b\rc"],
  [`OPTIONS * RTSP/1.0\r\n${"k".repeat(513)}: 1\r\n`, `header name longer than 512: ${"k".repeat(64)}…`],
  [
    `OPTIONS * RTSP/1.0\r\na: ${"v".repeat(2049)}\r\n`,
    `value of header a longer than 2048: ${"v".repeat(64)}…`,
  ],
  [`OPTIONS * RTSP/1.0\r\n${"a: 1\r\n".repeat(256)}`, "too many headers: more than 255"],
  [
    `OPTIONS * RTSP/1.0\r\n${`a: ${"v".repeat(2000)}\r\n`.repeat(33)}`,
    `headers larger than ${MAX_HEAD_BYTES} bytes`,
  ],
  ["OPTIONS * RTSP/1.0\r\nContent-Length: -1\r\n\r\n", "invalid Content-Length: -1"],
  ["OPTIONS * RTSP/1.0\r\nContent-Length: 0x10\r\n\r\n", "invalid Content-Length: 0x10"],
  ["OPTIONS * RTSP/1.0\r\nContent-Length:\r\n\r\n", "invalid Content-Length: "],
  ["OPTIONS * RTSP/1.0\r\nContent-Length: 1\r\ncontent-length: 2\r\n\r\n", "invalid Content-Length: 1, 2"],
  ["OPTIONS * RTSP/1.0\r\nContent-Length: 131073\r\n\r\n", "body larger than 131072: 131073"],
])("%p is refused", (text, message) => {
  const whole = frame("requests", [bytes(text)]);
  expect(whole.error).toBe(message);
  expect(frame("requests", pieces(bytes(text), 7))).toEqual(whole);
});

test.each([
  ["RTSP/2.0 200 OK\r\n", "invalid protocol: RTSP/2.0, expected RTSP/1.0"],
  ["RTSP/1.0\r\n", "invalid status line: RTSP/1.0"],
  ["RTSP/1.0 2000 OK\r\n", "invalid status: 2000"],
  ["RTSP/1.0 099 OK\r\n", "invalid status: 099"],
  ["HTTP/1.1 200 OK\r\n", "invalid protocol: HTTP/1.1, expected RTSP/1.0"],
])("response %p is refused", (text, message) => {
  expect(frame("responses", [bytes(text)]).error).toBe(message);
});

test("the largest of everything passes", () => {
  const headers = `${"k".repeat(512)}: ${"v".repeat(2048)}\r\nContent-Length: 131072\r\n${"a: 1\r\n".repeat(253)}`;
  const text = `${"A".repeat(64)} ${"u".repeat(2048)} RTSP/1.0\r\n${headers}\r\n${"b".repeat(131_072)}`;
  const { items, error } = frame("requests", [bytes(text)]);
  expect(error).toBeUndefined();
  expect(items[0]!.bytes.length).toBe(2 * 131_072);
});

test("a head without end is refused at the cap, whatever it promises", () => {
  const framer = new RtspFramer("requests");
  framer.receive(bytes("OPTIONS * RTSP/1.0\r\n"), 0);
  const line = bytes(`a: ${"v".repeat(1000)}\r\n`);
  let sent = 0;
  expect(() => {
    for (; sent < 100_000_000; sent += line.length) framer.receive(line, 0);
  }).toThrow(ProtocolError);
  expect(sent).toBeLessThan(MAX_HEAD_BYTES);
});

test("bytes that come one at a time are moved a few times, not once per byte", () => {
  const gatherer = new Gatherer(100_000);
  const buffers = new Set<ArrayBufferLike>();
  while (gatherer.missing > 0) {
    gatherer.add(Uint8Array.of(7), 0, 1);
    buffers.add(gatherer.bytes.buffer);
  }
  expect(gatherer.bytes).toEqual(new Uint8Array(100_000).fill(7));
  expect(buffers.size).toBeLessThan(10);
});

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function payload(framer: RtspFramer): Uint8Array {
  const item = framer.poll();
  if (item?.kind !== "interleaved") throw new Error("no interleaved frame");
  return item.payload;
}
