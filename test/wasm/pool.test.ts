import { describe, expect, test } from "bun:test";
import { BLOCK_SIZE, FIRST_BLOCK, MAX_BLOCKS, RED_ZONE } from "../../assembly/abi.ts";
import { MediaMemory } from "../../wasm/core.ts";
import { Random } from "../support/random.ts";
import { BUILDS, loadBuild, SEED } from "./builds.ts";
import { checkReturned } from "./compare.ts";
import { PoolTwin } from "./twin/pool.ts";

const SIZES = [1, 128, 256, 257, 1_024, 1_025, 4_000, 4_097, 16_384, 16_385, 70_000, 131_008];

for (const build of BUILDS) {
  describe(`pool, ${build}`, () => {
    test(`gives and takes back what its twin says (seed ${SEED})`, () => {
      for (let round = 0; round < 4; round++)
        churn(loadBuild(build, 16 + 8 * round), new Random(SEED + round));
    }, 20_000);

    test("a budget is used up to the last block, and no further", () => {
      const memory = loadBuild(build, 20);
      const blocks = Array.from({ length: 20 }, () => memory.core.blockTake(0));
      expect(new Set(blocks).size).toBe(20);
      expect(blocks).not.toContain(0);
      expect([memory.core.blockTake(0), memory.take(5), memory.take(100_000)]).toEqual([
        0,
        undefined,
        undefined,
      ]);
      expect(memory.hasRoom).toBe(false);
      blocks.slice(0, 3).map((block) => memory.give(block));
      expect(memory.hasRoom).toBe(true);
      expect(memory.state).toEqual({ blocksTaken: 17, blocksTotal: 20, takes: 20, gives: 3 });
      for (const block of blocks.slice(3)) memory.give(block);
      checkReturned(memory);
    });

    test("more than a block is refused", () => {
      const memory = loadBuild(build, 20);
      const capacity = memory.core.blockCapacity();
      expect(memory.take(capacity + 1)).toBeUndefined();
      const block = memory.take(capacity) as number;
      expect(block % BLOCK_SIZE).toBe(0);
      memory.give(block);
      checkReturned(memory);
    });

    test("a wrong address traps, and the pool goes on", () => {
      const memory = loadBuild(build, 20);
      const slot = memory.take(300) as number;
      const block = memory.core.blockTake(0);
      for (const wrong of [0, 64, block + 4, FIRST_BLOCK - BLOCK_SIZE]) {
        expect(() => memory.core.blockGive(wrong)).toThrow(WebAssembly.RuntimeError);
      }
      expect(() => memory.give(256)).toThrow("256 is not taken");
      const other = memory.take(300) as number;
      for (const address of [slot, other, block]) memory.give(address);
      checkReturned(memory);
      expect(() => memory.core.blockGive(block)).toThrow(WebAssembly.RuntimeError);
      memory.give(memory.take(BLOCK_SIZE / 2) as number);
      checkReturned(memory);
    });

    test("a block that is given back twice is not handed out twice", () => {
      const memory = loadBuild(build, 20);
      const [block, other] = [memory.core.blockTake(0), memory.core.blockTake(0)];
      memory.core.blockGive(block);
      expect(() => memory.core.blockGive(block)).toThrow(WebAssembly.RuntimeError);
      expect(() => memory.give(block)).toThrow(`${block} is not taken`);
      const next = [memory.core.blockTake(0), memory.core.blockTake(0)];
      expect(new Set([...next, other]).size).toBe(3);
      for (const each of [...next, other]) memory.give(each);
      checkReturned(memory);
    });

    test("a slot that is given back twice is not handed out twice", () => {
      for (const size of [1, 257, 4_000, 16_384]) {
        const memory = loadBuild(build, 20);
        const take = () => memory.take(size) as number;
        const [slot, other] = [take(), take()];
        memory.give(slot);
        expect(() => memory.core.slotGive(slot)).toThrow(WebAssembly.RuntimeError);
        expect(() => memory.give(slot)).toThrow(`${slot} is not taken`);
        const next = [take(), take()];
        expect(new Set([...next, other]).size).toBe(3);
        for (const each of [...next, other]) memory.give(each);
        // the block of the slots is back too
        expect(() => memory.give(other)).toThrow(`${other} is not taken`);
        checkReturned(memory);
      }
    });

    test("neither the inside of a slot nor a block of slots can be given back", () => {
      const memory = loadBuild(build, 20);
      const slot = memory.take(1_000) as number;
      const block = slot - (slot % BLOCK_SIZE);
      for (const wrong of [slot + 256, slot + 1_024, block + 64, block]) {
        expect(() => memory.give(wrong)).toThrow(`${wrong} is not taken`);
        expect(() => memory.core.slotGive(wrong)).toThrow(WebAssembly.RuntimeError);
      }
      expect(() => memory.core.blockGive(block)).toThrow(WebAssembly.RuntimeError);
      memory.give(slot);
      checkReturned(memory);
    });

    test("the smallest and the largest budget load", () => {
      for (const [budget, blocks] of [
        [0, 1],
        [BLOCK_SIZE, 1],
        [8 * BLOCK_SIZE, 8],
        [16 * 1024 ** 3, MAX_BLOCKS],
      ] as const) {
        const memory = loadBuild(build, budget / BLOCK_SIZE);
        expect(memory.state.blocksTotal).toBe(blocks);
        const block = memory.core.blockTake(0);
        expect(block).toBe(FIRST_BLOCK);
        memory.u8[block + memory.core.blockCapacity() - 1] = 1;
        memory.give(block);
        checkReturned(memory);
      }
    });

    test("the memory grows as it is used, to the budget and no further; views and other threads keep up", () => {
      const memory = loadBuild(build, 300);
      const other = MediaMemory.attach(memory.shared);
      const early = memory.u8;
      expect(early.length).toBeLessThan(100 * BLOCK_SIZE);
      const size = memory.core.blockCapacity();
      const blocks: number[] = [];
      for (let block = memory.take(size); block !== undefined; block = memory.take(size)) {
        memory.u8[block + size - 1] = blocks.push(block) & 255;
      }
      expect(blocks).toHaveLength(300);
      expect(memory.u8.length).toBe(FIRST_BLOCK + 300 * BLOCK_SIZE);
      other.renew();
      blocks.forEach((block, i) => {
        if (other.u8[block + size - 1] !== ((i + 1) & 255)) throw new Error(`block ${i} is not what it was`);
      });
      early[FIRST_BLOCK] = 77;
      expect(memory.u8[FIRST_BLOCK]).toBe(77);
      for (const block of blocks) memory.give(block);
      checkReturned(memory);
    });

    test("another instance on the same memory sees the same pool", () => {
      const memory = loadBuild(build, 20);
      const other = MediaMemory.attach(memory.shared);
      const block = other.core.blockTake(0);
      expect(memory.state).toEqual(other.state);
      expect(memory.core.blockTake(0)).not.toBe(block);
      memory.give(block);
      other.give(FIRST_BLOCK + BLOCK_SIZE);
      checkReturned(memory);
      checkReturned(other);
    });
  });
}

