import { afterEach, beforeEach, expect, test } from "bun:test";
import { interleaved } from "../../support/rtsp-client.ts";
import { FakeServer, type FakeSocket } from "./fake-conn.ts";

let server: FakeServer;
let lines: string[];

beforeEach(() => {
  server = new FakeServer();
  ({ lines } = server.log);
});

afterEach(() => server.close());

const RECORD = (channels: string) => `Transport: RTP/AVP/TCP;interleaved=${channels};mode=record\r\n`;

function streamOf(publisher: FakeSocket) {
  return publisher.conn.session!.publisher!.stream;
}

/** Packets in the stream. */
function taken(publisher: FakeSocket): number {
  return streamOf(publisher).log.tracks.reduce((sum, { packets }) => sum + packets, 0);
}

/** A packet of the track with another SSRC, sequence number and time. */
function altered(frame: Uint8Array, ssrc: number, seq: number, time?: number): Uint8Array {
  const copy = frame.slice();
  const view = new DataView(copy.buffer);
  view.setUint16(6, seq);
  if (time !== undefined) view.setUint32(8, time);
  view.setUint32(12, ssrc);
  return copy;
}

test("a track that cannot be used is set up and ignored", async () => {
  const publisher = server.connect();
  const odd = "m=application 0 RTP/AVP 98\r\na=control:data\r\n";
  const sdp = `${odd}m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:video\r\n`;
  expect(await publisher.request("ANNOUNCE", "cam", "Content-Type: application/sdp\r\n", sdp)).toBe(200);
  expect(await publisher.request("SETUP", "cam/data", RECORD("0-1"))).toBe(200);
  expect(await publisher.request("SETUP", "cam/video", RECORD("2-3"))).toBe(200);
  expect(await publisher.request("RECORD", "cam")).toBe(200);
  const packet = publisher.frame(0).subarray(4);
  publisher.feed(interleaved(0, packet));
  expect(taken(publisher)).toBe(0);
  publisher.feed(interleaved(2, packet));
  expect(taken(publisher)).toBe(1);
  expect(lines.filter((line) => line.startsWith("WAR"))).toEqual([
    expect.stringContaining("skipping track 1 (application): payload type 98 without rtpmap"),
  ]);
});

test("the odd track may be left out by the publisher too; tracks with one URL are set up in turn", async () => {
  const publisher = server.connect();
  const sdp = "m=audio 0 RTP/AVP 0\r\nm=audio 0 RTP/AVP 8\r\nm=application 0 RTP/AVP 98\r\na=control:x\r\n";
  await publisher.request("ANNOUNCE", "cam", "Content-Type: application/sdp\r\n", sdp);
  expect(await publisher.request("SETUP", "cam", RECORD("0-1"))).toBe(200);
  expect(await publisher.request("SETUP", "cam", RECORD("2-3"))).toBe(200);
  expect(await publisher.request("RECORD", "cam")).toBe(200);
});

test.each([
  ["bytes", [0x51, 0xf3, 0x1c, 0xe1, 0, 0x2c, 0x69, 0xf1]],
  ["the head of a frame on an unknown channel", [0x24, 0xf3, 0x1c, 0xe1]],
  ["many dollar signs", Array<number>(50).fill(0x24)],
  ["a text", Array.from("hello world", (c) => c.charCodeAt(0))],
])("%s between frames are skipped", async (_, junk) => {
  const publisher = server.connect();
  await publisher.publish("cam");
  publisher.packet(0);
  publisher.feed(Buffer.concat([Uint8Array.from(junk), publisher.frame(1)]));
  publisher.feed(Uint8Array.from(junk));
  for (let i = 2; i < 10; i++) publisher.packet(i);
  expect(publisher.ended).toBe(false);
  expect(taken(publisher)).toBeGreaterThanOrEqual(8);
  expect(server.context.ignoredPackets.packets).toBeGreaterThan(0);
  expect(await publisher.request("GET_PARAMETER", "cam")).toBe(200);
});

test("bytes without end that are no packets end the connection", async () => {
  const publisher = server.connect();
  await publisher.publish("cam");
  for (let i = 0; i < 5; i++) publisher.feed(new Uint8Array(60_000));
  expect(publisher.ended).toBe(true);
  expect(lines.at(-1)).toContain("closed (more than 262144 bytes that are no packets)");
});

test("packets that are refused are no sign of life", async () => {
  const publisher = server.connect();
  await publisher.publish("cam");
  const unknown = publisher.frame(0).slice();
  unknown[5] = 99;
  for (let i = 0; i < 11; i++) {
    publisher.feed(unknown);
    publisher.feed(interleaved(1, Uint8Array.from([0x80, 201, 0, 1, 0, 0, 0, 1])));
    await server.advance(1_000);
  }
  expect(publisher.reset).toBe(true);
});

test("another SSRC is followed with its key frame: readers see one that goes on", async () => {
  const publisher = server.connect();
  await publisher.publish("cam");
  publisher.packet(0);
  const { log } = streamOf(publisher);
  const [track] = log.tracks;
  const { ssrc, nextSeq, lastTime } = track!;
  const key = altered(publisher.frame(1), 77, 40_000, 5);
  key[16] = 0x65;
  publisher.feed(key);
  expect(taken(publisher)).toBe(2);
  expect([track!.ssrc, track!.source, track!.nextSeq, track!.lost]).toEqual([ssrc, 77, nextSeq + 1, 0]);
  expect(Math.abs(track!.lastTime - lastTime)).toBeLessThan(90_000);
  expect(lines.filter((line) => line.includes("SSRC"))).toHaveLength(1);
});

test("single packets of another SSRC are refused; without a key frame it is followed after 32 in a row", async () => {
  const publisher = server.connect();
  await publisher.publish("cam");
  const slice = (i: number) => {
    const packet = altered(publisher.frame(i), 77, i);
    packet[16] = 0x41;
    return packet;
  };
  for (let i = 0; i < 50; i++) {
    publisher.packet(i);
    publisher.feed(slice(i));
  }
  expect(taken(publisher)).toBe(50);
  for (let i = 0; i < 32; i++) publisher.feed(slice(i));
  expect([taken(publisher), streamOf(publisher).log.tracks[0]!.source]).toEqual([52, 77]);
});

test("a reader may send SET_PARAMETER, and PLAY to its track or to *", async () => {
  await server.connect().publish("cam");
  for (const url of ["cam/trackID=0", "cam/"]) {
    const reader = server.connect();
    await reader.request("SETUP", "cam/trackID=0", "Transport: RTP/AVP/TCP\r\n");
    expect(await reader.request("PLAY", url)).toBe(200);
    expect(await reader.request("SET_PARAMETER", "cam")).toBe(200);
    reader.feed(`PLAY * RTSP/1.0\r\nCSeq: 9\r\nSession: ${reader.session}\r\n\r\n`);
    expect(reader.take()).toContain("200 OK");
  }
});
