import { afterEach, describe, expect, test } from "bun:test";
import type { MediaMemory } from "../../wasm/core.ts";
import { ChunkInput, ChunkReader } from "../../wasm/rtmp-reader.ts";
import { ChunkWriter, type MessageHeader, RTMP_BODY_MAX } from "../../wasm/rtmp-writer.ts";
import { Random } from "../support/random.ts";
import { BUILDS, loadBuild, SEED } from "./builds.ts";
import { checkReturned, same } from "./compare.ts";
import { ChunkMaker } from "./rtmp-makers.ts";
import { ChunkTwin, hash, type TwinMessage } from "./twin/rtmp.ts";

/** Reads bytes in pieces. @returns the messages, and why it stopped */
function read(memory: MediaMemory, pieces: Iterable<Uint8Array>, isActive = false) {
  const input = ChunkInput.open(memory)!;
  const reader = ChunkReader.open(memory, input)!;
  const share = memory.openShare()!;
  if (isActive) reader.chargeTo(share);
  const messages: TwinMessage[] = [];
  let fault: string | undefined;
  for (const piece of pieces) {
    const end = reader.receive(piece, 0, (message) => {
      const { type, streamId, timestamp } = message;
      messages.push({ type, streamId, timestamp, body: hash(message.copy()) });
      return true;
    });
    if (typeof end === "number") continue;
    fault = end === "budget" ? end : end.text;
    break;
  }
  reader.close();
  input.close();
  share.closeShare();
  return { messages, fault };
}

function* cut(bytes: Uint8Array, random: Random): Generator<Uint8Array> {
  const most = random.pick([1, 3, 40, 1_000, 30_000, 200_000]);
  for (let at = 0; at < bytes.length; ) {
    const size = random.between(1, most);
    yield bytes.slice(at, at + size);
    at += size;
  }
}

describe.each(BUILDS)("chunks, %s build", (build) => {
  const memory = loadBuild(build, 400);
  afterEach(() => checkReturned(memory));

  test.each(Array.from({ length: 40 }, (_, i) => SEED * 1_000 + i))(
    "all forms of headers are read, cut anywhere (seed %d)",
    (seed) => {
      const random = new Random(seed);
      const bytes = new ChunkMaker(random).make(random.between(1, 300));
      const twin = new ChunkTwin(bytes);
      expect(twin.read()).toBeUndefined();
      const { messages, fault } = read(memory, cut(bytes, random), true);
      expect(fault).toBeUndefined();
      for (const [i, message] of twin.messages.entries()) same(messages[i], message, `message ${i}`);
      expect(messages.length).toBe(twin.messages.length);
    },
    60_000,
  );

  test("the memory of a message grows with what has come, and is limited before anything is published", () => {
    const head = (id: number, size: number) => [id, 0, 0, 0, ...size24(size), 9, 1, 0, 0, 0];
    const input = ChunkInput.open(memory)!;
    const reader = ChunkReader.open(memory, input)!;
    const before = memory.state.blocksTaken;
    const take = () => true;
    for (let id = 3; id < 60; id++) {
      expect(reader.receive(Uint8Array.of(...head(id, 0xffffff), ...new Uint8Array(128)), 0, take)).toBe(140);
    }
    expect(memory.state.blocksTaken - before).toBeLessThanOrEqual(1);
    const rest = Uint8Array.of(...Array.from({ length: 600 }, () => [0xc3, ...new Uint8Array(128)]).flat());
    expect(reader.receive(rest, 0, take)).toEqual({ text: "message of 16777215 bytes is too large" });
    reader.close();
    input.close();
  });

  test("a message of 16 MB is read", () => {
    const bytes = joined(
      Uint8Array.of(2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0x7f, 255, 255, 255),
      Uint8Array.of(5, 0, 0, 0, 255, 255, 255, 9, 1, 0, 0, 0),
      new Uint8Array(0xffffff).fill(7),
    );
    const whole = read(memory, [bytes], true);
    expect(whole).toEqual({
      messages: [{ type: 9, streamId: 1, timestamp: 0, body: hash(new Uint8Array(0xffffff).fill(7)) }],
      fault: undefined,
    });
  }, 60_000);

  test.each([
    [
      "a chunk stream that begins in the middle",
      [0xc3, 1, 2],
      "chunk stream 3 begins without a complete header",
    ],
    ["a chunk size of 0", [2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0x80, 0, 0, 0], "invalid chunk size: 0"],
  ])("%s is refused", (_, bytes, text) => {
    expect(read(memory, [Uint8Array.from(bytes)]).fault).toBe(text);
  });

  test("more than 64 chunk streams are refused", () => {
    const head = (id: number) => [1, id & 255, id >> 8, 0, 0, 0, 0, 0, 0, 9, 1, 0, 0, 0];
    const bytes = Uint8Array.from(Array.from({ length: 65 }, (_, i) => head(i)).flat());
    const { messages, fault } = read(memory, [bytes]);
    expect([messages.length, fault]).toEqual([64, "more than 64 chunk streams"]);
  });

  test("a client that leaves out the extended timestamp of type 3 chunks is read", () => {
    const body = new Uint8Array(300).map((_, i) => i);
    const head = [4, 255, 255, 255, 0, 1, 44, 9, 1, 0, 0, 0, 1, 2, 3, 4];
    const bytes = [...head, ...body.slice(0, 128), 0xc4, ...body.slice(128, 256), 0xc4, ...body.slice(256)];
    const expected = [{ type: 9, streamId: 1, timestamp: 0x1020304, body: hash(body) }];
    expect(read(memory, [Uint8Array.from([...bytes, ...bytes])]).messages).toEqual([
      ...expected,
      ...expected,
    ]);
  });

  test("messages that are written are read again", () => {
    const random = new Random(SEED);
    const writer = ChunkWriter.open(memory)!;
    const expected: TwinMessage[] = [];
    const written: Uint8Array[] = [];
    for (let i = 0; i < 200; i++) {
      const header: MessageHeader = {
        chunkStream: random.between(3, 63),
        type: random.pick([8, 9, 18, 20]),
        streamId: random.below(3),
        timestamp: random.chance(0.3) ? random.bits() : random.below(0x1000000),
      };
      const body = random.bytes(random.pick([0, 1, 127, 128, 129, 3_000, RTMP_BODY_MAX]));
      written.push(writer.write(header, body, 128).slice());
      const { type, streamId, timestamp } = header;
      expected.push({ type, streamId, timestamp, body: hash(body) });
    }
    writer.close();
    expect(read(memory, cut(joined(...written), random)).messages).toEqual(expected);
  });
});

function size24(size: number): number[] {
  return [size >> 16, (size >> 8) & 255, size & 255];
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
