import { type AmfOutput, utf8 } from "./output.ts";
import { type AmfObject, type AmfValue, isAmfObject } from "./value.ts";

/** Integers from -2^28 to 2^28 - 1 take 29 bits; all other numbers are doubles. */
const INTEGER_LIMIT = 1 << 28;
const INTEGER_MASK = 0x1fff_ffff;

/** Writes an AMF3 value, without references. An ECMA array without members becomes an empty array. */
export function writeAmf3Value(value: AmfValue, output: AmfOutput): void {
  switch (typeof value) {
    case "number":
      writeNumber(value, output);
      return;
    case "boolean":
      output.u8(value ? 0x03 : 0x02);
      return;
    case "string":
      writeText(value, output.u8(0x06));
      return;
    case "undefined":
      output.u8(0x00);
      return;
    default:
      if (value === null) output.u8(0x01);
      else writeComplex(value, output);
  }
}

function writeNumber(value: number, output: AmfOutput): void {
  const isInteger = Number.isInteger(value) && value >= -INTEGER_LIMIT && value < INTEGER_LIMIT;
  if (isInteger && !Object.is(value, -0)) output.u8(0x04).u29(value & INTEGER_MASK);
  else output.u8(0x05).f64(value);
}

function writeComplex(value: Extract<AmfValue, object>, output: AmfOutput): void {
  if (value instanceof Uint8Array)
    output
      .u8(0x0c)
      .u29(2 * value.length + 1)
      .bytes(value);
  else if (isAmfObject(value)) {
    // An array cannot have a member with an empty name
    if (value.form === "ecma-array" && !value.has("")) writeEcmaArray(value, output);
    else writeObject(value, output);
  } else if ("kind" in value) {
    if (value.kind === "date") output.u8(0x08).u8(0x01).f64(value.ms);
    else writeText(value.text, output.u8(0x0b));
  } else {
    output
      .u8(0x09)
      .u29(2 * value.length + 1)
      .u8(EMPTY);
    for (const item of value) writeAmf3Value(item, output);
  }
}

function writeEcmaArray(array: AmfObject, output: AmfOutput): void {
  output.u8(0x09).u8(0x01);
  writeMembers(array, output);
}

/** Writes a dynamic object. A member with an empty name, which would end the dynamic ones, is part of its traits. */
function writeObject(object: AmfObject, output: AmfOutput): void {
  const hasUnnamed = object.has("");
  output.u8(0x0a).u8(hasUnnamed ? 0x1b : 0x0b);
  writeText(object.className ?? "", output);
  if (hasUnnamed) writeAmf3Value(object.get(""), output.u8(EMPTY));
  writeMembers(object, output);
}

function writeMembers(object: AmfObject, output: AmfOutput): void {
  for (const [name, value] of object) {
    if (name === "") continue;
    writeText(name, output);
    writeAmf3Value(value, output);
  }
  output.u8(EMPTY);
}

function writeText(value: string, output: AmfOutput): void {
  const text = utf8(value);
  output.u29(2 * text.length + 1).bytes(text);
}

/** The empty string. */
const EMPTY = 0x01;
