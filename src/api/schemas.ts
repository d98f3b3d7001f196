import { PATH_ROWS } from "../config/path-schema.ts";
import type { Row, Rows } from "../config/row.ts";
import { GLOBAL_ROWS } from "../config/schema.ts";
import { count, list, object, ref, text } from "../lib/api-schema.ts";
import type { Json, JsonObject } from "../lib/registry.ts";
import type { Resource } from "../protocols/resource.ts";
import { INFO_SCHEMA } from "./info.ts";

/** Objects of the API as JSON Schema, by name; other fields are not allowed. */
export function schemas(resources: readonly Resource[]): JsonObject {
  return {
    Error: object({ error: text("error message") }),
    Info: INFO_SCHEMA,
    Config: configSchema(),
    GlobalPatch: partial(
      GLOBAL_ROWS,
      "Parameters to change; others stay. Unknown names and null are ignored.",
    ),
    PathConfig: rowsSchema(PATH_ROWS),
    PathPatch: partial(PATH_ROWS, "Parameters of a path. Unknown names and null are ignored."),
    ...Object.assign({}, ...resources.map((resource) => resource.schemas)),
    Live: liveSchema(),
  };
}

/** A page of a list of such items. */
export function pageOfSchema(item: string): JsonObject {
  return object({
    itemCount: count("items of all pages"),
    pageCount: count("pages"),
    items: list(ref(item), "items of this page"),
  });
}

/** Every field is optional: those that do not apply or are not known are left out. */
function liveSchema(): JsonObject {
  const { required: _, ...schema } = object({
    bitrateIn: count("incoming bit/s over the last second"),
    bitrateOut: count("outgoing bit/s over the last second"),
    frameRate: { type: "number", minimum: 0, description: "frames per second of the first video track" },
    width: count("width of its pictures, pixels"),
    height: count("height of its pictures, pixels"),
    gopFrames: count("frames between the last two random access points"),
    keyFrameAgeMs: count("time since the last random access point, ms"),
    packetsReceived: count("RTP packets received"),
    packetsLost: count("RTP packets that did not arrive, or were dropped because the reader is too slow"),
    jitterMs: { type: "number", minimum: 0, description: "interarrival jitter of a source over UDP, ms" },
    roundTripMs: {
      type: "number",
      minimum: 0,
      description: "from the last request of a source to the response, ms",
    },
    lastPacketAgeMs: count("time since the last packet of a source, ms"),
    lagMs: count("age of the oldest packet waiting for the reader, or for any reader of the path, ms"),
    framesDropped: count("frames dropped because the reader, or any reader of the path, is too slow"),
  });
  return { ...schema, description: "Current figures; those that do not apply are left out." };
}

function configSchema(): JsonObject {
  const globals = rowsSchema(GLOBAL_ROWS);
  return {
    ...globals,
    properties: {
      ...(globals["properties"] as JsonObject),
      pathDefaults: ref("PathPatch"),
      paths: { type: "object", additionalProperties: ref("PathConfig") },
    },
  };
}

/** The values of a table as the API shows them. */
function rowsSchema(rows: Rows): JsonObject {
  const properties = Object.entries(rows).map(([key, row]) => [key, rowSchema(row)] as const);
  return object(Object.fromEntries(properties));
}

/** The schema of a patch: any of the values, in any form that the file accepts. */
function partial(rows: Rows, description: string): JsonObject {
  const properties = Object.entries(rows).map(
    ([key, { kind, meaning }]) => [key, { ...kind.shape, description: meaning }] as const,
  );
  return { type: "object", properties: Object.fromEntries(properties), description };
}

function rowSchema({ kind, initial, meaning }: Row<unknown>): JsonObject {
  return { ...shownAs(kind.toJson(initial), kind.label), description: meaning };
}

/** The schema that fits the default of a parameter. */
function shownAs(value: Json, label: string): JsonObject {
  if (typeof value === "boolean") return { type: "boolean" };
  if (typeof value === "number") return { type: label === "int" ? "integer" : "number" };
  if (typeof value === "string") return { type: "string" };
  const [first] = Array.isArray(value) ? (value as readonly Json[]) : [];
  const item =
    typeof first === "object" ? { type: "object", additionalProperties: { type: "string" } } : undefined;
  return { type: ["array", "null"], items: item ?? { type: "string" } };
}
