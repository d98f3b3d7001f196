/** Packets in order of their 16-bit sequence numbers, as long as they are less than 64 apart. */
export class ReorderTwin {
  #expected: number | undefined;
  readonly #held = new Map<number, Uint8Array>();

  /** @returns packets given up; -1 when this one is not taken */
  push(packet: Uint8Array, out: (packet: Uint8Array) => void): number {
    if (packet.length < 12 || (packet[0] as number) >> 6 !== 2 || packet.length > 2032) return -1;
    const seq = ((packet[2] as number) << 8) | (packet[3] as number);
    this.#expected ??= seq;
    if (ahead(seq, this.#expected) >= 0x8000 || this.#held.has(seq)) return -1;
    let lost = 0;
    while (this.#expected !== undefined && ahead(seq, this.#expected) >= 64) {
      lost += this.#giveUp();
      this.#drain(out);
    }
    this.#expected ??= seq;
    this.#held.set(seq, packet.slice());
    this.#drain(out);
    return lost;
  }

  #giveUp(): number {
    if (this.#held.size === 0) {
      this.#expected = undefined;
      return 0;
    }
    const expected = this.#expected as number;
    const missing = Math.min(...[...this.#held.keys()].map((seq) => ahead(seq, expected)));
    this.#expected = (expected + missing) & 0xffff;
    return missing;
  }

  #drain(out: (packet: Uint8Array) => void): void {
    while (this.#expected !== undefined) {
      const packet = this.#held.get(this.#expected);
      if (packet === undefined) return;
      this.#held.delete(this.#expected);
      out(packet);
      this.#expected = (this.#expected + 1) & 0xffff;
    }
  }
}

function ahead(seq: number, expected: number): number {
  return (seq - expected) & 0xffff;
}
