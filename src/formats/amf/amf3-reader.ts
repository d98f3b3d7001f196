import { ProtocolError } from "../../lib/errors.ts";
import type { AmfInput } from "./input.ts";
import type { AmfLimits, Referable } from "./limits.ts";
import { type AmfValue, newAmfObject } from "./value.ts";

/** What objects of a class have in common (AMF3 §3.12). */
interface Traits {
  readonly className: string;
  /** Whether more members than these follow. */
  readonly isDynamic: boolean;
  readonly names: readonly string[];
}

/** Reads AMF3 values (AMF3 §3). One reader reads all those of a message, because its tables of references are shared. */
export class Amf3Reader {
  readonly #input: AmfInput;
  readonly #limits: AmfLimits;
  readonly #strings: string[] = [];
  readonly #complex: Referable[] = [];
  readonly #traits: Traits[] = [];

  constructor(input: AmfInput, limits: AmfLimits) {
    this.#input = input;
    this.#limits = limits;
  }

  /** Reads the next value. @throws {ProtocolError} as `readAmf0` */
  read(): AmfValue {
    const marker = this.#input.u8();
    if (marker < 0x07) return this.#readSimple(marker);
    if (marker > 0x10) {
      const name = marker === 0x11 ? "dictionary" : `0x${marker.toString(16)}`;
      throw new ProtocolError(`unsupported AMF3 type: ${name}`);
    }
    // The lowest bit of the number tells a value from a reference, in all types that may be referred to
    const header = this.#input.u29();
    if ((header & 1) === 0) return this.#limits.refer(header >> 1, this.#complex);
    return this.#readComplex(marker, header >> 1);
  }

  #readSimple(marker: number): AmfValue {
    if (marker === 0x06) {
      const text = this.#readText();
      this.#limits.spend(text.length);
      return text;
    }
    this.#limits.spend();
    switch (marker) {
      case 0x01:
        return null;
      case 0x02:
        return false;
      case 0x03:
        return true;
      case 0x04:
        return (this.#input.u29() << 3) >> 3; // two's complement of 29 bits
      case 0x05:
        return this.#input.f64();
      default:
        return undefined;
    }
  }

  /** @param header what comes with the type: the size of a text or array, flags of an object */
  #readComplex(marker: number, header: number): AmfValue {
    switch (marker) {
      case 0x08:
        return this.#limits.keep({ kind: "date", ms: this.#input.f64() }, 0, this.#complex);
      case 0x09:
        return this.#readArray(header);
      case 0x0a:
        return this.#readObject(this.#readTraits(header));
      case 0x0c:
        return this.#limits.keep(this.#input.bytes(header).slice(), header, this.#complex);
      case 0x0d:
        return this.#readVector(header, 4, () => this.#input.i32());
      case 0x0e:
        return this.#readVector(header, 4, () => this.#input.u32());
      case 0x0f:
        return this.#readVector(header, 8, () => this.#input.f64());
      case 0x10:
        return this.#readObjectVector(header);
      default: // 0x07 and 0x0b, an XML document and an XML object
        return this.#readXml(header);
    }
  }

  #readXml(size: number): AmfValue {
    const text = this.#input.text(size);
    return this.#limits.keep({ kind: "xml", text }, text.length, this.#complex);
  }

  /** Reads members with names up to an empty name, then those without (§3.11). */
  #readArray(count: number): AmfValue {
    const first = this.#readText();
    this.#input.expect(count);
    if (first === "") return this.#readValues(count);
    const array = newAmfObject({ form: "ecma-array" });
    return this.#limits.nest(array, this.#complex, () => {
      array.set(this.#limits.name(first), this.read());
      for (let name = this.#readName(); name !== ""; name = this.#readName()) array.set(name, this.read());
      for (let i = 0; i < count; i++) {
        this.#limits.spend();
        array.set(String(i), this.read());
      }
    });
  }

  #readValues(count: number): AmfValue {
    const values: AmfValue[] = [];
    return this.#limits.nest(values, this.#complex, () => {
      for (let i = 0; i < count; i++) values.push(this.read());
    });
  }

  #readVector(count: number, size: number, read: () => number): AmfValue {
    this.#input.u8(); // whether its length is fixed
    this.#input.expect(count, size);
    const values: number[] = [];
    return this.#limits.nest(values, this.#complex, () => {
      for (let i = 0; i < count; i++) {
        this.#limits.spend();
        values.push(read());
      }
    });
  }

  #readObjectVector(count: number): AmfValue {
    this.#input.u8();
    this.#readName(); // of the class of its members
    this.#input.expect(count);
    return this.#readValues(count);
  }

  #readTraits(header: number): Traits {
    if ((header & 1) === 0) {
      const traits = this.#traits[header >> 1];
      if (traits === undefined) throw new ProtocolError(`invalid reference to AMF3 traits: ${header >> 1}`);
      return traits;
    }
    const className = this.#readName();
    if ((header & 2) !== 0) {
      const name = JSON.stringify(className.slice(0, SHOWN_LENGTH));
      throw new ProtocolError(`unsupported AMF3 type: externalizable object of class ${name}`);
    }
    const count = header >> 3;
    this.#input.expect(count);
    const names: string[] = [];
    for (let i = 0; i < count; i++) names.push(this.#readName());
    const traits = { className, isDynamic: (header & 4) !== 0, names };
    this.#traits.push(traits);
    return traits;
  }

  #readObject({ className, isDynamic, names }: Traits): AmfValue {
    const object = newAmfObject(className === "" ? {} : { className });
    return this.#limits.nest(object, this.#complex, () => {
      this.#limits.name(className);
      for (const name of names) object.set(this.#limits.name(name), this.read());
      if (!isDynamic) return;
      for (let name = this.#readName(); name !== ""; name = this.#readName()) object.set(name, this.read());
    });
  }

  #readName(): string {
    return this.#limits.name(this.#readText());
  }

  /** Reads a string or a reference to one (§1.3.2). The empty string is never referred to. */
  #readText(): string {
    const header = this.#input.u29();
    const number = header >> 1;
    if ((header & 1) === 0) {
      const text = this.#strings[number];
      if (text === undefined) throw new ProtocolError(`invalid reference to an AMF3 string: ${number}`);
      return text;
    }
    if (number === 0) return "";
    const text = this.#input.text(number);
    this.#strings.push(text);
    return text;
  }
}

/** How much of a name is shown in an error. */
const SHOWN_LENGTH = 64;
