import type { Context, Hono } from "hono";
import { addPath, editPath, patchGlobal, removePath } from "../config/edit.ts";
import { configToText } from "../config/json.ts";
import type { ConfigSource } from "../config/source.ts";
import type { ConfigStore } from "../config/store.ts";
import { readBody } from "../http/body.ts";
import { jsonError, jsonTextResponse } from "../http/middleware.ts";
import { ConfigError, NoEntryError } from "../lib/errors.ts";
import type { JsonObject } from "../lib/registry.ts";
import { nameIn } from "./names.ts";
import type { ApiVersion } from "./version.ts";

/** The largest body accepted, bytes: the limit of a configuration file. */
export const MAX_BODY_BYTES = 1024 * 1024;

/** A change that a request asks for. */
type Change = (source: ConfigSource, body: JsonObject) => ConfigSource;

/** Routes without a name, for the redirection of trailing slashes. */
export function isConfigRoute(method: string, path: string, { base }: ApiVersion): boolean {
  if (method === "GET") return path === `${base}/config/get`;
  return method === "POST" && path === `${base}/config/set`;
}

/** Adds the routes that show the configuration and change it. Changes are checked before the response and applied after it. */
export function addConfigRoutes(app: Hono, { base }: ApiVersion, store: ConfigStore): void {
  app.get(`${base}/config/get`, () => jsonTextResponse(configToText(store.current.config)));
  app.post(`${base}/config/set`, (context) => editBy(context, store, patchGlobal));
  const paths = `${base}/config/paths`;
  const changes = [
    ["add", addPath],
    ["edit", editPath],
  ] as const;
  for (const [verb, change] of changes) {
    app.post(`${paths}/${verb}/*`, (context) => {
      const name = nameIn(context.req.path, `${paths}/${verb}`);
      if (name === undefined) return jsonError(400, "invalid name");
      return editBy(context, store, (source, body) => change(source, name, body));
    });
  }
  app.post(`${paths}/remove/*`, (context) => {
    const name = nameIn(context.req.path, `${paths}/remove`);
    if (name === undefined) return jsonError(400, "invalid name");
    return edit(store, (source) => removePath(source, name));
  });
}

async function editBy(context: Context, store: ConfigStore, change: Change): Promise<Response> {
  const body = await readBody(context.req.raw, MAX_BODY_BYTES);
  if (body.kind === "refused") return body.response;
  const patch = parseObject(body.text);
  if (typeof patch === "string") return jsonError(400, patch);
  return edit(store, (source) => change(source, patch));
}

function edit(store: ConfigStore, change: (source: ConfigSource) => ConfigSource): Response {
  try {
    store.edit(change);
  } catch (error) {
    if (error instanceof NoEntryError) return jsonError(404, error.message);
    if (error instanceof ConfigError) return jsonError(400, error.message);
    throw error;
  }
  return new Response(null, { status: 200 });
}

/** @returns an error text if it is not a JSON object */
function parseObject(text: string): JsonObject | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "the body is no JSON"; // a parser out of stack is no better
  }
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? (value as JsonObject) : "the body is not a JSON object";
}
