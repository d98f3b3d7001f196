import { ProtocolError } from "../../lib/errors.ts";

/** Reads the big-endian numbers and texts of AMF. All methods throw `ProtocolError` at the end of the data. */
export class AmfInput {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  /** @param bytes borrowed */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4));
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8));
  }

  /** A number of 29 bits in one to four bytes: seven bits in each of the first three, eight in the last (AMF3 §1.3.1). */
  u29(): number {
    let value = 0;
    for (let i = 0; i < 3; i++) {
      const byte = this.u8();
      value = (value << 7) | (byte & 0x7f);
      if (byte < 0x80) return value;
    }
    return (value << 8) | this.u8();
  }

  /** Borrowed bytes. */
  bytes(size: number): Uint8Array {
    const at = this.#take(size);
    return this.#bytes.subarray(at, at + size);
  }

  /** Text in UTF-8; what is not UTF-8 becomes replacement characters. */
  text(size: number): string {
    return DECODER.decode(this.bytes(size));
  }

  /** Skips the next byte if it has this value. @returns whether it was skipped */
  skipIf(byte: number): boolean {
    if (this.#bytes[this.#at] !== byte) return false;
    this.#at += 1;
    return true;
  }

  /** Checks that this many items of at least `size` bytes can follow, so that nothing is allocated for a mere claim. */
  expect(count: number, size = 1): void {
    if (count * size > this.left) throw new ProtocolError("unexpected end of AMF data");
  }

  #take(size: number): number {
    this.expect(size);
    const at = this.#at;
    this.#at += size;
    return at;
  }
}

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
