import type { Context, Hono } from "hono";
import { jsonError, jsonResponse, pageNotFound } from "../http/middleware.ts";
import type { Listed, Listing } from "../lib/registry.ts";
import { nameIn } from "./names.ts";
import { pageOf, parsePageRequest } from "./paging.ts";
import { parseUuid } from "./uuid.ts";

/** How the API shows a registry. */
export interface Resource {
  /** What an item is called, and several; the first also when there is none. */
  readonly item: string;
  readonly items: string;
  /** What an item is asked for by: its UUID, or the name of a path with all its slashes. */
  readonly by: "id" | "name";
  readonly kick: boolean;
  /** Name of the schema of an item. */
  readonly schema: string;
}

/** Every registry the API knows. One whose server does not run has no routes. */
export const RESOURCES: Readonly<Record<string, Resource>> = {
  paths: { item: "path", items: "paths", by: "name", kick: false, schema: "Path" },
  hlsmuxers: { item: "muxer", items: "HLS muxers", by: "name", kick: false, schema: "HlsMuxer" },
  rtspconns: conns("RTSP", false, "Conn"),
  rtspsessions: sessions("RTSP", "RtspSession"),
  rtspsconns: conns("RTSPS", false, "Conn"),
  rtspssessions: sessions("RTSPS", "RtspSession"),
  rtmpconns: conns("RTMP", true, "StreamConn"),
  rtmpsconns: conns("RTMPS", true, "StreamConn"),
  webrtcsessions: sessions("WebRTC", "WebRtcSession"),
  srtconns: conns("SRT", true, "StreamConn"),
};

function conns(protocol: string, kick: boolean, schema: string): Resource {
  return { item: "connection", items: `${protocol} connections`, by: "id", kick, schema };
}

function sessions(protocol: string, schema: string): Resource {
  return { item: "session", items: `${protocol} sessions`, by: "id", kick: true, schema };
}

/** The listings by name. They come and go with their servers, so they are looked up at each request. */
export type Registries = ReadonlyMap<string, Listing>;

/** Adds list, get and kick of every registry. */
export function addRegistryRoutes(app: Hono, registries: Registries): void {
  app.get("/v2/:resource/list", (context) => {
    const registry = registries.get(context.req.param("resource"));
    return isShown(registry) ? list(context, registry) : pageNotFound();
  });
  for (const [name, { kick }] of Object.entries(RESOURCES)) {
    addItemRoute(app, registries, {
      name,
      method: "GET",
      verb: "get",
      act: (item) => jsonResponse(item.describe()),
    });
    if (kick) addItemRoute(app, registries, { name, method: "POST", verb: "kick", act: kickItem });
  }
}

/** Whether a path without slash at its end is one of these routes. */
export function isRegistryRoute(method: string, path: string, registries: Registries): boolean {
  const name = /^\/v2\/([a-z]+)\/list$/.exec(path)?.[1];
  return method === "GET" && name !== undefined && isShown(registries.get(name));
}

interface ItemRoute {
  readonly name: string;
  readonly method: "GET" | "POST";
  readonly verb: string;
  readonly act: (item: Listed) => Response;
}

function addItemRoute(app: Hono, registries: Registries, { name, method, verb, act }: ItemRoute): void {
  const resource = RESOURCES[name] as Resource;
  const base = `/v2/${name}/${verb}`;
  app.on(method, `${base}/*`, async (context) => {
    const registry = registries.get(name);
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

async function list(context: Context, registry: Listing): Promise<Response> {
  const request = parsePageRequest((name) => context.req.query(name));
  if (typeof request === "string") return jsonError(400, request);
  return jsonResponse(pageOf(await registry.list(), request));
}

function kickItem(item: Listed): Response {
  item.close(new Error("kicked"));
  return new Response(null, { status: 200 });
}

function isShown(registry: Listing | undefined): registry is Listing {
  return registry !== undefined && Object.hasOwn(RESOURCES, registry.name);
}
