/**
 * A value of AMF0 or AMF3 (Adobe, "Action Message Format", AMF0 of December 2007, AMF3 of January 2013).
 *
 * - Integers, doubles and the members of numeric vectors are numbers.
 * - A strict array, the dense array of AMF3 and a vector are arrays.
 * - The AMF0 type "unsupported" is undefined.
 *
 * Values that were read never contain themselves, and are as small as they look: see `AmfLimits`.
 */
export type AmfValue =
  | number
  | string
  | boolean
  | null
  | undefined
  | AmfDate
  | AmfXml
  | Uint8Array
  | AmfObject
  | readonly AmfValue[];

/**
 * An object or an ECMA array, by name in the order of the message; of equal names, the last value counts. Names come from
 * outside, which is why this is a map. A plain `Map` is an anonymous object.
 */
export interface AmfObject extends ReadonlyMap<string, AmfValue> {
  /** Set if this is an ECMA array, in AMF3 an array with names. */
  readonly form?: "ecma-array";
  /** Name of the class of a typed object; omitted if it has none. */
  readonly className?: string;
}

/** A point in time; `ms` since 1970-01-01 UTC, NaN if the date is invalid. The time zone of AMF0 is reserved, and ignored. */
export interface AmfDate {
  readonly kind: "date";
  readonly ms: number;
}

export interface AmfXml {
  readonly kind: "xml";
  readonly text: string;
}

/** Whether a value is an object or an ECMA array. */
export function isAmfObject(value: AmfValue): value is AmfObject {
  return value instanceof Map;
}

/** An anonymous object with the members of a literal. */
export function amfObject(members: Readonly<Record<string, AmfValue>>): AmfObject {
  return new Map(Object.entries(members));
}

/** An ECMA array with the members of a literal: what players expect of `onMetaData`. */
export function ecmaArray(members: Readonly<Record<string, AmfValue>>): AmfObject {
  return Object.assign(new Map(Object.entries(members)), { form: "ecma-array" } as const);
}

/** An object that is being filled. */
export type MutableAmfObject = Map<string, AmfValue> & AmfObject;

/** An object without members. */
export function newAmfObject(properties: Pick<AmfObject, "form" | "className"> = {}): MutableAmfObject {
  return Object.assign(new Map<string, AmfValue>(), properties);
}
