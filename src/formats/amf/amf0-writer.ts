import { assert } from "../../lib/assert.ts";
import { writeAmf3Value } from "./amf3-writer.ts";
import { AmfOutput, utf8 } from "./output.ts";
import { type AmfObject, type AmfValue, isAmfObject } from "./value.ts";

/** Largest size of a short text, bytes. */
const MAX_SHORT = 0xffff;

/**
 * Writes AMF0 values: a command or data message (types 20 and 18). No value is written as a reference, as many clients
 * do not read any. Bytes, which AMF0 does not have, are written as AMF3.
 */
export function writeAmf0(...values: readonly AmfValue[]): Uint8Array {
  const output = new AmfOutput();
  for (const value of values) writeValue(value, output);
  return output.finish();
}

/**
 * Writes a command or data message of AMF3 (types 17 and 15): a byte 0, then AMF0 values, of which objects and arrays
 * switch to AMF3. For peers that use AMF3 themselves: nginx-rtmp, for one, takes such messages but no AMF3 values.
 */
export function writeAmf3Command(...values: readonly AmfValue[]): Uint8Array {
  const output = new AmfOutput().u8(0);
  for (const value of values) {
    if (value !== null && typeof value === "object") writeAmf3Value(value, output.u8(0x11));
    else writeValue(value, output);
  }
  return output.finish();
}

function writeValue(value: AmfValue, output: AmfOutput): void {
  switch (typeof value) {
    case "number":
      output.u8(0x00).f64(value);
      return;
    case "boolean":
      output.u8(0x01).u8(value ? 1 : 0);
      return;
    case "string":
      writeString(value, output);
      return;
    case "undefined":
      output.u8(0x06);
      return;
    default:
      if (value === null) output.u8(0x05);
      else writeComplex(value, output);
  }
}

function writeString(value: string, output: AmfOutput): void {
  const text = utf8(value);
  if (text.length > MAX_SHORT) output.u8(0x0c).u32(text.length).bytes(text);
  else output.u8(0x02).u16(text.length).bytes(text);
}

function writeComplex(value: Extract<AmfValue, object>, output: AmfOutput): void {
  if (value instanceof Uint8Array) writeAmf3Value(value, output.u8(0x11));
  else if (isAmfObject(value)) writeObject(value, output);
  else if ("kind" in value) {
    if (value.kind === "date") output.u8(0x0b).f64(value.ms).u16(0);
    else {
      const text = utf8(value.text);
      output.u8(0x0f).u32(text.length).bytes(text);
    }
  } else {
    output.u8(0x0a).u32(value.length);
    for (const item of value) writeValue(item, output);
  }
}

function writeObject(object: AmfObject, output: AmfOutput): void {
  if (object.form === "ecma-array") output.u8(0x08).u32(object.size);
  else if (object.className === undefined) output.u8(0x03);
  else writeName(object.className, output.u8(0x10));
  for (const [name, value] of object) {
    writeName(name, output);
    writeValue(value, output);
  }
  output.u16(0).u8(0x09);
}

function writeName(name: string, output: AmfOutput): void {
  const text = utf8(name);
  assert(text.length <= MAX_SHORT, "names that were read are shorter");
  output.u16(text.length).bytes(text);
}
