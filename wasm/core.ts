import { readFileSync } from "node:fs";
import { instantiateSync } from "@assemblyscript/loader";
import { BLOCK_SIZE, FIRST_BLOCK, MAX_BLOCKS } from "../assembly/abi.ts";
import corePath from "./core.wasm" with { type: "file" };
import type { CoreExports } from "./exports.ts";

/** Bytes of a page of WebAssembly memory. */
const PAGE = 65_536;
/** Pages the core insists on (`initialMemory` of asconfig.json). */
const PAGES_MIN = 16;

/** What another thread needs to work on the same memory. */
export interface SharedCore {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
}

export interface PoolState {
  readonly blocksTaken: number;
  readonly blocksTotal: number;
  /** Blocks ever taken and ever given back. */
  readonly takes: number;
  readonly gives: number;
}

/** Where the media lives: one shared memory cut into blocks, the views of it, and the core that works on it. */
export class MediaMemory {
  readonly core: CoreExports;
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
  readonly shared: SharedCore;

  private constructor(shared: SharedCore) {
    const instance = instantiateSync(shared.module, { env: { memory: shared.memory } });
    this.core = instance.exports as unknown as CoreExports;
    this.shared = shared;
    const buffer = shared.memory.buffer;
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f64 = new Float64Array(buffer);
  }

  /**
   * Reserves memory for `budget` bytes of blocks and loads the core. Address space alone is reserved: what is never
   * used costs nothing.
   *
   * @param path another build of the core
   * @throws {RangeError} if not even a quarter of the budget can be reserved
   */
  static load(budget: number, path: string = corePath): MediaMemory {
    const module = new WebAssembly.Module(readFileSync(path));
    const wanted = Math.min(Math.max(Math.floor(budget / BLOCK_SIZE), 1), MAX_BLOCKS);
    let blocks = wanted;
    for (;;) {
      try {
        const media = new MediaMemory({ module, memory: reserve(blocks) });
        media.core.poolInit(blocks);
        return media;
      } catch (error) {
        if (!(error instanceof RangeError) || blocks <= wanted / 4) throw error;
        blocks = Math.ceil(blocks / 2);
      }
    }
  }

  /** The same memory on another thread; its pool is in use already. */
  static attach(shared: SharedCore): MediaMemory {
    return new MediaMemory(shared);
  }

  get state(): PoolState {
    const { POOL_BUDGET, POOL_TAKEN, POOL_TAKES, POOL_GIVES } = this.core;
    return {
      blocksTaken: this.#pool(POOL_TAKEN),
      blocksTotal: this.#pool(POOL_BUDGET),
      takes: this.#pool(POOL_TAKES),
      gives: this.#pool(POOL_GIVES),
    };
  }

  /** Whether less than nine tenths of the budget are taken: newcomers are let in, readers may lag as usual. */
  get hasRoom(): boolean {
    return this.#pool(this.core.POOL_TAKEN) < 0.9 * this.#pool(this.core.POOL_BUDGET);
  }

  #pool(address: WebAssembly.Global): number {
    return Atomics.load(this.u32, address.value >> 2);
  }

  /** Room for `size` bytes, at most a block; undefined when the budget is used up. Give it back with `give`. */
  take(size: number): number | undefined {
    const address = this.core.slotTake(size);
    return address === 0 ? undefined : address;
  }

  give(address: number): void {
    this.core.slotGive(address);
  }
}

function reserve(blocks: number): WebAssembly.Memory {
  const pages = Math.max(PAGES_MIN, (FIRST_BLOCK + blocks * BLOCK_SIZE) / PAGE);
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
}
