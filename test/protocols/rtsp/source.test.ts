import { afterEach, beforeEach, expect, test } from "bun:test";
import { PathManager } from "../../../src/path/manager.ts";
import type { Path } from "../../../src/path/path.ts";
import type { RunningSource, SourceOwner } from "../../../src/path/source.ts";
import { type RtspSourceOptions, startRtspSource } from "../../../src/protocols/rtsp/source.ts";
import type { Stream } from "../../../src/stream/stream.ts";
import { MediaMemory } from "../../../wasm/core.ts";
import { testLog } from "../../lib/test-log.ts";
import { parseConfig } from "../../support/config.ts";
import { SOURCES } from "../../support/declared.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { takeFaults } from "../../support/faults.ts";
import { syntheticSdp, syntheticTracks } from "../../support/media.ts";
import { interleaved } from "../../support/rtsp-client.ts";
import { type FakeConnection, FakeNetwork } from "./fake-network.ts";

const READ_TIMEOUT_MS = 10_000;
const TRACKS = syntheticTracks({ audio: false });
const SDP = { "Content-Type": "application/sdp" };
const memory = MediaMemory.load(8 * 1024 * 1024);
let clock: FakeClock;
let network: FakeNetwork;
let lines: string[];
let failures: string[];
let streams: PathManager;
let stream: Stream | undefined;
let source: RunningSource | undefined;

const publisher = { type: "fake", id: "1", close: () => {} };

beforeEach(() => {
  clock = new FakeClock();
  network = new FakeNetwork();
  failures = [];
  stream = undefined;
  source = undefined;
});

afterEach(async () => {
  source?.close();
  await streams.close();
  expect(memory.state.blocksTaken).toBe(0);
});

/** Starts a source with these parameters of its path. */
function start(url = "rtsp://camera/stream", parameters = ""): void {
  const log = testLog("debug");
  ({ lines } = log);
  const conf = parseConfig(`paths:\n  cam:\n    source: ${url}\n${parameters}`, SOURCES).paths.get("cam")!;
  streams = new PathManager({ logger: log.logger, clock, memory, config: parseConfig("paths:\n  cam:\n") });
  const path: Path = streams.addPublisher("cam", publisher);
  const options: RtspSourceOptions = {
    clock,
    memory,
    ignoredPackets: { datagrams: 0, packets: 0 },
    readTimeout: READ_TIMEOUT_MS,
    network,
  };
  const owner: SourceOwner = {
    name: "cam",
    conf,
    logger: log.logger,
    ready: (description, tracks) => {
      stream = streams.publish(path, publisher, description, tracks);
      return stream;
    },
    recall: (make) => make(),
    failed: (error) => {
      failures.push(error.message);
      path.endStream();
    },
  };
  source = startRtspSource(owner, options);
}

const TCP = "    sourceProtocol: tcp\n";

/** Answers everything up to PLAY, which is taken and not answered; the Transport header of SETUP. */
async function untilPlay(connection: FakeConnection, session = "s"): Promise<string> {
  connection.open();
  connection.take("OPTIONS");
  connection.answer({ Public: "DESCRIBE, SETUP, PLAY, GET_PARAMETER" });
  connection.take("DESCRIBE");
  connection.answer(SDP, syntheticSdp(TRACKS));
  await clock.advance(0);
  const asked = connection.take("SETUP").headers.get("Transport") ?? "";
  connection.answer({ Session: session, Transport: asked.replace(";mode=play", "") });
  await clock.advance(0);
  connection.take("PLAY");
  return asked;
}

function packet(number: number): Uint8Array {
  const bytes = new Uint8Array(2_000);
  return bytes.subarray(0, TRACKS[0]!.write(bytes, number));
}

test("over TCP the stream is there with the answer to PLAY, and every packet gets into it", async () => {
  start(undefined, TCP);
  expect(await untilPlay(network.last)).toContain("RTP/AVP/TCP;unicast;interleaved=0-1");
  expect(stream).toBeUndefined();
  network.last.answer();
  for (let i = 0; i < 10; i++) network.last.feed(interleaved(0, packet(i)));
  expect(stream!.stats.packetsReceived).toBe(10);
  expect([failures, lines.filter((line) => !line.startsWith("DEB"))]).toEqual([[], []]);
});

test("a frame in pieces and a response between frames are told apart", async () => {
  start(undefined, TCP);
  await untilPlay(network.last);
  network.last.answer();
  const frame = interleaved(0, packet(0));
  network.last.feed(frame.subarray(0, 3));
  network.last.feed(frame.subarray(3, 100));
  network.last.feed(frame.subarray(100));
  const answer = Buffer.from("RTSP/1.0 200 OK\r\nCSeq: 99\r\n\r\n");
  network.last.feed(Buffer.concat([interleaved(0, packet(1)), answer, interleaved(0, packet(2))]));
  expect([stream!.stats.packetsReceived, stream!.stats.packetsLost, failures]).toEqual([3, 0, []]);
});

