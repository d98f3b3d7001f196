import { ProtocolError } from "./errors.ts";

/** Reads bits, most significant first. Reading past the end is an error of the sender. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  /** @param bytes borrowed */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Bits not read yet. */
  get left(): number {
    return 8 * this.#bytes.length - this.#at;
  }

  /**
   * @param count 0 to 32
   * @throws {ProtocolError} if there are fewer
   */
  read(count: number): number {
    if (count > this.left) throw new ProtocolError("unexpected end of data");
    let value = 0;
    for (let i = 0; i < count; i++) {
      const bit = ((this.#bytes[this.#at >> 3] as number) >> (7 - (this.#at & 7))) & 1;
      value = value * 2 + bit;
      this.#at += 1;
    }
    return value;
  }

  flag(): boolean {
    return this.read(1) === 1;
  }

  skip(count: number): void {
    if (count > this.left) throw new ProtocolError("unexpected end of data");
    this.#at += count;
  }

  /** Skips the next `count` bits if they have this value. @returns whether they were skipped */
  skipIf(value: number, count: number): boolean {
    if (this.left < count) return false;
    const start = this.#at;
    if (this.read(count) === value) return true;
    this.#at = start;
    return false;
  }

  /**
   * An unsigned Exp-Golomb number (ITU-T H.264 §9.1).
   *
   * @throws {ProtocolError} if it is none, or above 2^32 - 2
   */
  golomb(): number {
    let zeros = 0;
    while (!this.flag()) {
      zeros += 1;
      if (zeros > 31) throw new ProtocolError("invalid Exp-Golomb number");
    }
    return 2 ** zeros - 1 + this.read(zeros);
  }

  /** A signed Exp-Golomb number (ITU-T H.264 §9.1.1). */
  signedGolomb(): number {
    const value = this.golomb();
    return value % 2 === 1 ? (value + 1) / 2 : -value / 2;
  }
}
