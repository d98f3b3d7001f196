import { readFileSync } from "node:fs";
import { instantiateSync } from "@assemblyscript/loader";
import { BLOCK_SIZE, FIRST_BLOCK, MAX_BLOCKS } from "../assembly/abi.ts";
import corePath from "./core.wasm" with { type: "file" };
import type { CoreExports } from "./exports.ts";

/** Bytes of a page of WebAssembly memory. */
const PAGE = 65_536;
/** Minimum pages of the core (`initialMemory` of asconfig.json). */
const PAGES_MIN = 16;
/** Blocks in the initial memory, and the minimum growth: 8 MiB. */
const BLOCKS_STEP = 64;
/** Blocks kept ready for the next call of the core: more than any call takes. */
const BLOCKS_READY = 16;

/** Default limit of one stream, bytes. */
const STREAM_BYTES = 256 * 1024 ** 2;

/** What another thread needs to use the same memory. */
export interface SharedCore {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
}

export interface PoolState {
  readonly blocksTaken: number;
  readonly blocksTotal: number;
  /** Blocks taken and given back since the start. */
  readonly takes: number;
  readonly gives: number;
}

/** The views of a memory, as of the last `renew`. */
class Views {
  u8!: Uint8Array;
  i32!: Int32Array;
  u32!: Uint32Array;
  f64!: Float64Array;

  renew({ buffer }: WebAssembly.Memory): void {
    if (buffer.byteLength === this.u8?.length) return;
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f64 = new Float64Array(buffer);
  }
}

/**
 * The media memory: one shared memory cut into blocks, the views of it, and the core that works on it. A *share* of
 * it (`openShare`) is the same memory with an account, to which all that is opened with it is charged.
 */
export class MediaMemory {
  readonly core: CoreExports;
  readonly shared: SharedCore;
  /** Address of the account that blocks are charged to; 0: none. */
  readonly account: number;
  /**
   * Limit of one stream, bytes. It applies to shares opened from now on, which never get more than half of
   * the budget.
   */
  streamBytes = STREAM_BYTES;
  readonly #views: Views;
  readonly #backed: number;
  readonly #taken: number;
  readonly #owns: boolean;
  #closed = false;

  private constructor(
    shared: SharedCore,
    owns: boolean,
    core: CoreExports = instantiate(shared),
    views = new Views(),
    account = 0,
  ) {
    this.#owns = owns;
    this.core = core;
    this.shared = shared;
    this.account = account;
    this.#views = views;
    this.#backed = core.POOL_BACKED.value >> 2;
    this.#taken = core.POOL_TAKEN.value >> 2;
    this.renew();
  }

  /** Bytes of the memory. A view stays valid when the memory grows, but does not cover the new part: do not keep it. */
  get u8(): Uint8Array {
    return this.#views.u8;
  }

  get i32(): Int32Array {
    return this.#views.i32;
  }

  get u32(): Uint32Array {
    return this.#views.u32;
  }

  get f64(): Float64Array {
    return this.#views.f64;
  }

  /** Writes a 32-bit field of a layout of the core. */
  setInt(address: number, field: WebAssembly.Global, value: number): void {
    this.i32[(address + field.value) >> 2] = value;
  }

  /** Writes a 64-bit floating-point field. */
  setFloat(address: number, field: WebAssembly.Global, value: number): void {
    this.f64[(address + field.value) >> 3] = value;
  }

  /** Renews the views: the thread that owns the memory may have grown it and put packets there since. */
  renew(): void {
    this.#views.renew(this.shared.memory);
  }

  /**
   * Reserves memory for `budget` bytes of blocks and loads the core. Only address space is reserved. The memory
   * grows as needed, because the runtime counts all of it as its own heap: with a large initial memory, the
   * collector would run too rarely.
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
        const media = new MediaMemory({ module, memory: reserve(blocks) }, true);
        media.core.poolInit(blocks, Math.min(blocks, BLOCKS_STEP));
        return media;
      } catch (error) {
        if (!(error instanceof RangeError) || blocks <= wanted / 4) throw error;
        blocks = Math.ceil(blocks / 2);
      }
    }
  }

  /** The same memory on another thread; its pool is in use already. */
  static attach(shared: SharedCore): MediaMemory {
    return new MediaMemory(shared, false);
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

  /**
   * Whether less than nine tenths of the budget, and of this share, are taken: new clients are admitted, readers
   * may lag as usual.
   */
  get hasRoom(): boolean {
    return this.left > 0.1;
  }

  /** Most blocks that may be taken through it. */
  get blocksMax(): number {
    return this.account === 0 ? this.#pool(this.core.POOL_BUDGET) : this.#read(this.core.ACCOUNT_LIMIT);
  }

  /** Why no block is available. */
  get refusal(): string {
    const isUsedUp = this.account !== 0 && this.#read(this.core.ACCOUNT_TAKEN) >= this.blocksMax;
    return isUsedUp ? "the stream has used up its share of the media memory" : "the media memory is used up";
  }

  #read(offset: WebAssembly.Global): number {
    return this.u32[(this.account + offset.value) >> 2] as number;
  }

