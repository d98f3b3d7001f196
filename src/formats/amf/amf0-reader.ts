import { ProtocolError } from "../../lib/errors.ts";
import { Amf3Reader } from "./amf3-reader.ts";
import { AmfInput } from "./input.ts";
import { AmfLimits, MAX_AMF_VALUES, type Referable } from "./limits.ts";
import { type AmfValue, type MutableAmfObject, newAmfObject } from "./value.ts";

/**
 * Reads all values of an AMF0 message. Values may switch to AMF3 (marker 0x11).
 *
 * @param bytes borrowed
 * @throws {ProtocolError} if they are malformed, too many or too large, nested too deep, refer to themselves, or have a type that is
 *   reserved or that only an application knows
 */
export function readAmf0(bytes: Uint8Array): AmfValue[] {
  return new Amf0Reader(bytes).readAll();
}

/**
 * Reads all values of a command or data message of AMF3 (message types 17 and 15): a byte 0, then AMF0 values that may
 * switch to AMF3. Senders that omit the byte are understood: no such message begins with a number, whose marker is 0.
 *
 * @param bytes borrowed
 * @throws {ProtocolError} as `readAmf0`
 */
export function readAmf3Command(bytes: Uint8Array): AmfValue[] {
  return readAmf0(bytes[0] === 0 ? bytes.subarray(1) : bytes);
}

/** Reads AMF0 values (AMF0 §2). */
class Amf0Reader {
  readonly #input: AmfInput;
  readonly #limits = new AmfLimits();
  /** What references of AMF0 refer to, in the order in which it began. */
  readonly #complex: Referable[] = [];
  /** Made by the first switch. Its tables of references are those of the whole message. */
  #amf3: Amf3Reader | undefined;

  constructor(bytes: Uint8Array) {
    this.#input = new AmfInput(bytes);
  }

  readAll(): AmfValue[] {
    const values: AmfValue[] = [];
    while (this.#input.left > 0) {
      if (values.length === MAX_AMF_VALUES) throw new ProtocolError(`more than ${MAX_AMF_VALUES} AMF values`);
      values.push(this.#read());
    }
    return values;
  }

  #read(): AmfValue {
    const marker = this.#input.u8();
    switch (marker) {
      case 0x03:
        return this.#readMembers(newAmfObject());
      case 0x07:
        return this.#limits.refer(this.#input.u16(), this.#complex);
      case 0x08:
        this.#input.u32(); // a hint at the number of members, often 0 or wrong
        return this.#readMembers(newAmfObject({ form: "ecma-array" }));
      case 0x0a:
        return this.#readArray();
      case 0x10:
        return this.#readMembers(newAmfObject({ className: this.#input.text(this.#input.u16()) }));
      case 0x11:
        this.#amf3 ??= new Amf3Reader(this.#input, this.#limits);
        return this.#amf3.read();
      default:
        return this.#readSimple(marker);
    }
  }

  /** Reads a value that contains no others. */
  #readSimple(marker: number): AmfValue {
    const input = this.#input;
    switch (marker) {
      case 0x02:
        return this.#readText(input.u16());
      case 0x0c:
        return this.#readText(input.u32());
      case 0x0f:
        return { kind: "xml", text: this.#readText(input.u32()) };
    }
    this.#limits.spend();
    switch (marker) {
      case 0x00:
        return input.f64();
      case 0x01:
        return input.u8() !== 0;
      case 0x05:
        return null;
      case 0x06:
      case 0x0d:
        return undefined;
      case 0x0b:
        return this.#readDate();
      default:
        throw new ProtocolError(
          `unsupported AMF0 type: ${RESERVED.get(marker) ?? `0x${marker.toString(16).padStart(2, "0")}`}`,
        );
    }
  }

  #readDate(): AmfValue {
    const ms = this.#input.f64();
    this.#input.u16(); // time zone, reserved
    return { kind: "date", ms };
  }

  #readArray(): AmfValue {
    const count = this.#input.u32();
    this.#input.expect(count);
    const values: AmfValue[] = [];
    return this.#limits.nest(values, this.#complex, () => {
      for (let i = 0; i < count; i++) values.push(this.#read());
    });
  }

  /** Reads pairs of name and value up to an empty name that is followed by the marker of an object's end. */
  #readMembers(object: MutableAmfObject): AmfValue {
    return this.#limits.nest(object, this.#complex, () => {
      if (object.className !== undefined) this.#limits.name(object.className);
      for (;;) {
        const name = this.#readName();
        if (name === "" && this.#input.skipIf(OBJECT_END)) return;
        object.set(name, this.#read());
      }
    });
  }

  #readName(): string {
    return this.#limits.name(this.#input.text(this.#input.u16()));
  }

  #readText(size: number): string {
    const text = this.#input.text(size);
    this.#limits.spend(text.length);
    return text;
  }
}

const OBJECT_END = 0x09;
const RESERVED: ReadonlyMap<number, string> = new Map([
  [0x04, "movie clip"],
  [0x09, "end of an object"],
  [0x0e, "record set"],
]);
