import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ProtocolError } from "../../../src/lib/errors.ts";
import {
  clientHandshake,
  HANDSHAKE_SIZE,
  type Handshake,
  serverHandshake,
} from "../../../src/protocols/rtmp/proto/handshake.ts";
import { sign } from "../../../src/protocols/rtmp/proto/handshake-digest.ts";
import { Random } from "../../support/random.ts";

const PLAYER = Buffer.from("Genuine Adobe Flash Player 001");
const SERVER = Buffer.from("Genuine Adobe Flash Media Server 001");
const TAIL = Buffer.from("f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae", "hex");

/** C0, C1, C2 and the first chunks of FFmpeg 5.1 as it reads. */
const FFMPEG = readFileSync(join(import.meta.dir, "../../fuzz/corpus/rtmp-handshake/ffmpeg-5.1-reads"));

const randomOf = (seed: number) => {
  const random = new Random(seed);
  return (size: number) => random.bytes(size);
};
const hmac = (key: Uint8Array, ...parts: readonly Uint8Array[]) =>
  createHmac("sha256", key).update(Buffer.concat(parts)).digest();
/** C1 or S1 of a message that begins with C0 or S0. */
const first = (bytes: Uint8Array) => bytes.subarray(1, 1 + HANDSHAKE_SIZE);

/** The digest of a block, found as the digest's part says that begins at `part`; undefined if it is wrong. */
function digestOf(block: Uint8Array, part: number, key: Uint8Array): Buffer | undefined {
  const [a = 0, b = 0, c = 0, d = 0] = block.subarray(part, part + 4);
  const at = part + 4 + ((a + b + c + d) % 728);
  const digest = Buffer.from(block.subarray(at, at + 32));
  return hmac(key, block.subarray(0, at), block.subarray(at + 32)).equals(digest) ? digest : undefined;
}

/** What a side sends for all the chunks, and how many bytes it leaves. */
function exchange(side: Handshake, chunks: Iterable<Uint8Array>) {
  const sent: Uint8Array[] = [];
  const drain = () => {
    for (let bytes = side.poll(); bytes !== undefined; bytes = side.poll()) sent.push(bytes);
  };
  let left = 0;
  drain();
  for (const chunk of chunks) {
    left += chunk.length - side.receive(chunk);
    drain();
  }
  return { sent: Buffer.concat(sent), left };
}

/** Cuts bytes into pieces of random sizes, each with its own memory. */
function* cut(bytes: Uint8Array, random: Random): Generator<Uint8Array> {
  const most = 1 << random.below(13);
  for (let at = 0; at < bytes.length; ) {
    const size = random.between(1, most);
    yield bytes.slice(at, at + size);
    at += size;
  }
}

/** C0 and C1 of a client without digest. */
function plainClient(version: readonly number[] = [0, 0, 0, 0]): Uint8Array {
  const bytes = new Random(5).bytes(1 + HANDSHAKE_SIZE);
  bytes[0] = 3;
  bytes.set(version, 5);
  return bytes;
}

describe("a server", () => {
  test("answers a plain handshake with zeros for time and version, and an echo", () => {
    const client = plainClient();
    const { sent } = exchange(serverHandshake(randomOf(1)), [client]);
    expect(sent.length).toBe(1 + 2 * HANDSHAKE_SIZE);
    expect(sent[0]).toBe(3);
    expect(sent.subarray(1, 9)).toEqual(Buffer.alloc(8));
    expect(new Set(sent.subarray(9, 1 + HANDSHAKE_SIZE)).size).toBeGreaterThan(200);
    expect(sent.subarray(1 + HANDSHAKE_SIZE)).toEqual(Buffer.from(client.subarray(1)));
  });

  test("takes a client with a version but no digest for a plain one", () => {
    const client = plainClient([9, 0, 124, 2]);
    const { sent } = exchange(serverHandshake(randomOf(1)), [client]);
    expect(sent.subarray(1 + HANDSHAKE_SIZE)).toEqual(Buffer.from(client.subarray(1)));
  });

  test.each([8, 772] as const)("answers a digest whose part begins at %d", (part) => {
    const client = plainClient([9, 0, 124, 2]);
    sign(first(client), part, PLAYER);
    const asked = digestOf(first(client), part, PLAYER) as Buffer;
    expect(asked).toBeDefined();
    const { sent } = exchange(serverHandshake(randomOf(1)), [client]);
    const s1 = first(sent);
    expect(s1[4]).toBeGreaterThanOrEqual(3); // from which FFmpeg expects a digest
    expect(digestOf(s1, part, SERVER)).toBeDefined();
    const s2 = sent.subarray(1 + HANDSHAKE_SIZE);
    const key = hmac(Buffer.concat([SERVER, TAIL]), asked);
    expect(s2.subarray(-32)).toEqual(hmac(key, s2.subarray(0, -32)));
  });

  test("answers the digest of FFmpeg, and leaves its first command", () => {
    const { sent, left } = exchange(serverHandshake(randomOf(1)), [FFMPEG]);
    expect(digestOf(first(FFMPEG), 8, PLAYER)).toBeDefined();
    expect(digestOf(first(sent), 8, SERVER)).toBeDefined();
    expect(left).toBe(FFMPEG.length - 1 - 2 * HANDSHAKE_SIZE);
    expect(FFMPEG.subarray(-left).toString("latin1")).toContain("connect");
  });

  test("says nothing before the client has sent all of C1", () => {
    const server = serverHandshake(randomOf(1));
    const client = plainClient();
    expect(server.receive(client.subarray(0, HANDSHAKE_SIZE))).toBe(HANDSHAKE_SIZE);
    expect(server.poll()).toBeUndefined();
    expect(server.receive(client, HANDSHAKE_SIZE)).toBe(1);
    expect(server.poll()).toBeDefined();
    expect(server.poll()).toBeUndefined();
    expect(server.isDone).toBe(false);
  });

  test("leaves what a client sends together with C0, C1 and C2", () => {
    const server = serverHandshake(randomOf(1));
    const chunk = Buffer.concat([plainClient(), new Uint8Array(HANDSHAKE_SIZE), Buffer.from("chunk")]);
    expect(server.receive(chunk)).toBe(1 + 2 * HANDSHAKE_SIZE);
    expect(server.isDone).toBe(true);
    expect(server.receive(chunk, 1 + 2 * HANDSHAKE_SIZE)).toBe(0);
  });

  test.each([
    [6, "invalid rtmp version (6): RTMPE is not supported"],
    [8, "invalid rtmp version (8): RTMPE is not supported"],
    [0x16, "invalid rtmp version (22): this is TLS"],
    [0x47, "invalid rtmp version (71): this is HTTP"],
    [0, "invalid rtmp version (0)"],
    [255, "invalid rtmp version (255)"],
  ])("refuses version %d at its first byte", (version, message) => {
    const server = serverHandshake(randomOf(1));
    expect(() => server.receive(Uint8Array.of(version))).toThrow(new ProtocolError(message));
  });
});

