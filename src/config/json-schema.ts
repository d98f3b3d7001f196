import * as v from "valibot";
import type { Json, JsonObject } from "../lib/registry.ts";
import { PATH_ALIASES, PATH_ROWS } from "./path-schema.ts";
import type { Aliases, Row, Rows } from "./row.ts";
import type { Kind } from "./scalars.ts";
import { GLOBAL_ALIASES, GLOBAL_ROWS } from "./schema.ts";

/** Keys that the section `paths` can have: a name, `~` and a regular expression, `all`. */
const PATH_KEY = "^(~.*|[0-9a-zA-Z_.~-]+(/[0-9a-zA-Z_.~-]+)*)$";

/**
 * A JSON Schema (draft 7) of the configuration file, made of the tables of parameters, so that editors complete and
 * check it. It checks values one by one: contradictions between parameters are found by the server only.
 */
export function configJsonSchema(): JsonObject {
  const path = { $ref: "#/definitions/path" };
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "MediaMTX configuration",
    type: ["object", "null"],
    additionalProperties: false,
    properties: {
      ...propertiesOf(GLOBAL_ROWS, GLOBAL_ALIASES),
      authMethod: {
        description: "internal: externalAuthenticationURL is not in use; http: it is",
        enum: ["internal", "http", null],
      },
      pathDefaults: { ...path, description: "defaults of every path" },
      paths: {
        description: "paths by name, by regular expression (~^…$), or all for every other name",
        type: ["object", "null"],
        propertyNames: { pattern: PATH_KEY },
        additionalProperties: path,
      },
    },
    definitions: {
      path: {
        type: ["object", "null"],
        additionalProperties: false,
        properties: propertiesOf(PATH_ROWS, PATH_ALIASES),
      },
    },
  };
}

function propertiesOf(rows: Rows, aliases: Aliases): JsonObject {
  const entries = Object.entries(rows).map(([key, row]): [string, Json] => [key, propertyOf(row)]);
  for (const { key, name, shape } of aliases.values()) {
    const row = rows[key];
    if (row === undefined) continue;
    const { default: _, ...property } = propertyOf(row);
    entries.push([name, { ...property, ...shape, description: `newer name of ${key}: ${row.meaning}` }]);
  }
  return Object.fromEntries(entries);
}

function propertyOf({ kind, initial, meaning }: Row<unknown>): JsonObject {
  const isOld = /^old (name|form) of/.test(meaning);
  return {
    description: meaning,
    default: kind.toJson(initial),
    ...(isOld && { deprecated: true }),
    ...(takesNull(kind) ? { anyOf: [kind.shape, { type: "null" }] } : kind.shape),
  };
}

/** Whether a parameter without a value is valid. */
function takesNull({ nullAs, schema }: Kind<unknown>): boolean {
  return nullAs === undefined || v.safeParse(schema, nullAs).success;
}
