import { Hono } from "hono";
import type { Guesses } from "../../auth/guesses.ts";
import type { Config, PathConfig } from "../../config/load.ts";
import { formatRfc3339 } from "../../host/rfc3339.ts";
import { pageNotFound } from "../../http/middleware.ts";
import { type HttpEnvironment, type HttpServer, startHttp } from "../../http/server.ts";
import type { Clock } from "../../lib/clock.ts";
import { RefusedError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";
import { Registry } from "../../lib/registry.ts";
import type { PathManager } from "../../path/manager.ts";
import type { Path, PathWatcher } from "../../path/path.ts";
import { type AccessOptions, clientAddress, refusal } from "./access.ts";
import type { Muxer } from "./muxer.ts";
import { playerHeaders, playerPage, playerScript } from "./pages/player.ts";
import { PathMuxer } from "./path-muxer.ts";
import { writeMultivariant } from "./proto/playlist.ts";
import { readDelivery, readRequest, repeatedQuery } from "./requests.ts";
import { factsOf } from "./tracks.ts";

export interface HlsOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly config: Config;
  readonly paths: PathManager;
  readonly guesses: Guesses;
}

/** What a request is about, once it may read its path. */
interface Passed {
  readonly request: Request;
  readonly url: URL;
  readonly path: string;
  readonly remoteAddress: string;
  readonly hold: () => void;
}

type Environment = { Bindings: HttpEnvironment };

/** Serves streams as HLS, and the pages that play them. */
export class HlsServer implements PathWatcher {
  readonly muxers = new Registry<PathMuxer>("hlsmuxers", "id");
  readonly #options: HlsOptions;
  readonly #access: AccessOptions;
  #http: HttpServer | undefined;
  #closed = false;

  constructor(options: HlsOptions) {
    const { guesses, clock, logger, config } = options;
    this.#options = options;
    this.#access = { guesses, clock, logger, trustedProxies: config.hlsTrustedProxies };
  }

  /** @throws {Error} `listen tcp <address>: <reason>` */
  start(): void {
    const { config, logger, paths } = this.#options;
    const app = new Hono<Environment>();
    app.all("*", async ({ req, env }) => this.#withOrigin(await this.#answer(req.raw, env)));
    const { hlsAddress: address, readTimeout } = config;
    this.#http = startHttp({ address, app: app as unknown as Hono, readTimeout, logger });
    if (!config.hlsAlwaysRemux) return;
    paths.watchers.add(this);
    for (const path of paths.registry.values()) if (path.stream !== undefined) this.ready(path);
  }

  /** A stream is there: with `hlsAlwaysRemux` its muxer is made, unless it came because somebody asked for it. */
  ready({ id, conf }: Path): void {
    if (!conf.sourceOnDemand && this.muxers.get(id) === undefined) this.#create(id, undefined);
  }

  ended({ id }: Path): void {
    this.muxers.get(id)?.close(new Error("terminated"));
  }

  #withOrigin(response: Response): Response {
    response.headers.set("Access-Control-Allow-Origin", this.#options.config.hlsAllowOrigin);
    response.headers.set("Access-Control-Allow-Credentials", "true");
    return response;
  }

  async #answer(request: Request, environment: HttpEnvironment): Promise<Response> {
    if (request.method === "OPTIONS") {
      const headers = {
        "Access-Control-Allow-Methods": "OPTIONS, GET",
        "Access-Control-Allow-Headers": "Authorization, Range",
      };
      return new Response(null, { status: 204, headers });
    }
    if (request.method !== "GET") return pageNotFound();
    const url = new URL(request.url);
    const asked = readRequest(url.pathname);
    switch (asked.kind) {
      case "nothing":
        return pageNotFound();
      case "script":
        return playerScript();
      case "pageElsewhere": {
        const location = `${url.pathname}/${url.search}`;
        return new Response(null, { status: 301, headers: { Location: location } });
      }
      default: {
        const remoteAddress = clientAddress(request, environment, this.#access.trustedProxies);
        const refused = await this.#refusal(request, asked.path, remoteAddress);
        if (refused !== undefined) return refused;
        if (asked.kind === "page") return new Response(playerPage(), { headers: playerHeaders() });
        const { path } = asked;
        return await this.#file({ request, url, path, remoteAddress, hold: environment.hold }, asked.file);
      }
    }
  }

  async #refusal(request: Request, path: string, ip: string): Promise<Response | undefined> {
    const { paths } = this.#options;
    let conf: PathConfig | undefined;
    try {
      conf = paths.confOf(path);
    } catch (error) {
      if (error instanceof RefusedError) return pageNotFound();
      throw error;
    }
    // where passwords are asked, nobody learns without one which paths there are
    if (conf === undefined && !paths.isGuarded) return pageNotFound();
    return await refusal(request, conf, ip, this.#access);
  }

  async #file(passed: Passed, file: string): Promise<Response> {
    const muxer = this.#muxerOf(passed);
    if (muxer === undefined) return pageNotFound();
    muxer.requested();
    if (file === "index.m3u8") return await this.#multivariant(passed, muxer);
    if (file === "stream.m3u8") return await this.#media(passed, muxer);
    const response = await this.#mediaFile(passed, muxer, file);
    return response ?? pageNotFound();
  }