test("over UDP the stream is there with the first packet, of those before the answer to PLAY none is lost", async () => {
  start();
  expect(await untilPlay(network.last)).toContain("RTP/AVP;unicast;client_port=20000-20001");
  const [media] = network.medias;
  expect([media!.carrier, media!.punched, media!.answers.length]).toEqual(["udp", 1, 1]);
  for (let i = 0; i < 3; i++) media!.datagram(0, packet(i));
  expect(stream).toBeUndefined();
  network.last.answer();
  for (let i = 3; i < 5; i++) media!.datagram(0, packet(i));
  expect([stream!.stats.packetsReceived, stream!.stats.packetsLost]).toEqual([5, 0]);
  await clock.advance(5_000);
  expect(media!.reports).toBe(1);
});

test("without a datagram it falls back to TCP after 3 s, and says so", async () => {
  start();
  const [udp] = network.connections;
  await untilPlay(udp!);
  udp!.answer();
  network.medias[0]!.datagram(0, new Uint8Array([0x80, 200, 0, 1, 0, 0, 0, 0]), true); // a report is no packet
  await clock.advance(3_000);
  expect(network.connections).toHaveLength(1);
  await clock.advance(300);
  expect(lines).toContain("WAR no UDP packets received, switching to TCP");
  expect([udp!.waiting, udp!.ended, network.medias[0]!.closed]).toEqual([["TEARDOWN"], true, 1]);
  expect(stream).toBeUndefined();
  expect(await untilPlay(network.last)).toContain("RTP/AVP/TCP");
  network.last.answer();
  expect([network.connections.length, stream === undefined, failures]).toEqual([2, false, []]);
});

test.each([
  ["", "WAR switching to TCP because server requested it", []],
  ["    sourceProtocol: udp\n", undefined, ["the server has set up TCP instead of udp"]],
])(
  "a server that answers a SETUP for UDP with TCP is asked for TCP, where it may be",
  async (conf, line, failed) => {
    start(undefined, conf);
    const connection = network.last;
    connection.open();
    connection.take("OPTIONS");
    connection.answer();
    connection.take("DESCRIBE");
    connection.answer(SDP, syntheticSdp(TRACKS));
    await clock.advance(0);
    connection.take("SETUP");
    connection.answer({ Session: "1", Transport: "RTP/AVP/TCP;unicast;interleaved=0-1" });
    expect(failures).toEqual(failed);
    expect(network.connections).toHaveLength(line === undefined ? 1 : 2);
    if (line !== undefined) expect(lines).toContain(line);
  },
);

test("a server without UDP is asked for TCP; one that was to have UDP fails", async () => {
  const refuse = async (connection: FakeConnection) => {
    connection.open();
    connection.take("OPTIONS");
    connection.answer();
    connection.take("DESCRIBE");
    connection.answer(SDP, syntheticSdp(TRACKS));
    await clock.advance(0);
    connection.take("SETUP");
    connection.answer({}, "", 461);
  };
  start();
  await refuse(network.last);
  expect(lines).toContain("WAR switching to TCP because server requested it");
  expect(network.connections).toHaveLength(2);
  source!.close();
  await streams.close();
  start(undefined, "    sourceProtocol: udp\n");
  await refuse(network.last);
  expect(failures).toEqual(["bad status code: 461 (Unsupported Transport)"]);
});

test.each(["OPTIONS", "DESCRIBE", "SETUP", "PLAY"])(
  "a server that does not answer %s is given up",
  async (silent) => {
    start(undefined, TCP);
    const answers: Record<string, () => void> = {
      OPTIONS: () => network.last.answer(),
      DESCRIBE: () => network.last.answer(SDP, syntheticSdp(TRACKS)),
      SETUP: () => network.last.answer({ Session: "s" }),
      PLAY: () => {},
    };
    network.last.open();
    for (const [method, answer] of Object.entries(answers)) {
      network.last.take(method);
      if (method === silent) break;
      answer();
      await clock.advance(0);
    }
    await clock.advance(READ_TIMEOUT_MS - 300);
    expect(failures).toEqual([]);
    await clock.advance(600);
    expect([failures, network.last.ended]).toEqual([[`i/o timeout: no response to ${silent}`], true]);
  },
);

test.each(["tcp", "udp"])("a server that falls silent over %s is given up", async (carrier) => {
  start(undefined, `    sourceProtocol: ${carrier}\n`);
  await untilPlay(network.last);
  network.last.answer();
  const send = (number: number) => {
    if (carrier === "tcp") network.last.feed(interleaved(0, packet(number)));
    else network.medias[0]!.datagram(0, packet(number));
  };
  for (let i = 0; i < 5; i++) {
    await clock.advance(READ_TIMEOUT_MS - 500);
    send(i);
  }
  expect(failures).toEqual([]);
  await clock.advance(READ_TIMEOUT_MS + 500);
  expect(failures).toEqual([`${carrier.toUpperCase()} timeout`]);
  expect([network.last.ended, network.medias.every(({ closed }) => closed === 1)]).toEqual([true, true]);
});