describe("a client", () => {
  test("sends C0 and C1 at once, and echoes S1", () => {
    const client = clientHandshake("plain", randomOf(2));
    const server = Buffer.concat([Uint8Array.of(3), new Random(3).bytes(2 * HANDSHAKE_SIZE)]);
    const { sent, left } = exchange(client, [server, Uint8Array.of(1, 2)]);
    expect(sent[0]).toBe(3);
    expect(sent.subarray(1, 9)).toEqual(Buffer.alloc(8));
    expect(sent.subarray(1 + HANDSHAKE_SIZE)).toEqual(Buffer.from(first(server)));
    expect(left).toBe(2);
    expect(client.isDone).toBe(true);
  });

  test("with a digest echoes a server that has none", () => {
    const client = clientHandshake("digest", randomOf(2));
    const server = Buffer.concat([Uint8Array.of(3), new Random(3).bytes(2 * HANDSHAKE_SIZE)]);
    const { sent } = exchange(client, [server]);
    expect(digestOf(first(sent), 8, PLAYER)).toBeDefined();
    expect(sent.subarray(1 + HANDSHAKE_SIZE)).toEqual(Buffer.from(first(server)));
  });

  test.each([8, 772] as const)("answers a server's digest whose part begins at %d", (part) => {
    const server = Buffer.concat([Uint8Array.of(3), new Random(3).bytes(2 * HANDSHAKE_SIZE)]);
    sign(first(server), part, SERVER);
    const { sent } = exchange(clientHandshake("digest", randomOf(2)), [server]);
    const c2 = sent.subarray(1 + HANDSHAKE_SIZE);
    const key = hmac(Buffer.concat([PLAYER, TAIL]), digestOf(first(server), part, SERVER) as Buffer);
    expect(c2.subarray(-32)).toEqual(hmac(key, c2.subarray(0, -32)));
  });

  test("refuses a server of another version", () => {
    const client = clientHandshake("digest", randomOf(2));
    expect(() => client.receive(Uint8Array.of(6))).toThrow(
      new ProtocolError("invalid rtmp version (6): RTMPE is not supported"),
    );
  });
});

describe("pieces of any size make no difference", () => {
  test.each(Array.from({ length: 40 }, (_, i) => i + 1))("seed %d", (seed) => {
    const random = new Random(seed);
    const form = random.pick(["plain", "digest"] as const);
    const hello = Buffer.concat([clientHandshake(form, randomOf(seed)).poll() as Uint8Array]);
    const answer = exchange(serverHandshake(randomOf(seed + 1)), [hello]).sent;
    const client = exchange(clientHandshake(form, randomOf(seed)), cut(answer, random));
    expect(client.sent.length).toBe(1 + 2 * HANDSHAKE_SIZE);
    expect(client.left).toBe(0);
    const more = random.bytes(random.below(5_000));
    const server = exchange(
      serverHandshake(randomOf(seed + 1)),
      cut(Buffer.concat([client.sent, more]), random),
    );
    expect(server.sent).toEqual(answer);
    expect(server.left).toBe(more.length);
  });
});
