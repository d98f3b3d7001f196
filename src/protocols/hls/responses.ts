import type { Config } from "../../config/load.ts";
import { pageNotFound } from "../../http/middleware.ts";
import type { HttpEnvironment } from "../../http/server.ts";
import { readRange } from "./requests.ts";

/** Cache-Control of a response. */
export const CACHE = {
  /** For a name that is never reused. */
  forever: "max-age=3600, immutable",
  multivariant: "max-age=30",
  /** For shared caches only, for one second: the shortest time that Cache-Control can express. */
  passing: "max-age=0, s-maxage=1",
  nothing: "no-store",
} as const;

/** Prepared headers: there are few types and lifetimes. */
const READY_MAX = 100;

/** Makes the responses of the HLS server. Responses with the same content share one Blob. */
export class Responses {
  readonly #origin: string;
  /** By Cache-Control, then by type; for public and for protected paths. */
  readonly #public = new Map<string, Map<string, Headers>>();
  readonly #private = new Map<string, Map<string, Headers>>();

  constructor({ hlsAllowOrigin }: Pick<Config, "hlsAllowOrigin">) {
    this.#origin = hlsAllowOrigin;
  }

  /** The headers of a response by type and lifetime. */
  #ready(type: string, cache: string, isPrivate: boolean): Headers {
    const all = isPrivate ? this.#private : this.#public;
    const known = all.get(cache)?.get(type);
    if (known !== undefined) return known;
    const headers = new Headers({ "Content-Type": type, "Cache-Control": cacheControl(cache, isPrivate) });
    if (cache === CACHE.forever) headers.set("Accept-Ranges", "bytes");
    this.open(headers);
    if (all.size >= READY_MAX) all.clear();
    all.set(cache, (all.get(cache) ?? new Map<string, Headers>()).set(type, headers));
    return headers;
  }

  /** Allows other origins to read a response (CORS). */
  open(headers: Headers): void {
    headers.set("Access-Control-Allow-Origin", this.#origin);
    headers.set("Access-Control-Allow-Credentials", "true");
  }

  playlist(text: Blob, cache: string, isPrivate: boolean): Response {
    return new Response(text, { headers: this.#ready(text.type, cache, isPrivate) });
  }

  /** A media file, or the requested range of it. */
  media(
    bytes: Blob,
    type: string,
    isPrivate: boolean,
    request: Request,
    incoming: HttpEnvironment,
  ): Response {
    incoming.allow(bytes.size);
    const ready = this.#ready(type, CACHE.forever, isPrivate);
    const { headers } = request;
    // without ETag or Last-Modified, If-Range never matches
    const wanted = headers.get("If-Range") === null ? headers.get("Range") : null;
    const range = wanted === null ? undefined : readRange(wanted, bytes.size);
    if (range === undefined) return new Response(bytes, { headers: ready });
    if (range === null) {
      const refused = this.empty(416);
      refused.headers.set("Content-Range", `bytes */${bytes.size}`);
      return refused;
    }
    const { first, last } = range;
    const response = new Response(bytes.slice(first, last + 1), { status: 206, headers: ready });
    response.headers.set("Content-Range", `bytes ${first}-${last}/${bytes.size}`);
    return response;
  }

  notFound(): Response {
    const response = pageNotFound();
    this.open(response.headers);
    response.headers.set("Cache-Control", CACHE.nothing);
    return response;
  }

  /** A response without a body. */
  empty(status: number): Response {
    const response = new Response(null, { status });
    this.open(response.headers);
    response.headers.set("Cache-Control", CACHE.nothing);
    return response;
  }
}

/** Cache-Control of a response; shared caches must not store anything of a protected path. */
function cacheControl(cache: string, isPrivate: boolean): string {
  if (cache === CACHE.nothing) return cache;
  if (!isPrivate) return `public, ${cache}`;
  return cache === CACHE.passing ? "private, no-cache" : `private, ${cache}`;
}
