import { expect, test } from "bun:test";
import { RtspClient } from "../support/rtsp-client.ts";
import { Arena, descriptors, SHORT } from "./arena.ts";
import { TestPublisher } from "./publisher.ts";
import { TestReader } from "./reader.ts";

const JUNK: readonly Uint8Array[] = [
  new Uint8Array(0),
  Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
  Buffer.from("OPTIONS rtsp://localhost/ RTSP/1.0\r\nCSeq"),
  Buffer.from("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "latin1"),
  Buffer.from([0x24, 0, 0xff, 0xff, 1, 2, 3]),
  Buffer.from("\r\n\r\n\r\n"),
  crypto.getRandomValues(new Uint8Array(700)),
  Buffer.from("ANNOUNCE rtsp://localhost/x RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 131072\r\n\r\nv=0"),
];

/** Runs `job` for 0 to `count` - 1, so many at a time. */
async function inLanes(count: number, lanes: number, job: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await job(next++);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** A connection that sends `junk` and then ignores what comes. */
function connectJunk(port: number, junk: Uint8Array, onClose: () => void) {
  const socket = { data() {}, close: onClose, error() {} };
  return Bun.connect({ hostname: "127.0.0.1", port, socket }).then((open) => {
    if (junk.length > 0) open.write(junk);
    return open;
  });
}

test("5,000 junk connections at once disturb nobody and are all closed", async () => {
  await using arena = await Arena.start({ timeouts: SHORT, peakMb: 250 });
  const { rtspPort } = arena.server;
  const count = 5_000;
  let closed = 0;
  let most = 0;
  await inLanes(count, 100, async (i) => {
    await connectJunk(rtspPort, JUNK[i % JUNK.length]!, () => closed++);
    if (i % 500 === 0) most = Math.max(most, descriptors(arena.server.pid));
  });
  expect(most).toBeGreaterThan(1_000);
  await arena.server.until(() => closed === count, "all are closed");
  await arena.logged(/closed \(i\/o timeout: no request\)/);
  await arena.logged(/closed \(invalid first byte of a message: 0x16\)/);
  await arena.logged(/closed \(invalid protocol: HTTP\/1\.1, expected RTSP\/1\.0\)/);
  await arena.settle();
}, 60_000);

test("100,000 junk connections one after the other leave nothing behind", async () => {
  await using arena = await Arena.start({ peakMb: 250 });
  const { rtspPort } = arena.server;
  const count = 100_000;
  await inLanes(count, 8, async (i) => {
    const socket = await connectJunk(rtspPort, JUNK[i % JUNK.length]!, () => {});
    socket.terminate();
  });
  await arena.settle();
}, 60_000);

test("a flood of SETUP makes sessions that go with their connections", async () => {
  await using arena = await Arena.start({ peakMb: 250 });
  const clients: RtspClient[] = [];
  const url = arena.url("witness");
  await inLanes(1_000, 50, async () => {
    const client = await RtspClient.connect(url);
    clients.push(client);
    await client.must("SETUP", { url: "/trackID=0", headers: { Transport: "RTP/AVP/TCP" } });
  });
  const list = await arena.server.api<{ itemCount: number }>("/v2/rtspsessions/list");
  expect(list.itemCount ?? 0).toBeGreaterThanOrEqual(0);
  for (const client of clients) client.terminate();

  await using one = await RtspClient.connect(arena.url("witness"));
  const headers = { Transport: "RTP/AVP/TCP" };
  const flood = Array.from({ length: 20_000 }, () => one.write("SETUP", { url: "/trackID=0", headers }));
  one.send(Buffer.concat(flood));
  await one.closed;
  await arena.settle();
}, 60_000);

test("streams are refused when the media memory is used up; those that run go on", async () => {
  await using arena = await Arena.start({ config: "mediaMemory: 64M", timeouts: "30s", peakMb: 300 });
  const { rtspPort } = arena.server;
  const publishers: TestPublisher[] = [];
  const refused: RtspClient[] = [];
  await inLanes(3_000, 50, async (i) => {
    const publisher = await TestPublisher.announce(`rtsp://127.0.0.1:${rtspPort}/s${i}`, {
      seed: i,
      audio: false,
    });
    const { status } = await publisher.client.request("RECORD");
    if (status === 200) {
      publisher.sendUntil(0, 3);
      publishers.push(publisher);
    } else {
      expect(status).toBe(503);
      refused.push(publisher.client);
    }
  });
  expect(publishers.length).toBeGreaterThan(100);
  expect(refused.length).toBeGreaterThan(1_000);
  await arena.logged(/closed \(the media memory is used up: \d+ of 512 blocks are taken\)/);
  await Promise.all(refused.map((client) => client.closed));

  const old = publishers.slice(0, 20);
  for (const publisher of old) publisher.resume();
  const readers = await Promise.all(old.map(({ client: { url }, tracks }) => TestReader.start(url, tracks)));
  await Promise.all(readers.map((reader) => reader.more(50)));
  expect(readers.flatMap((reader) => reader.faults)).toEqual([]);
  await Promise.all([...readers, ...publishers].map((peer) => peer[Symbol.asyncDispose]()));

  await using late = await TestPublisher.start(arena.url("late"));
  await late[Symbol.asyncDispose]();
  await arena.settle();
}, 60_000);
