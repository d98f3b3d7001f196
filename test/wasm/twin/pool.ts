import { BLOCK_SIZE, SLOT_MIN } from "../../../assembly/abi.ts";

/** Sizes of slots, bytes. */
const SLOTS = [256, 1_024, 4_096, 16_384];

/** What a pool may give and must count: it says nothing of where it finds room. */
export class PoolTwin {
  readonly #budget: number;
  readonly #capacity: number;
  /** Live pieces: address and size of the slot or block. */
  readonly live = new Map<number, number>();

  constructor(budget: number, capacity: number) {
    this.#budget = budget;
    this.#capacity = capacity;
  }

  /** Blocks that hold something. */
  get blocks(): number {
    return new Set([...this.live.keys()].map(blockOf)).size;
  }

  /** Size of the slot for `size` bytes; undefined when nothing is large enough. */
  slotSize(size: number): number | undefined {
    if (size > this.#capacity) return undefined;
    return SLOTS.find((slot) => size <= slot) ?? BLOCK_SIZE;
  }

  /** Whether `size` bytes must be found. */
  hasRoom(size: number): boolean {
    const slot = this.slotSize(size);
    if (slot === undefined) return false;
    if (this.blocks < this.#budget) return true;
    return slot !== BLOCK_SIZE && this.#hasPartial(slot);
  }

  #hasPartial(slot: number): boolean {
    const most = Math.floor((this.#capacity - SLOT_MIN) / slot);
    const used = new Map<number, number>();
    for (const [address, size] of this.live) {
      if (size === slot) used.set(blockOf(address), (used.get(blockOf(address)) ?? 0) + 1);
    }
    return [...used.values()].some((count) => count < most);
  }

  /** Notes what was given; throws when it cannot be right. */
  take(address: number, size: number): void {
    const slot = this.slotSize(size) as number;
    if (slot === BLOCK_SIZE ? address !== blockOf(address) : address % 256 !== 0)
      throw new Error(`${size} bytes at ${address} are not aligned`);
    if (address + size > blockOf(address) + this.#capacity)
      throw new Error(`${size} bytes at ${address} leave their block`);
    for (const [other, otherSize] of this.live) {
      if (address < other + otherSize && other < address + slot)
        throw new Error(`${address} and ${other} overlap`);
    }
    this.live.set(address, slot);
  }
}

function blockOf(address: number): number {
  return address - (address % BLOCK_SIZE);
}
