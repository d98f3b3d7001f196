const WINDOW = 64;
const SLOT_BYTES = 2000;
const WAIT_MS = 200;
const LATE_MAX = 64;

/** Packets in order of their 16-bit sequence numbers, as long as they are less than 64 apart and 200 ms late. */
export class ReorderTwin {
  #expected: number | undefined;
  #held = new Map<number, Uint8Array>();
  #heldSince = 0;
  #lateRun = 0;
  #hasSlots = false;
  readonly #out: (packet: Uint8Array) => void;

  constructor(out: (packet: Uint8Array) => void) {
    this.#out = out;
  }

  push(packet: Uint8Array, now: number): void {
    const seq = ((packet[2] as number) << 8) | (packet[3] as number);
    const fits = packet.length <= SLOT_BYTES;
    let isMoved = false;
    for (;;) {
      this.#expected ??= seq;
      const ahead = (seq - this.#expected) & 0xffff;
      const late = ahead >= 0x8000;
      if (late && ++this.#lateRun < LATE_MAX) return;
      if (!late && ahead < WINDOW) break;
      isMoved = true;
      if (fits) this.#hasSlots = true;
      this.#force(now);
    }
    const isKept = !isMoved || fits || !this.#hasSlots;
    if (seq === this.#expected) {
      this.#lateRun = 0;
      if (!isKept) {
        this.#expected = (seq + 1) & 0xffff;
        return;
      }
      this.#expected = (seq + 1) & 0xffff;
      this.#out(packet);
      this.#drain(now);
      return;
    }
    if (isKept) this.#hold(seq, packet, now);
    if (isKept && this.#held.size > 0 && now - this.#heldSince > WAIT_MS) this.#force(now);
  }

  #hold(seq: number, packet: Uint8Array, now: number): void {
    if (packet.length > SLOT_BYTES) return;
    this.#hasSlots = true;
    if (this.#held.has(seq)) return;
    this.#held.set(seq, packet.slice());
    if (this.#held.size === 1) this.#heldSince = now;
    this.#lateRun = 0;
  }

  #force(now: number): void {
    if (this.#held.size === 0) {
      this.#expected = undefined;
      this.#lateRun = 0;
      return;
    }
    const expected = this.#expected as number;
    const missing = Math.min(...[...this.#held.keys()].map((seq) => (seq - expected) & 0xffff));
    this.#expected = (expected + missing) & 0xffff;
    this.#drain(now);
  }

  #drain(now: number): void {
    for (;;) {
      const packet = this.#held.get(this.#expected as number);
      if (packet === undefined) return;
      this.#held.delete(this.#expected as number);
      this.#out(packet);
      this.#expected = ((this.#expected as number) + 1) & 0xffff;
      this.#heldSince = now;
    }
  }
}
