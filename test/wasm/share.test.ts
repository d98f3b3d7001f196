import { afterEach, describe, expect, test } from "bun:test";
import { BLOCK_SIZE, KIND_PACKET } from "../../assembly/abi.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import { DatagramSource } from "../../wasm/datagram-source.ts";
import { RtpLog } from "../../wasm/log.ts";
import { UnitWriter } from "../../wasm/unit-writer.ts";
import { UnitLog } from "../../wasm/units.ts";
import { BUILDS, loadBuild } from "./builds.ts";
import { checkReturned } from "./compare.ts";
import { writeFrame, writeRtp } from "./twin/packet.ts";

const LARGE = BLOCK_SIZE / 2;

/** Takes blocks until there are no more. */
function takeAll(memory: MediaMemory): number[] {
  const blocks: number[] = [];
  for (let block = memory.take(LARGE); block !== undefined; block = memory.take(LARGE)) blocks.push(block);
  return blocks;
}

function openLog(memory: MediaMemory): RtpLog {
  const track = { kinds: new Map([[96, KIND_PACKET]]), clockRate: 90_000, paramsKnown: 0 };
  const log = RtpLog.open(memory, { tracks: [track], lagPackets: 64, maxPacket: 1_460 })!;
  log.mapChannel(0, 0, false);
  return log;
}

function packet(seq: number): Uint8Array {
  const fields = { payloadType: 96, marker: true, seq, time: seq, ssrc: 7 };
  return writeRtp(fields, new Uint8Array(1_200));
}

for (const build of BUILDS) {
  describe(`shares of the media memory, ${build}`, () => {
    const memory = loadBuild(build, 40);
    memory.streamBytes = 8 * BLOCK_SIZE;
    afterEach(() => checkReturned(memory));

    test("one that is used up takes nothing from others, and what is given back can be taken again", () => {
      const [one, other] = [memory.openShare()!, memory.openShare()!];
      expect([one.blocksMax, memory.blocksMax]).toEqual([8, 40]);
      const blocks = takeAll(one);
      expect(blocks).toHaveLength(8);
      expect([one.hasRoom, other.hasRoom, memory.hasRoom]).toEqual([false, true, true]);
      expect(one.refusal).toBe("the stream has used up its share of the media memory");
      expect(other.refusal).toBe("the media memory is used up");
      const others = takeAll(other);
      expect(others).toHaveLength(8);
      // whoever gives it back
      memory.give(blocks.pop()!);
      expect(one.hasRoom).toBe(true);
      blocks.push(one.take(LARGE)!);
      expect(one.take(LARGE)).toBeUndefined();
      for (const block of [...blocks, ...others]) one.give(block);
      for (const share of [one, other]) share.closeShare();
    });

    test("nobody's share is more than half of the budget", () => {
      memory.streamBytes = 1024 ** 3;
      const share = memory.openShare()!;
      expect(share.blocksMax).toBe(20);
      const blocks = takeAll(share);
      expect(blocks).toHaveLength(20);
      for (const block of blocks) share.give(block);
      share.closeShare();
      memory.streamBytes = 8 * BLOCK_SIZE;
    });

    test("logs, units, and packets that wait for others are charged to the same share", () => {
      const share = memory.openShare()!;
      const log = openLog(share);
      const units = UnitLog.open(share, { format: 0, clockRate: 90_000, frameTicks: 0, reorderDepth: 0 })!;
      const source = DatagramSource.open(share, log, 0)!;
      const writer = UnitWriter.open(share)!;
      source.receive(packet(0), 0);
      source.receive(packet(2), 0);
      expect(writer.write(units, new Uint8Array(3 * BLOCK_SIZE), { pts: 0, dts: 0, isKey: true })).toBe(true);
      expect([log.blocks, units.blocks]).toEqual([1, 4]);
      const rest = takeAll(share);
      expect(rest).toHaveLength(8 - 1 - 4 - 1);
      expect(writer.write(units, new Uint8Array(BLOCK_SIZE), { pts: 1, dts: 1, isKey: true })).toBe(false);
      let fault: unknown;
      for (let seq = 3; seq < 200 && fault === undefined; seq++) {
        const size = log.receive(writeFrame(0, packet(seq)), 0, 1);
        if (typeof size === "string") fault = size;
      }
      expect(fault).toBe("budget");
      for (const block of rest) share.give(block);
      for (const each of [writer, source, units, log]) each.close();
      share.closeShare();
    });

    test("one that is closed lasts until its last block is given back", () => {
      const share = memory.openShare()!;
      const blocks = takeAll(share);
      share.closeShare();
      share.closeShare();
      // its account is not somebody else's yet
      const next = memory.openShare()!;
      const nextBlocks = takeAll(next);
      for (const block of blocks) memory.give(block);
      expect(next.take(LARGE)).toBeUndefined();
      for (const block of nextBlocks) next.give(block);
      next.closeShare();
    });

    test("opened of a share it is the same one, and both have to be closed", () => {
      const source = memory.openShare()!;
      const stream = source.openShare()!;
      expect(stream.blocksMax).toBe(8);
      const blocks = [source.take(LARGE)!, ...takeAll(stream)];
      expect(blocks).toHaveLength(8);
      expect(source.take(LARGE)).toBeUndefined();
      source.closeShare();
      for (const block of blocks) stream.give(block);
      const again = takeAll(stream);
      expect(again).toHaveLength(8);
      for (const block of again) stream.give(block);
      stream.closeShare();
    });

    test("small things cost nobody's share anything; the whole of memory is its own limit", () => {
      const share = memory.openShare()!;
      const blocks = takeAll(share);
      const slots = Array.from({ length: 100 }, () => share.take(1_000)!);
      expect(slots).not.toContain(undefined as never);
      const rest = takeAll(memory);
      expect(memory.state.blocksTaken).toBe(40);
      for (const each of [...blocks, ...slots, ...rest]) memory.give(each);
      share.closeShare();
    });
  });
}
