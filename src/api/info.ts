import type { Hono } from "hono";
import { jsonResponse } from "../http/middleware.ts";
import { object, text, time } from "../lib/api-schema.ts";
import { PRODUCT } from "../lib/product.ts";
import type { ApiVersion } from "./version.ts";

/** What the server is. */
export const INFO_SCHEMA = object({
  name: text("name of this server"),
  version: text("its version"),
  compatibleWith: text("the release of MediaMTX that it is compatible with"),
  started: time("start of the process"),
});

/** Adds the route that says what the server is. @param started RFC 3339 */
export function addInfoRoute(app: Hono, { base }: ApiVersion, started: string): void {
  app.get(`${base}/info`, () => jsonResponse({ ...PRODUCT, started }));
}

/** Whether a path without trailing slash is that route. */
export function isInfoRoute(method: string, path: string, { base }: ApiVersion): boolean {
  return method === "GET" && path === `${base}/info`;
}
