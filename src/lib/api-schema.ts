import type { JsonObject } from "./registry.ts";

/** An object with these fields and no others, all of them required. */
export function object(properties: Record<string, JsonObject>): JsonObject {
  return { type: "object", properties, required: Object.keys(properties), additionalProperties: false };
}

/** A reference to a schema of the same document. */
export function ref(name: string): JsonObject {
  return { $ref: `#/components/schemas/${name}` };
}

/** Several of one kind. */
export function list(items: JsonObject, description: string): JsonObject {
  return { type: "array", items, description };
}

/** Any string. */
export function text(description: string): JsonObject {
  return { type: "string", description };
}

/** A moment, as RFC 3339 writes it. */
export function time(description: string): JsonObject {
  return { type: "string", format: "date-time", description };
}

/** Yes or no. */
export function flag(description: string): JsonObject {
  return { type: "boolean", description };
}

/** A whole number from 0. */
export function count(description: string): JsonObject {
  return { type: "integer", minimum: 0, description };
}

/** One of several words. */
export function word(words: readonly string[]): JsonObject {
  return { type: "string", enum: words };
}