test("the session is kept alive by what the server knows, at four fifths of its timeout", async () => {
  start(undefined, TCP);
  await untilPlay(network.last, "s;timeout=10");
  network.last.answer();
  const alive: number[] = [];
  for (let ms = 0; ms < 30_000; ms += 500) {
    await clock.advance(500);
    network.last.feed(interleaved(0, packet(ms / 500)));
    if (network.last.waiting.length === 0) continue;
    expect(network.last.take("GET_PARAMETER").headers.get("Session")).toBe("s");
    alive.push(clock.now());
    if (alive.length !== 2) network.last.answer(); // one is never answered: that says nothing
  }
  expect(alive.length).toBeGreaterThanOrEqual(2);
  expect(alive[0]).toBeLessThanOrEqual(8_500);
  expect(alive[1]! - alive[0]!).toBeLessThanOrEqual(8_500);
  expect(failures).toEqual([]);
});

test("closed while it connects, it gives up and does nothing more", async () => {
  start();
  source!.close();
  expect(network.last.cancelled).toBe(true);
  await clock.advance(60_000);
  expect([network.connections.length, failures]).toEqual([1, []]);
});

test("closed while sockets are opened for it, it closes them", async () => {
  const opening = Promise.withResolvers<void>();
  network.mediaReady = opening.promise;
  start();
  network.last.open();
  network.last.take("OPTIONS");
  network.last.answer();
  network.last.take("DESCRIBE");
  network.last.answer(SDP, syntheticSdp(TRACKS));
  source!.close();
  opening.resolve();
  await clock.advance(0);
  expect([network.medias[0]!.closed, network.last.waiting, network.last.ended]).toEqual([1, [], true]);
});

test("closed while it plays, it says goodbye", async () => {
  start(undefined, TCP);
  await untilPlay(network.last);
  network.last.answer();
  source!.close();
  expect(network.last.take("TEARDOWN").headers.get("Session")).toBe("s");
  expect([network.last.ended, failures]).toEqual([true, []]);
});

test("what cannot be reached, and what ends, is told once", async () => {
  start();
  network.last.options.failed(new Error("dial tcp camera:554: connection refused"));
  expect(failures).toEqual(["dial tcp camera:554: connection refused"]);
  await streams.close();
  failures = [];
  start();
  network.last.open();
  network.last.close();
  network.last.close();
  await clock.advance(60_000);
  expect(failures).toEqual(["EOF"]);
});

test("redirects are followed, five of them, with the credentials but not out of encryption", async () => {
  start("rtsps://user:pass@camera/stream");
  expect(network.last.options.tls).toEqual({ fingerprint: "" });
  const redirect = (location: string) => {
    network.last.open();
    network.last.take("OPTIONS");
    network.last.answer();
    network.last.take("DESCRIBE");
    network.last.answer({ Location: location }, "", 302);
  };
  redirect("rtsp://other:8000/stream");
  expect(network.last.options).toMatchObject({ host: "other", port: 8000 });
  network.last.open();
  network.last.take("OPTIONS");
  network.last.answer({ "WWW-Authenticate": 'Basic realm="x"' }, "", 401);
  expect(failures).toEqual(["bad status code: 401 (Unauthorized)"]); // nobody was named to it
  await streams.close();
  failures = [];
  start("rtsp://camera/0");
  for (let i = 1; i <= 6; i++) redirect(`rtsp://camera/${i}`);
  expect(failures).toEqual(["more than 5 redirects"]);
  expect(network.connections.slice(0, -1).every(({ ended }) => ended)).toBe(true);
});

test("bytes that are no RTSP end it, a fault of our own too, with its stack", async () => {
  start(undefined, TCP);
  network.last.open();
  network.last.feed(Buffer.from("\0\0\0\0"));
  expect(failures).toEqual(["invalid first byte of a message: 0x00"]);
  await streams.close();
  failures = [];
  start();
  await untilPlay(network.last);
  network.last.answer();
  const broken = {
    get length(): number {
      throw new TypeError("boom");
    },
    slice: () => packet(0),
  };
  network.medias.at(-1)!.datagram(0, packet(0));
  network.medias.at(-1)!.datagram(0, broken as unknown as Uint8Array);
  network.medias.at(-1)!.datagram(0, packet(2));
  expect([failures, takeFaults()]).toEqual([["boom"], 1]);
  expect(lines).toContain("ERR TypeError: boom");
});