describe("red zones", () => {
  test("of the fuzz build trap when a block that was overrun is given back or checked", () => {
    const memory = loadBuild("fuzz", 20);
    for (const at of [BLOCK_SIZE - RED_ZONE, BLOCK_SIZE - 17, BLOCK_SIZE - 1]) {
      const block = memory.core.blockTake(0);
      const before = memory.u8[block + at] as number;
      memory.u8[block + at] = before ^ 1;
      expect(() => memory.core.poolCheck(block + 5)).toThrow(WebAssembly.RuntimeError);
      expect(() => memory.core.blockGive(block)).toThrow(WebAssembly.RuntimeError);
      memory.u8[block + at] = before;
      memory.core.poolCheck(block + 5);
      memory.give(block);
    }
    checkReturned(memory);
  });

  test("of the fuzz build guard blocks that are cut into slots", () => {
    const memory = loadBuild("fuzz", 20);
    const slot = memory.take(200) as number;
    const end = (slot & ~(BLOCK_SIZE - 1)) + BLOCK_SIZE - 3;
    memory.u8[end] = 0;
    expect(() => memory.give(slot)).toThrow(WebAssembly.RuntimeError);
  });

  test("are not there in the other builds", () => {
    for (const build of ["debug", "release"] as const) {
      const memory = loadBuild(build, 20);
      const block = memory.core.blockTake(0);
      expect(memory.core.blockCapacity()).toBe(BLOCK_SIZE);
      memory.u8[block + BLOCK_SIZE - 1] = 0;
      memory.give(block);
      checkReturned(memory);
    }
  });
});

describe("what was given back", () => {
  test("is filled with a pattern in the debug and the fuzz build, which trap when it was written to", () => {
    for (const build of ["debug", "fuzz"] as const) {
      for (const size of [200, 16_000, 100_000]) {
        const memory = loadBuild(build, 20);
        const other = memory.take(size) as number;
        const address = memory.take(size) as number;
        memory.u8.fill(1, address, address + size);
        memory.give(address);
        expect(memory.u8.subarray(address + 4, address + size).every((byte) => byte === 0xdd)).toBe(true);
        memory.u8[address + 8] = 1;
        expect(() => memory.take(size)).toThrow(WebAssembly.RuntimeError);
        memory.u8[address + 8] = 0xdd;
        expect(memory.take(size)).toBe(address);
        memory.give(address);
        memory.give(other);
        checkReturned(memory);
      }
    }
  });
});

/** Takes and gives at random; every piece keeps what was written into it. */
function churn(memory: MediaMemory, random: Random): void {
  const twin = new PoolTwin(memory.state.blocksTotal, memory.core.blockCapacity());
  for (let i = 0; i < 3_000; i++) {
    if (random.chance(i % 1_000 < 600 ? 0.65 : 0.3)) {
      const size = random.pick(SIZES);
      const expected = twin.hasRoom(size);
      const address = memory.take(size);
      if ((address !== undefined) !== expected) throw new Error(`${size} bytes: ${address}`);
      if (address === undefined) continue;
      twin.take(address, size);
      memory.u8.fill(address >> 8, address, address + size);
    } else if (twin.live.size > 0) {
      giveBack(memory, twin, random.pick([...twin.live.keys()]));
    }
    if (memory.state.blocksTaken !== twin.blocks) expect(memory.state.blocksTaken).toBe(twin.blocks);
  }
  for (const address of [...twin.live.keys()]) giveBack(memory, twin, address);
  checkReturned(memory);
}

function giveBack(memory: MediaMemory, twin: PoolTwin, address: number): void {
  if (memory.u8[address] !== ((address >> 8) & 255)) throw new Error(`${address} was overwritten`);
  memory.give(address);
  twin.live.delete(address);
}
