import type { Hono } from "hono";
import { jsonResponse } from "../http/middleware.ts";
import type { Resource } from "../protocols/resource.ts";
import { DOCS_POLICY, docsPage } from "./docs-page.ts";
import { openApi } from "./openapi.ts";
import type { ApiVersion } from "./version.ts";

/** Adds the documentation of the API, as OpenAPI and as a page. It is made on request. */
export function addDocsRoutes(app: Hono, version: ApiVersion, resources: readonly Resource[]): void {
  app.get("/openapi.json", () => jsonResponse(openApi(version, resources)));
  app.get("/docs", () => {
    const headers = {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": DOCS_POLICY,
      "X-Content-Type-Options": "nosniff",
      "Referrer-Policy": "no-referrer",
    };
    return new Response(docsPage(openApi(version, resources)), { headers });
  });
}

/** Whether a path without trailing slash is one of these routes. */
export function isDocsRoute(method: string, path: string): boolean {
  return method === "GET" && (path === "/openapi.json" || path === "/docs");
}
