import type { Config } from "../../config/load.ts";
import { pageNotFound } from "../../http/middleware.ts";
import type { HttpEnvironment } from "../../http/server.ts";
import { readRange } from "./requests.ts";

/** How long the answer to a request may be kept by others, as Cache-Control says it. */
export const CACHE = {
  /** A name that never stands for anything else. */
  forever: "max-age=3600, immutable",
  multivariant: "max-age=30",
  /** Only caches on the way keep it, for as long as they can be told in whole seconds at least. */
  passing: "max-age=0, s-maxage=1",
  nothing: "no-store",
} as const;

/** Headers that are kept ready: types and times are few. */
const READY_MAX = 100;

/** Makes the responses of the HLS server. What many get alike is one Blob that all of them share. */
export class Responses {
  readonly #origin: string;
  /** By Cache-Control, then by type; for everybody and for some. */
  readonly #public = new Map<string, Map<string, Headers>>();
  readonly #private = new Map<string, Map<string, Headers>>();

  constructor({ hlsAllowOrigin }: Pick<Config, "hlsAllowOrigin">) {
    this.#origin = hlsAllowOrigin;
  }

  /** The headers of every response for a type and a time. */
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

  /** Lets pages of other sites read a response. */
  open(headers: Headers): void {
    headers.set("Access-Control-Allow-Origin", this.#origin);
    headers.set("Access-Control-Allow-Credentials", "true");
  }

  playlist(text: Blob, cache: string, isPrivate: boolean): Response {
    return new Response(text, { headers: this.#ready(text.type, cache, isPrivate) });
  }

  /** A media file, or the stretch of it that is asked for. */
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
    // there is nothing that If-Range could be compared with
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

  /** A response that is only a status. */
  empty(status: number): Response {
    const response = new Response(null, { status });
    this.open(response.headers);
    response.headers.set("Cache-Control", CACHE.nothing);
    return response;
  }
}

/** Behind a password or a list of addresses, a cache for all must not keep anything. */
function cacheControl(cache: string, isPrivate: boolean): string {
  if (cache === CACHE.nothing) return cache;
  if (!isPrivate) return `public, ${cache}`;
  return cache === CACHE.passing ? "private, no-cache" : `private, ${cache}`;
}