  /**
   * A share for one stream: the same memory with an account. A share of a share uses the same account. Close it
   * with `closeShare`; memory taken through it may be given back later.
   *
   * @returns undefined when the budget is used up
   */
  openShare(): MediaMemory | undefined {
    if (this.account !== 0) {
      this.core.accountJoin(this.account);
      return this.#withAccount(this.account);
    }
    this.prepare();
    const blocks = Math.min(Math.floor(this.streamBytes / BLOCK_SIZE), this.blocksMax >> 1);
    const account = this.core.accountOpen(Math.max(blocks, 1));
    return account === 0 ? undefined : this.#withAccount(account);
  }

  #withAccount(account: number): MediaMemory {
    return new MediaMemory(this.shared, this.#owns, this.core, this.#views, account);
  }

  closeShare(): void {
    if (this.#closed || this.account === 0) return;
    this.#closed = true;
    this.core.accountClose(this.account);
  }

  /** Free part of the budget or of this share, whichever is less, 0 to 1. */
  get left(): number {
    const left = 1 - this.#pool(this.core.POOL_TAKEN) / this.#pool(this.core.POOL_BUDGET);
    if (this.account === 0) return left;
    return Math.min(left, 1 - this.#read(this.core.ACCOUNT_TAKEN) / this.blocksMax);
  }

  /** Whether so little is left that readers may not lag at all. */
  get isScarce(): boolean {
    return this.left < 0.05;
  }

  #pool(address: WebAssembly.Global): number {
    return Atomics.load(this.u32, address.value >> 2);
  }

  /**
   * Makes sure that blocks are ready for the next call of the core, within the budget.
   *
   * @param more blocks needed besides the usual ones
   */
  prepare(more = 0): void {
    const { u32 } = this.#views;
    const ready = BLOCKS_READY + more;
    if ((u32[this.#taken] as number) + ready > (u32[this.#backed] as number)) this.#grow(ready);
  }

  #grow(ready: number): void {
    const backed = this.#pool(this.core.POOL_BACKED);
    const total = this.#pool(this.core.POOL_BUDGET);
    if (!this.#owns) this.renew();
    if (!this.#owns || backed === total) return;
    const wanted = Math.min(total, backed + Math.max(BLOCKS_STEP, backed >> 2, ready));
    try {
      this.shared.memory.grow(pagesFor(wanted) - this.u8.length / PAGE);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.core.poolInit(backed, backed); // the system has no more memory: this is the budget from now on
      return;
    }
    this.renew();
    this.core.poolBack(wanted);
  }

  /** Room for `size` bytes, at most a block; undefined when the budget is used up. Give it back with `give`. */
  take(size: number): number | undefined {
    this.prepare();
    const address = this.core.slotTake(size, this.account);
    return address === 0 ? undefined : address;
  }

  /** @throws {Error} if nothing is taken there: it was given back already, or never taken */
  give(address: number): void {
    if (this.core.slotIsTaken(address) === 0) throw new Error(`media memory: ${address} is not taken`);
    this.core.slotGive(address);
  }
}

function instantiate({ module, memory }: SharedCore): CoreExports {
  return instantiateSync(module, { env: { memory } }).exports as unknown as CoreExports;
}

function reserve(blocks: number): WebAssembly.Memory {
  const initial = pagesFor(Math.min(blocks, BLOCKS_STEP));
  return new WebAssembly.Memory({ initial, maximum: pagesFor(blocks), shared: true });
}

function pagesFor(blocks: number): number {
  return Math.max(PAGES_MIN, (FIRST_BLOCK + blocks * BLOCK_SIZE) / PAGE);
}
