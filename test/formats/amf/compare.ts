import { type AmfValue, isAmfObject } from "../../../src/formats/amf/value.ts";

/** A value with all that tells it from others, also what a comparison of maps does not see. */
export function plain(value: AmfValue): unknown {
  if (value instanceof Uint8Array) return { bytes: value.toHex() };
  if (value === null || typeof value !== "object") return Object.is(value, -0) ? "minus zero" : value;
  if (isAmfObject(value)) {
    const { form, className } = value;
    return { form, className, members: Array.from(value, ([name, member]) => [name, plain(member)]) };
  }
  return "kind" in value ? { ...value } : value.map(plain);
}
