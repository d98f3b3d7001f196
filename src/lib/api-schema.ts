import type { JsonObject } from "./registry.ts";

/** An object with exactly these fields. */
export function object(properties: Record<string, JsonObject>): JsonObject {
  return { type: "object", properties, required: Object.keys(properties), additionalProperties: false };
}

/** A reference to a schema of the same document. */
export function ref(name: string): JsonObject {
  return { $ref: `#/components/schemas/${name}` };
}

/** An array. */
export function list(items: JsonObject, description: string): JsonObject {
  return { type: "array", items, description };
}

/** A string. */
export function text(description: string): JsonObject {
  return { type: "string", description };
}

/** A point in time (RFC 3339). */
export function time(description: string): JsonObject {
  return { type: "string", format: "date-time", description };
}

/** A boolean. */
export function flag(description: string): JsonObject {
  return { type: "boolean", description };
}

/** A non-negative integer. */
export function count(description: string): JsonObject {
  return { type: "integer", minimum: 0, description };
}

/** One of several words. */
export function word(words: readonly string[]): JsonObject {
  return { type: "string", enum: words };
}
