import { expect, test } from "bun:test";
import { Random } from "../support/random.ts";
import { interleaved } from "../support/rtsp-client.ts";
import { TestServer } from "../support/server.ts";
import { Arena, SHORT } from "./arena.ts";
import { TestCamera } from "./camera.ts";
import { TestPublisher } from "./publisher.ts";
import { TestReader } from "./reader.ts";

const LIMIT_MS = 60_000;
/** Every socket is read directly, however little arrives. */
const env = { MEDIAMTX_DIRECT: "always" };

/** What `act` makes the publisher send, in one piece. */
async function collect(publisher: TestPublisher, act: () => void): Promise<Uint8Array> {
  const { client } = publisher;
  await client.sent();
  const parts: Uint8Array[] = [];
  const { send } = client;
  client.send = (bytes) => void parts.push(bytes);
  act();
  client.send = send;
  return Buffer.concat(parts);
}

/** Sends the next packets of both tracks. */
function advance(publisher: TestPublisher, packets: number): void {
  for (const track of [0, 1]) publisher.sendUntil(track, publisher.sent[track]! + packets);
}

/** Every byte that was sent has come, and nothing else. */
async function expectAll(reader: TestReader, publisher: TestPublisher): Promise<void> {
  await reader.until(
    () => reader.checks.every((check, i) => check!.last === publisher.sent[i]! - 1),
    "every packet",
  );
  expect(reader.faults).toEqual([]);
  expect(reader.checks.map((check) => check!.lost)).toEqual([0, 0]);
}

/** Somebody who publishes only what a test sends, and somebody who reads it. */
async function quietPair(arena: Arena) {
  const publisher = await TestPublisher.start(arena.url("cam"));
  const reader = await TestReader.start(arena.url("cam"), publisher.tracks);
  await reader.more(20);
  publisher.fallSilent();
  return { publisher, reader };
}

