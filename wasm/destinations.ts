import { DESTINATION_FLAGS, DESTINATION_PLAIN, DESTINATION_STRIDE } from "../assembly/abi.ts";
import type { MediaMemory } from "./core.ts";

/** Destinations of one page. */
export const PAGE_DESTINATIONS = 512;
const PAGE_BYTES = PAGE_DESTINATIONS * DESTINATION_STRIDE;

/** An address outside the media memory, for sending without ffi. */
export interface DatagramAddress {
  /** An IP address, as the sending socket takes it. */
  readonly address: string;
  readonly port: number;
}

/** A list of socket addresses in media memory, in pages. Kept by index, so that its owner may keep a list beside it. */
export class DestinationList {
  readonly #memory: MediaMemory;
  readonly #pages: number[] = [];
  readonly #addresses: DatagramAddress[] = [];

  constructor(memory: MediaMemory) {
    this.#memory = memory;
  }

  get length(): number {
    return this.#addresses.length;
  }

  get addresses(): readonly DatagramAddress[] {
    return this.#addresses;
  }

  /** Addresses of the pages, all full but the last. */
  get pages(): readonly number[] {
    return this.#pages;
  }

  /**
   * Adds at the end.
   *
   * @param encoded the socket address as the system wants it, at most 28 bytes
   * @returns false when the budget is used up
   */
  push(encoded: Uint8Array, address: DatagramAddress): boolean {
    if (this.length === this.#pages.length * PAGE_DESTINATIONS) {
      const page = this.#memory.take(PAGE_BYTES);
      if (page === undefined) return false;
      this.#pages.push(page);
    }
    const at = this.#at(this.#addresses.push(address) - 1);
    const { u8 } = this.#memory;
    u8.fill(0, at, at + DESTINATION_STRIDE);
    u8.set(encoded, at);
    return true;
  }

  /** Removes one; the last one takes its place. */
  remove(index: number): void {
    const last = this.length - 1;
    const from = this.#at(last);
    this.#memory.u8.copyWithin(this.#at(index), from, from + DESTINATION_STRIDE);
    const address = this.#addresses.pop() as DatagramAddress;
    if (index < last) this.#addresses[index] = address;
    if (this.length === (this.#pages.length - 1) * PAGE_DESTINATIONS) {
      this.#memory.give(this.#pages.pop() as number);
    }
  }

  #at(index: number): number {
    const page = this.#pages[Math.floor(index / PAGE_DESTINATIONS)] as number;
    return page + (index % PAGE_DESTINATIONS) * DESTINATION_STRIDE;
  }

  close(): void {
    for (const page of this.#pages.splice(0)) this.#memory.give(page);
    this.#addresses.length = 0;
  }
}

/** Stops sending segmented messages to a destination. */
export function makePlain(memory: MediaMemory, destination: number): void {
  const at = destination + DESTINATION_FLAGS;
  memory.u8[at] = (memory.u8[at] as number) | DESTINATION_PLAIN;
}
