import { ref } from "../lib/api-schema.ts";
import { PRODUCT_LINE } from "../lib/product.ts";
import type { JsonObject } from "../lib/registry.ts";
import type { Resource } from "../protocols/resource.ts";
import { pageOfSchema, schemas } from "./schemas.ts";
import type { ApiVersion } from "./version.ts";

const JSON_TYPE = "application/json";
const TEXT_TYPE = "text/plain";

/** The OpenAPI 3.1 document of a version of the API. Includes the lists of servers that are not running. */
export function openApi({ base }: ApiVersion, resources: readonly Resource[]): JsonObject {
  const paths = resources.map((resource) => resourcePaths(base, resource));
  return {
    openapi: "3.1.0",
    info: {
      title: "MediaMTX",
      version: base.slice("/v".length),
      description:
        `${PRODUCT_LINE}. ` +
        "Shows and changes a running live media server. Changes are not written to the configuration file. " +
        "Routes of a server that is not running return 404.",
      license: { name: "MIT", identifier: "MIT" },
    },
    paths: { ...infoPath(base), ...configPaths(base), ...Object.assign({}, ...paths), ...OWN_PATHS },
    components: { schemas: schemas(resources) },
  };
}

function infoPath(base: string): JsonObject {
  const get = {
    operationId: "info",
    tags: ["server"],
    summary: "What this server is.",
    responses: { 200: json(ref("Info"), "name, version and start") },
  };
  return { [`${base}/info`]: { get } };
}

function json(schema: JsonObject, description: string): JsonObject {
  return { description, content: { [JSON_TYPE]: { schema } } };
}

function error(description: string): JsonObject {
  return json(ref("Error"), description);
}

/** Not found: the item, as JSON, or the route, as text. */
function notFound(description: string): JsonObject {
  return {
    description,
    content: {
      [JSON_TYPE]: { schema: ref("Error") },
      [TEXT_TYPE]: { schema: { type: "string", const: "404 page not found" } },
    },
  };
}

const NO_ROUTE: JsonObject = {
  description: "its server is not running",
  content: { [TEXT_TYPE]: { schema: { type: "string", const: "404 page not found" } } },
};
const DONE: JsonObject = { description: "done; the body is empty" };
const FOREIGN = error(
  "the request comes from a web page of another origin, or its Host header names another host",
);
const TOO_LARGE = error("the body is larger than 1 MiB");

function parameter(
  name: string,
  place: "path" | "query",
  schema: JsonObject,
  description: string,
): JsonObject {
  return { name, in: place, required: place === "path", schema, description };
}

const CONFIG_KEY = parameter(
  "name",
  "path",
  { type: "string", minLength: 1 },
  "key of an entry of `paths`: a name, which may have slashes, `~` and a regular expression, or `all`",
);
const PAGING = [
  parameter("itemsPerPage", "query", { type: "integer", minimum: 1, default: 100 }, "items per page"),
  parameter("page", "query", { type: "integer", minimum: 0, default: 0 }, "number of the page, from 0"),
];

function body(schema: string): JsonObject {
  return { required: true, content: { [JSON_TYPE]: { schema: ref(schema) } } };
}

/** A change of an entry of `paths`. */
function entryChange(verb: string, summary: string, missing: string | undefined): JsonObject {
  const takesBody = verb !== "remove";
  return {
    post: {
      operationId: `config-paths-${verb}`,
      tags: ["configuration"],
      summary,
      parameters: [CONFIG_KEY],
      ...(takesBody && { requestBody: body("PathPatch") }),
      responses: {
        200: DONE,
        400: error("invalid name or body, or the resulting configuration would be invalid"),
        403: FOREIGN,
        ...(missing !== undefined && { 404: error(missing) }),
        ...(takesBody && { 413: TOO_LARGE }),
      },
    },
  };
}

function configPaths(base: string): JsonObject {
  return {
    [`${base}/config/get`]: {
      get: {
        operationId: "config-get",
        tags: ["configuration"],
        summary: "The configuration in force. Credentials are shown.",
        responses: { 200: json(ref("Config"), "every parameter") },
      },
    },
    [`${base}/config/set`]: {
      post: {
        operationId: "config-set",
        tags: ["configuration"],
        summary: "Changes global parameters. Only the affected components restart.",
        requestBody: body("GlobalPatch"),
        responses: {
          200: DONE,
          400: error("invalid body, or the resulting configuration would be invalid"),
          403: FOREIGN,
          413: TOO_LARGE,
        },
      },
    },
    [`${base}/config/paths/add/{name}`]: entryChange("add", "Adds an entry of `paths`.", undefined),
    [`${base}/config/paths/edit/{name}`]: entryChange(
      "edit",
      "Changes an entry of `paths`.",
      "there is no such entry",
    ),
    [`${base}/config/paths/remove/{name}`]: entryChange(
      "remove",
      "Removes an entry of `paths`.",
      "there is no such entry",
    ),
  };
}

function resourcePaths(base: string, { name, item, items, by, kick, schema }: Resource): JsonObject {
  const tags = [items];
  const format = by === "id" ? { type: "string", format: "uuid" } : { type: "string", minLength: 1 };
  const about = by === "id" ? `id of the ${item}` : "name of a path, which may have slashes";
  const key = parameter(by, "path", format, about);
  const missing = notFound(`${item} not found, or its server is not running`);
  const get = {
    operationId: `${name}-get`,
    tags,
    summary: `One ${item}.`,
    parameters: [key],
    responses: { 200: json(ref(schema), `the ${item}`), 400: error(`invalid ${by}`), 404: missing },
  };
  const post = {
    operationId: `${name}-kick`,
    tags,
    summary: `Ends a ${item}.`,
    parameters: [key],
    responses: { 200: DONE, 400: error(`invalid ${by}`), 403: FOREIGN, 404: missing },
  };
  const list = {
    operationId: `${name}-list`,
    tags,
    summary: `All ${items}.`,
    parameters: PAGING,
    responses: {
      200: json(pageOfSchema(schema), "a page; empty past the last one"),
      400: error("a parameter is not a number, or out of range"),
      404: NO_ROUTE,
    },
  };
  return {
    [`${base}/${name}/list`]: { get: list },
    [`${base}/${name}/get/{${by}}`]: { get },
    ...(kick && { [`${base}/${name}/kick/{${by}}`]: { post } }),
  };
}

const OWN_PATHS: JsonObject = {
  "/openapi.json": {
    get: {
      operationId: "openapi",
      tags: ["this description"],
      summary: "This description.",
      responses: { 200: json({ type: "object" }, "an OpenAPI document") },
    },
  },
  "/docs": {
    get: {
      operationId: "docs",
      tags: ["this description"],
      summary: "This description as a page.",
      responses: {
        200: {
          description: "a page",
          content: { "text/html": { schema: { type: "string" } } },
        },
      },
    },
  },
};
