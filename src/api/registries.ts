import type { Context, Hono } from "hono";
import { jsonError, jsonResponse, pageNotFound } from "../http/middleware.ts";
import { EndError } from "../lib/errors.ts";
import type { Listed, Listing } from "../lib/registry.ts";
import type { Resource } from "../protocols/resource.ts";
import { nameIn } from "./names.ts";
import { pageOf, parsePageRequest } from "./paging.ts";
import { parseUuid } from "./uuid.ts";
import type { ApiVersion } from "./version.ts";

/** What the lists of the API need. */
export interface RegistrySubject {
  /** All lists. One whose server is not running has no routes. */
  readonly resources: readonly Resource[];
  /** By name. They change as servers start and stop, so they are looked up at each request. */
  readonly registries: ReadonlyMap<string, Listing>;
}

/** Adds list, get and kick of every registry. */
export function addRegistryRoutes(app: Hono, version: ApiVersion, subject: RegistrySubject): void {
  const { show } = version;
  for (const resource of subject.resources) {
    const { name, kick } = resource;
    app.get(`${version.base}/${name}/list`, (context) => {
      const registry = subject.registries.get(name);
      return registry === undefined ? pageNotFound() : list(context, registry, version);
    });
    const routes = { app, version, subject, resource };
    addItemRoute(routes, "GET", "get", (item) => jsonResponse(show(item)));
    if (kick) addItemRoute(routes, "POST", "kick", kickItem);
  }
}

/** Whether a path without trailing slash is one of these routes. */
export function isRegistryRoute(
  method: string,
  path: string,
  { base }: ApiVersion,
  { resources, registries }: RegistrySubject,
): boolean {
  if (method !== "GET") return false;
  return resources.some(({ name }) => path === `${base}/${name}/list` && registries.has(name));
}

interface ItemRoutes {
  readonly app: Hono;
  readonly version: ApiVersion;
  readonly subject: RegistrySubject;
  readonly resource: Resource;
}

function addItemRoute(
  { app, version, subject, resource }: ItemRoutes,
  method: "GET" | "POST",
  verb: string,
  act: (item: Listed) => Response,
): void {
  const base = `${version.base}/${resource.name}/${verb}`;
  app.on(method, `${base}/*`, async (context) => {
    const registry = subject.registries.get(resource.name);
    if (registry === undefined) return pageNotFound();
    const key = itemKey(context.req.path, base, resource);
    if (key === undefined) return jsonError(400, `invalid ${resource.by}`);
    const item = await registry.find(key);
    return item === undefined ? jsonError(404, `${resource.item} not found`) : act(item);
  });
}

function itemKey(path: string, base: string, { by }: Resource): string | undefined {
  const name = nameIn(path, base);
  return name !== undefined && by === "id" ? parseUuid(name) : name;
}

async function list(context: Context, registry: Listing, { show }: ApiVersion): Promise<Response> {
  const request = parsePageRequest((name) => context.req.query(name));
  if (typeof request === "string") return jsonError(400, request);
  return jsonResponse(pageOf(await registry.list(), request, show));
}

function kickItem(item: Listed): Response {
  item.close(new EndError("kicked"));
  return new Response(null, { status: 200 });
}
