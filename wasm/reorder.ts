import type { MediaMemory } from "./core.ts";

/** Puts RTP packets back in order, as long as they are less than 64 apart. */
export class Reorder {
  readonly #memory: MediaMemory;
  readonly #address: number;

  private constructor(memory: MediaMemory, address: number) {
    this.#memory = memory;
    this.#address = address;
    memory.core.reorderOpen(address);
  }

  /** Undefined when the budget is used up. */
  static open(memory: MediaMemory): Reorder | undefined {
    const address = memory.take(memory.core.REORDER_SIZE.value);
    return address === undefined ? undefined : new Reorder(memory, address);
  }

  /**
   * Takes the packet at `packet` and gives out what is in order now.
   *
   * @param out called with address and size of each packet
   * @returns packets given up as lost; -1 when this one was no RTP packet, too large, late or a duplicate
   */
  push(packet: number, size: number, out: (address: number, size: number) => void): number {
    const { core } = this.#memory;
    let lost = 0;
    let code = core.reorderPush(this.#address, packet, size);
    while (code === core.REORDER_JUMP.value) {
      lost += core.reorderForce(this.#address);
      this.#drain(out);
      code = core.reorderPush(this.#address, packet, size);
    }
    if (code !== 1) return -1;
    this.#drain(out);
    return lost;
  }

  #drain(out: (address: number, size: number) => void): void {
    const { core, i32 } = this.#memory;
    for (;;) {
      const packet = core.reorderNext(this.#address);
      if (packet === 0) return;
      out(packet, i32[(packet - 8) >> 2] as number);
      core.reorderShift(this.#address);
    }
  }

  close(): void {
    this.#memory.give(this.#address);
  }
}