  /** The muxer of a path, which is made when there is none. */
  #muxerOf({ path, remoteAddress }: Passed): PathMuxer | undefined {
    if (this.#closed) return undefined;
    return this.muxers.get(path) ?? this.#create(path, remoteAddress);
  }

  #create(path: string, remoteAddress: string | undefined): PathMuxer {
    const { paths, clock, config, logger } = this.#options;
    const muxer: PathMuxer = new PathMuxer({
      path,
      paths,
      clock,
      logger: logger.child(`muxer ${path}`),
      remoteAddress,
      directory: config.hlsDirectory,
      muxer: {
        variant: config.hlsVariant,
        segmentCount: config.hlsSegmentCount,
        segmentDuration: config.hlsSegmentDuration,
        partDuration: config.hlsPartDuration,
        segmentMaxSize: config.hlsSegmentMaxSize,
      },
      onClose: () => {
        if (this.muxers.get(path) === muxer) this.muxers.delete(muxer);
      },
    });
    this.muxers.add(muxer);
    void muxer.start(); // its end is told by onClose
    return muxer;
  }

  /** Waits for something of a muxer; undefined when there is no hope. */
  async #until(
    { request, hold }: Passed,
    muxer: PathMuxer,
    isReady: (muxer: Muxer) => boolean,
  ): Promise<Muxer | undefined> {
    const present = muxer.muxer;
    if (present !== undefined && isReady(present)) return present;
    hold();
    return await muxer.until(isReady, request.signal);
  }

  async #multivariant(passed: Passed, pathMuxer: PathMuxer): Promise<Response> {
    const muxer = await this.#until(passed, pathMuxer, ({ hasContent }) => hasContent);
    if (muxer === undefined) return pageNotFound();
    const { hlsVariant } = this.#options.config;
    const query = repeatedQuery(passed.url.searchParams);
    const text = writeMultivariant(factsOf(muxer.tracks), muxer.window, hlsVariant, query);
    return playlistResponse(text, "max-age=30", pathMuxer);
  }

  async #media(passed: Passed, pathMuxer: PathMuxer): Promise<Response> {
    const { hlsVariant } = this.#options.config;
    const isLowLatency = hlsVariant === "lowLatency";
    const delivery = readDelivery(passed.url.searchParams);
    if (isLowLatency && delivery === undefined) return badRequest();
    const wanted = isLowLatency ? delivery?.wanted : undefined;
    let muxer = await this.#until(passed, pathMuxer, ({ hasContent }) => hasContent);
    if (muxer === undefined) return pageNotFound();
    if (wanted !== undefined) {
      const { segment, part } = wanted;
      if (segment > muxer.window.nextSegment + 1) return badRequest();
      muxer = await this.#until(passed, pathMuxer, ({ window }) => window.has(segment, part ?? 0));
      if (muxer === undefined) return pageNotFound();
    }
    const names = {
      prefix: muxer.prefix,
      query: repeatedQuery(passed.url.searchParams),
      time: formatRfc3339,
    };
    const text = muxer.playlist(hlsVariant, names, isLowLatency && delivery?.isDelta === true);
    return playlistResponse(text, "no-cache", pathMuxer);
  }

  async #mediaFile(passed: Passed, pathMuxer: PathMuxer, file: string): Promise<Response | undefined> {
    const present = pathMuxer.muxer;
    if (present === undefined || !file.startsWith(`${present.prefix}_`)) return undefined;
    const name = file.slice(present.prefix.length + 1);
    if (name === "init.mp4") {
      const { init } = present;
      return init === undefined
        ? undefined
        : mediaResponse(new Blob([init]), "video/mp4", "max-age=30", pathMuxer);
    }
    const [, kind, number, extension] = /^(seg|part)(\d{1,15})\.(mp4|ts)$/.exec(name) ?? [];
    const id = Number(number);
    const type = extension === "ts" ? "video/MP2T" : "video/mp4";
    if (kind === "seg") {
      const bytes = present.window.segment(id)?.bytes;
      return bytes === undefined ? undefined : mediaResponse(bytes, type, "max-age=3600", pathMuxer);
    }
    if (kind !== "part" || id > present.window.nextPart) return undefined;
    const muxer = await this.#until(passed, pathMuxer, ({ window }) => window.nextPart > id);
    const bytes = muxer?.window.part(id)?.bytes;
    return bytes === undefined ? undefined : mediaResponse(bytes, type, "max-age=3600", pathMuxer);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#options.paths.watchers.delete(this);
    const muxers = this.muxers.values();
    for (const muxer of muxers) muxer.close(new Error("terminated"));
    await this.#http?.close();
    await Promise.all(muxers.map(({ gone }) => gone));
  }
}

function badRequest(): Response {
  return new Response(null, { status: 400 });
}

function playlistResponse(text: string, cache: string, muxer: PathMuxer): Response {
  muxer.sent(text.length);
  return new Response(text, {
    headers: { "Content-Type": "application/vnd.apple.mpegurl", "Cache-Control": cache },
  });
}

function mediaResponse(bytes: Blob, type: string, cache: string, muxer: PathMuxer): Response {
  muxer.sent(bytes.size);
  return new Response(bytes, { headers: { "Content-Type": type, "Cache-Control": cache } });
}