test.concurrent(
  "requests between frames are answered, wherever the bytes are cut",
  async () => {
    await using arena = await Arena.start({ env });
    {
      const { publisher, reader } = await quietPair(arena);
      const random = new Random(14);
      for (let round = 0; round < 30; round++) {
        let answer: Promise<unknown> | undefined;
        const bytes = await collect(publisher, () => {
          advance(publisher, 3);
          answer = publisher.client.must("GET_PARAMETER", { body: round % 2 === 0 ? "" : "position\r\n" });
          advance(publisher, 2);
        });
        const longest = round % 3 === 0 ? 7 : 700;
        for (let at = 0; at < bytes.length; ) {
          const size = random.between(1, longest);
          publisher.client.send(bytes.subarray(at, at + size));
          at += size;
          await new Promise(setImmediate);
        }
        await answer;
      }
      await expectAll(reader, publisher);
      await reader[Symbol.asyncDispose]();
      await publisher[Symbol.asyncDispose]();
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "a publisher pauses and records again, and tears down in the middle of media",
  async () => {
    await using arena = await Arena.start({ env });
    {
      await using publisher = await TestPublisher.start(arena.url("cam"));
      const { client } = publisher;
      for (let round = 0; round < 5; round++) {
        await using reader = await TestReader.start(arena.url("cam"), publisher.tracks);
        await reader.more(30);
        expect(reader.faults).toEqual([]);
        let paused: Promise<unknown> | undefined;
        publisher.fallSilent();
        const bytes = await collect(publisher, () => {
          advance(publisher, 3);
          paused = client.must("PAUSE");
        });
        client.send(bytes);
        await paused;
        await reader.client.closed;
        await publisher.record();
      }
      await using reader = await TestReader.start(arena.url("cam"), publisher.tracks);
      await reader.more(30);
      publisher.fallSilent();
      let ended: Promise<unknown> | undefined;
      const bytes = await collect(publisher, () => {
        advance(publisher, 50);
        ended = client.must("TEARDOWN");
        advance(publisher, 50);
      });
      client.send(bytes);
      await ended;
      client.session = undefined;
      await client.must("OPTIONS");
      await reader.client.closed;
      expect(reader.faults).toEqual([]);
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "junk and frames on unknown channels between frames are skipped",
  async () => {
    await using arena = await Arena.start({ env });
    {
      const { publisher, reader } = await quietPair(arena);
      const junk = [
        new Uint8Array(1).fill(1),
        new Uint8Array(5_000).fill(0xfe),
        Buffer.from("\r\n\r\n"),
        interleaved(200, new Uint8Array(40)),
        interleaved(201, new Uint8Array(0)),
        new Uint8Array([0x24, 200, 0xff, 0xff, 1, 2, 3]),
        interleaved(0, new Uint8Array(11)),
      ];
      for (let round = 0; round < 70; round++) {
        const bytes = await collect(publisher, () => {
          advance(publisher, 2);
          publisher.client.send(junk[round % junk.length]!);
          advance(publisher, 1);
        });
        publisher.client.send(bytes);
        await new Promise(setImmediate);
      }
      await publisher.client.must("OPTIONS");
      await expectAll(reader, publisher);
      await arena.logged(/skipped \d+ bytes that belong to no packet/);
      await arena.logged(/received interleaved frame on unknown channel: 20[01]/);
      await reader[Symbol.asyncDispose]();
      await publisher[Symbol.asyncDispose]();
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "packets that are too large for readers are split, without a byte missing",
  async () => {
    await using arena = await Arena.start({ env });
    {
      const { publisher, reader } = await quietPair(arena);
      const track = publisher.tracks[0]!;
      const packet = new Uint8Array(40_000);
      const size = track.write(packet, publisher.sent[0]!);
      for (let at = size; at < packet.length; at++) packet[at] = at % 251;
      packet[12] = 0x65; // one NAL unit, an IDR slice
      const pieces: Uint8Array[] = [];
      reader.onPacket = (_, piece) => pieces.push(piece.slice(14));
      publisher.client.send(interleaved(0, packet));
      const whole = () => pieces.reduce((sum, { length }) => sum + length, 0);
      await reader.until(() => whole() >= packet.length - 13, "all pieces");
      expect(Buffer.concat(pieces).equals(packet.subarray(13))).toBe(true);
      await reader[Symbol.asyncDispose]();
      await publisher[Symbol.asyncDispose]();
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "publishers that reset, close one half or fall silent are gone, with the usual reasons",
  async () => {
    await using arena = await Arena.start({ env, timeouts: SHORT });
    const endings: [(publisher: TestPublisher) => void, RegExp][] = [
      [({ client }) => client.terminate(), /closed \((?:read tcp .*connection reset by peer|EOF)\)/],
      [({ client }) => client.halfClose(), /closed \(EOF\)/],
      [(publisher) => publisher.fallSilent(), /closed \(i\/o timeout: no packets from the publisher\)/],
    ];
    for (const [end, reason] of endings) {
      const publisher = await TestPublisher.start(arena.url("cam"));
      const reader = await TestReader.start(arena.url("cam"), publisher.tracks);
      await reader.more(30);
      end(publisher);
      await Promise.all([publisher.client.closed, reader.client.closed]);
      expect(reader.faults).toEqual([]);
      await arena.logged(new RegExp(`conn ${publisher.client.local}\\] ${reason.source}`));
      await publisher[Symbol.asyncDispose]();
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "a source over TCP whose server goes away is pulled again, whole",
  async () => {
    await using camera = await TestCamera.open();
    await using gone = await TestServer.start();
    await using edge = await TestServer.start({
      env,
      config: `readTimeout: 4s\npaths:\n  cam:\n    source: ${gone.rtsp("cam")}\n    sourceProtocol: tcp\n  direct:\n    source: ${camera.url}\n    sourceProtocol: tcp\n`,
    });
    for (let round = 0; round < 2; round++) {
      await using publisher = await TestPublisher.start(gone.rtsp("cam"), { seed: 5 + round });
      await edge.waitForLog(new RegExp(`(?:path cam\\] \\[RTSP source\\] ready(?:.|\\n)*){${round + 1}}`));
      await using reader = await TestReader.start(edge.rtsp("cam"), publisher.tracks);
      await reader.more(100);
      expect(reader.faults).toEqual([]);
      expect(reader.checks.map((check) => check!.lost)).toEqual([0, 0]);
    }
    await camera.playing;
    await camera[Symbol.asyncDispose]();
    await edge.waitForLog(/path direct\] \[RTSP source\] (?!ready)/);
  },
  LIMIT_MS,
);

test.concurrent(
  "hundreds of publishers that come and go leave nothing behind",
  async () => {
    await using arena = await Arena.start({ env });
    for (let round = 0; round < 4; round++) {
      const comeAndGo = async (index: number): Promise<void> => {
        const url = arena.url(`cam${index}`);
        await using publisher = await TestPublisher.start(url, { seed: index + 1 });
        await using reader = await TestReader.start(url, publisher.tracks);
        await reader.more(10);
        expect(reader.faults).toEqual([]);
        if (index % 3 === 0) publisher.client.terminate();
        if (index % 3 === 1) publisher.client.halfClose();
        await (index % 3 === 2 ? reader.client.must("TEARDOWN", { url: "/" }) : publisher.client.closed);
      };
      await Promise.all(Array.from({ length: 50 }, (_, i) => comeAndGo(i)));
    }
    await arena.settle();
  },
  2 * LIMIT_MS,
);
