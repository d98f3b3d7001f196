import { describe, expect, test } from "bun:test";
import { OUTBOX_MAX, Outbox } from "../../src/stream/outbox.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import { Random } from "../support/random.ts";
import { loadBuild } from "../wasm/builds.ts";
import { checkReturned } from "../wasm/compare.ts";
import { concat } from "../wasm/twin/packet.ts";
import { FakeSink } from "./scene.ts";

describe("an outbox", () => {
  test("sends at once while there is room, and takes no memory", () => {
    const { memory, sink, outbox } = open();
    const before = memory.state.takes;
    expect(outbox.send(bytesOf(1, 500))).toBe(true);
    expect([outbox.blocked, outbox.pending, memory.state.takes]).toEqual([false, 0, before]);
    expect(sink.bytes).toEqual(bytesOf(1, 500));
    close(memory, outbox);
  });

  test("keeps what does not fit, and gives its memory back when it is gone", () => {
    const { memory, sink, outbox } = open();
    sink.room = 10;
    expect(outbox.send(bytesOf(1, 30))).toBe(true);
    expect(outbox.send(bytesOf(2, 5))).toBe(true);
    expect([outbox.blocked, outbox.pending]).toEqual([true, 25]);
    sink.room = 7;
    outbox.drain();
    expect([outbox.blocked, outbox.pending]).toEqual([true, 18]);
    sink.room = 1_000;
    outbox.drain();
    expect([outbox.blocked, outbox.pending, memory.state.blocksTaken]).toEqual([false, 0, 0]);
    expect(sink.bytes).toEqual(concat([bytesOf(1, 30), bytesOf(2, 5)]));
    close(memory, outbox);
  });

  test("says once that it blocks, by whichever way", () => {
    const { memory, sink, outbox } = open();
    let blocks = 0;
    outbox.onBlocked = () => {
      blocks += 1;
    };
    sink.room = 3;
    outbox.send(bytesOf(1, 4));
    expect(blocks).toBe(1);
    sink.room = 100;
    outbox.drain();
    const block = memory.take(500) as number;
    sink.room = 20;
    expect(outbox.write(block, 50)).toBe(20);
    expect(blocks).toBe(2);
    memory.give(block);
    close(memory, outbox);
  });

  test("refuses more than it can hold, and keeps what it has", () => {
    const { memory, sink, outbox } = open();
    sink.room = 0;
    expect(outbox.send(bytesOf(1, OUTBOX_MAX - 100))).toBe(true);
    expect(outbox.send(bytesOf(2, 101))).toBe(false);
    expect(outbox.reserve(101)).toBe(0);
    expect(outbox.send(bytesOf(3, 100))).toBe(true);
    sink.room = Number.POSITIVE_INFINITY;
    outbox.drain();
    expect(sink.bytes).toEqual(concat([bytesOf(1, OUTBOX_MAX - 100), bytesOf(3, 100)]));
    close(memory, outbox);
  });

  test("says so when the memory is used up", () => {
    const { memory, sink, outbox } = open();
    sink.room = 0;
    const blocks = Array.from({ length: 16 }, () => memory.core.blockTake(0));
    expect(outbox.send(bytesOf(1, 100))).toBe(false);
    for (const block of blocks) memory.give(block);
    expect(outbox.send(bytesOf(1, 100))).toBe(true);
    close(memory, outbox);
  });

  test("of a closed sink swallows what is sent", () => {
    const { memory, sink, outbox } = open();
    sink.closed = true;
    expect(outbox.send(bytesOf(1, 100))).toBe(true);
    const block = memory.take(500) as number;
    expect(outbox.write(block, 50)).toBe(50);
    memory.give(block);
    close(memory, outbox);
  });

  test("hands everything on in order, whatever the room", () => {
    for (let seed = 0; seed < 20; seed++) {
      const { memory, sink, outbox } = open();
      const random = new Random(seed);
      const sent: Uint8Array[] = [];
      const block = memory.take(70_000) as number;
      for (let i = 0; i < 500; i++) {
        const bytes = random.bytes(random.below(random.chance(0.1) ? 9_000 : 300));
        const way = random.below(4);
        if (way === 0 && outbox.send(bytes)) sent.push(bytes);
        if (way === 1) {
          memory.u8.set(bytes, block);
          if (outbox.pending > 0 && outbox.hold(block, bytes.length)) sent.push(bytes);
        }
        if (way === 2 && outbox.pending > 0) {
          const room = outbox.reserve(bytes.length + 50);
          if (room === 0) continue;
          memory.u8.set(bytes, room);
          outbox.extend(bytes.length);
          sent.push(bytes);
        }
        if (way === 3 && outbox.blocked) {
          sink.room = random.below(12_000);
          outbox.drain();
        } else if (!outbox.blocked) {
          sink.room = random.below(500);
        }
      }
      sink.room = Number.POSITIVE_INFINITY;
      outbox.drain();
      expect(Buffer.compare(sink.bytes, concat(sent))).toBe(0);
      memory.give(block);
      close(memory, outbox);
    }
  });
});

function open(): { memory: MediaMemory; sink: FakeSink; outbox: Outbox } {
  const memory = loadBuild("fuzz", 16);
  const sink = new FakeSink();
  return { memory, sink, outbox: new Outbox(memory, sink) };
}

function close(memory: MediaMemory, outbox: Outbox): void {
  outbox.close();
  checkReturned(memory);
}

function bytesOf(value: number, size: number): Uint8Array {
  return new Uint8Array(size).fill(value);
}
