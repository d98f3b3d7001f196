import type { Context, Hono, MiddlewareHandler } from "hono";
import { type PageText, personPage, wantsPage } from "./person-page.ts";
import { localUrl } from "./url.ts";

/** The response for paths without a route, whatever the method. */
export function pageNotFound(): Response {
  return new Response("404 page not found", { status: 404, headers: { "Content-Type": "text/plain" } });
}

/** A JSON error response. */
export function jsonError(status: number, error: string): Response {
  return jsonResponse({ error }, status);
}

/** A JSON response. `<`, `>` and `&` are escaped, so that no browser can take it for a page. */
export function jsonResponse(value: unknown, status = 200): Response {
  return jsonTextResponse(JSON.stringify(value), status);
}

/** The same for JSON that is text already. */
export function jsonTextResponse(json: string, status = 200): Response {
  const text = json.replace(/[<>&\u2028\u2029]/g, escapeCharacter);
  return new Response(text, { status, headers: { "Content-Type": "application/json; charset=utf-8" } });
}

/**
 * Handles requests without a route: a path with a superfluous trailing slash is redirected to the one without, everything
 * else is not found.
 *
 * @param isRoute whether a path, without trailing slash, has a route for this method
 * @param page what a person who opens another path in a browser is told
 */
export function handleUnknownRoutes(
  app: Hono,
  isRoute: (method: string, path: string) => boolean,
  page: PageText,
): void {
  app.notFound((context) => {
    const { pathname, search } = localUrl(context.req.url);
    const trimmed = pathname.replace(/\/+$/, "");
    if (trimmed === pathname || !isRoute(context.req.method, trimmed)) {
      return wantsPage(context.req.raw) ? personPage(page, 404) : pageNotFound();
    }
    return redirect(context, `${trimmed}${search}`);
  });
}

function redirect(context: Context, path: string): Response {
  const status = context.req.method === "GET" ? 301 : 307;
  return new Response(null, { status, headers: { Location: path } });
}

/**
 * Rejects writes that a page of another site made a browser send: cross-site requests by `Origin` and
 * `Sec-Fetch-Site`, DNS rebinding by `Host`, which must be an address, a name without dots (no public site has one) or
 * one of `names`.
 *
 * @param names host names that the configuration gives this server, in lower case
 */
export function sameSiteWrites(names: readonly string[]): MiddlewareHandler {
  return async (context, next) => {
    const { method } = context.req;
    if (method === "GET" || method === "HEAD") return next();
    const reason = foreignReason(context.req.raw.headers, names);
    return reason === undefined ? next() : jsonError(403, reason);
  };
}

function foreignReason(headers: Headers, names: readonly string[]): string | undefined {
  const host = headers.get("Host")?.toLowerCase() ?? "";
  if (!isOwnHost(host, names)) return `host not allowed: ${host}`;
  const site = headers.get("Sec-Fetch-Site");
  if (site !== null && site !== "same-origin" && site !== "none")
    return `cross-site request not allowed: ${site}`;
  const origin = headers.get("Origin");
  if (origin !== null && originHost(origin) !== host) return `origin not allowed: ${origin}`;
  return undefined;
}

function isOwnHost(host: string, names: readonly string[]): boolean {
  const name = host.replace(/:\d*$/, "");
  if (name === "") return false;
  return (
    /^\[[0-9a-f:.%]+\]$/.test(name) || /^[\d.]+$/.test(name) || !name.includes(".") || names.includes(name)
  );
}

/** Host and port of an origin, as in `Host`; undefined for an opaque or invalid one. */
function originHost(origin: string): string | undefined {
  return /^https?:\/\/([^/]+)$/i.exec(origin)?.[1]?.toLowerCase();
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
