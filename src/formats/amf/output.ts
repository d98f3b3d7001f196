/** Writes big-endian numbers and texts to a buffer that grows. */
export class AmfOutput {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #size = 0;

  /** What was written; the buffer must not be used after that. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#size);
  }

  u8(value: number): this {
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#grow(2);
    this.#view.setUint16(at, value);
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4);
    this.#view.setUint32(at, value);
    return this;
  }

  f64(value: number): this {
    const at = this.#grow(8);
    this.#view.setFloat64(at, value);
    return this;
  }

  /** A number of 29 bits, see `AmfInput.u29`. */
  u29(value: number): this {
    if (value >= 1 << 21) {
      this.u8((value >> 22) | 0x80)
        .u8((value >> 15) | 0x80)
        .u8((value >> 8) | 0x80);
      return this.u8(value);
    }
    if (value >= 1 << 14) this.u8((value >> 14) | 0x80);
    if (value >= 1 << 7) this.u8((value >> 7) | 0x80);
    return this.u8(value & 0x7f);
  }

  bytes(bytes: Uint8Array): this {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** Makes room, which may replace buffer and view. @returns where */
  #grow(size: number): number {
    const at = this.#size;
    this.#size += size;
    if (this.#size > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(2 * this.#bytes.length, this.#size));
      bytes.set(this.#bytes.subarray(0, at));
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer);
    }
    return at;
  }
}

const ENCODER = new TextEncoder();

/** The bytes of a text in UTF-8. */
export function utf8(text: string): Uint8Array {
  return ENCODER.encode(text);
}
