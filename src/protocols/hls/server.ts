import type { Door } from "../../auth/door.ts";
import type { Config } from "../../config/load.ts";
import { pathNameProblem } from "../../config/path-name.ts";
import { clientAddress } from "../../http/client-address.ts";
import { personPage, wantsPage } from "../../http/person-page.ts";
import { type HttpEnvironment, type HttpServer, startHttp } from "../../http/server.ts";
import type { Clock } from "../../lib/clock.ts";
import { EndError, RefusedError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";
import { Registry } from "../../lib/registry.ts";
import { Tally } from "../../lib/tally.ts";
import type { Directory } from "../../path/directory.ts";
import type { PathManager } from "../../path/manager.ts";
import type { Path, PathWatcher } from "../../path/path.ts";
import { type AccessOptions, refusal } from "./access.ts";
import type { Held } from "./held-requests.ts";
import type { LivePlaylist } from "./live-playlist.ts";
import { MISSING_PAGE, REFUSED_PAGE, ROOT_PAGE } from "./pages/directions.ts";
import { playerHeaders, playerPage, playerScript } from "./pages/player.ts";
import { PathMuxer } from "./path-muxer.ts";
import { ByteBudget } from "./proto/budget.ts";
import { GAP_NAME } from "./proto/playlist.ts";
import { factsOf } from "./proto/stream-facts.ts";
import { type FileName, readFileName, readQuery, readRequest, splitUrl } from "./requests.ts";
import { CACHE, Responses } from "./responses.ts";

/** The parameters of the HLS server. */
export type HlsSettings = Pick<Config, Extract<keyof Config, `hls${string}`> | "readTimeout">;

export interface HlsOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly config: HlsSettings;
  readonly paths: PathManager;
  readonly directory: Directory;
  readonly door: Door;
}

/** A request for a file of a path. */
interface PathRequest {
  readonly request: Request;
  readonly incoming: HttpEnvironment;
  /** With its `?`. */
  readonly search: string;
  readonly path: string;
  /** Whether reading the path requires authentication. */
  readonly isPrivate: boolean;
}

type Answer = Response | Promise<Response>;

/** Serves streams over HLS, and the pages that play them. */
export class HlsServer implements PathWatcher {
  readonly muxers = new Registry<PathMuxer>("hlsmuxers", "id");
  readonly #options: HlsOptions;
  readonly #access: AccessOptions;
  readonly #responses: Responses;
  readonly #budget: ByteBudget;
  readonly #refused: Tally;
  #http: HttpServer | undefined;
  #closed = false;

  constructor(options: HlsOptions) {
    const { door, clock, logger, config } = options;
    this.#options = options;
    this.#access = { door, logger, trustedProxies: config.hlsTrustedProxies };
    this.#responses = new Responses(config);
    this.#budget = new ByteBudget(config.hlsMemory);
    this.#refused = new Tally(clock, (what, count) => logger.warn(`${count} ${what}`));
  }

  /** Bytes of all stored segments and parts. */
  get bytesKept(): number {
    return this.#budget.used;
  }

  /** @throws {Error} `listen tcp <address>: <reason>`; or what is wrong with key and certificate */
  start(): void {
    const { config, logger, paths } = this.#options;
    const { hlsAddress: address, readTimeout, hlsEncryption } = config;
    const tls = { keyFile: config.hlsServerKey, certFile: config.hlsServerCert };
    const app = { fetch: (request: Request, incoming: HttpEnvironment) => this.#answer(request, incoming) };
    this.#http = startHttp({ address, app, readTimeout, logger, ...(hlsEncryption && { tls }) });
    if (!config.hlsAlwaysRemux) return;
    paths.watchers.add(this);
    for (const path of paths.registry.values()) if (path.stream !== undefined) this.ready(path);
  }

  /** Called when a stream is ready: with `hlsAlwaysRemux` its muxer is created, unless the stream is on demand. */
  ready({ id, conf }: Path): void {
    if (conf.sourceOnDemand || this.muxers.get(id) !== undefined) return;
    if (this.#hasRoom()) this.#create(id, undefined);
  }

  ended({ id }: Path): void {
    this.muxers.get(id)?.close(new EndError("terminated"));
  }

  #answer(request: Request, incoming: HttpEnvironment): Answer {
    const answer = this.#route(request, incoming);
    if (answer instanceof Response) return explained(request, answer);
    return answer.then((response) => explained(request, response));
  }

  #route(request: Request, incoming: HttpEnvironment): Answer {
    if (request.method === "OPTIONS") return this.#preflight();
    // the runtime leaves out the body of the answer to HEAD
    if (request.method !== "GET" && request.method !== "HEAD") return this.#responses.notFound();
    const { pathname, search } = splitUrl(request.url);
    const asked = readRequest(pathname);
    if (asked.kind === "root") return personPage(ROOT_PAGE, 404, this.#responses.notFound().headers);
    if (asked.kind === "nothing") return this.#responses.notFound();
    if (asked.kind === "script") return this.#opened(playerScript());
    if (pathNameProblem(asked.path) !== undefined) return this.#responses.notFound();
    if (asked.kind === "pageElsewhere") {
      const location = `${pathname}/${search}`;
      return this.#opened(new Response(null, { status: 301, headers: { Location: location } }));
    }
    const { path } = asked;
    const conf = this.#options.paths.confOf(path);
    const file = asked.kind === "file" ? asked.file : undefined;
    const isPrivate = conf === undefined || !this.#options.door.isOpen("read", conf);
    const pathRequest: PathRequest = { request, incoming, search, path, isPrivate };
    return isPrivate ? this.#guarded(pathRequest, file) : this.#pass(pathRequest, file);
  }

  #preflight(): Response {
    const headers = {
      "Access-Control-Allow-Methods": "OPTIONS, GET",
      "Access-Control-Allow-Headers": "Authorization, Range",
    };
    return this.#opened(new Response(null, { status: 204, headers }));
  }

  #opened(response: Response): Response {
    this.#responses.open(response.headers);
    return response;
  }

  async #guarded(pathRequest: PathRequest, file: string | undefined): Promise<Response> {
    try {
      const refused = await refusal(pathRequest, this.#access);
      return refused === undefined ? await this.#pass(pathRequest, file) : this.#opened(refused);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      return this.#responses.notFound();
    }
  }

  #pass(pathRequest: PathRequest, file: string | undefined): Answer {
    if (file === undefined) return this.#opened(new Response(playerPage(), { headers: playerHeaders() }));
    const muxer = this.#muxerOf(pathRequest);
    if (muxer === undefined) return this.#responses.notFound();
    muxer.requested();
    if (file === "index.m3u8") return this.#multivariant(pathRequest, muxer);
    if (file === "stream.m3u8") return this.#media(pathRequest, muxer);
    return this.#mediaFile(pathRequest, muxer, file);
  }

  /** The muxer of a path, created if there is none. */
  #muxerOf({ path, request, incoming }: PathRequest): PathMuxer | undefined {
    if (this.#closed) return undefined;
    const present = this.muxers.get(path);
    if (present !== undefined) return present;
    if (!this.#hasRoom()) return undefined;
    return this.#create(path, clientAddress(request, incoming, this.#access.trustedProxies));
  }

  /** Whether there is memory for one more muxer; if not, this is logged. */
  #hasRoom(): boolean {
    if (!this.#budget.isSpent) return true;
    this.#refused.count("playlist requests refused: HLS memory is used up ('hlsMemory')");
    return false;
  }

  #create(path: string, remoteAddress: string | undefined): PathMuxer {
    const { directory, clock, config, logger } = this.#options;
    const muxer: PathMuxer = new PathMuxer({
      path,
      paths: directory,
      clock,
      logger: logger.child(`muxer ${path}`),
      remoteAddress,
      directory: config.hlsDirectory,
      playlist: {
        variant: config.hlsVariant,
        segmentCount: config.hlsSegmentCount,
        segmentDuration: config.hlsSegmentDuration,
        partDuration: config.hlsPartDuration,
        segmentMaxSize: config.hlsSegmentMaxSize,
        readTimeout: config.readTimeout,
        budget: this.#budget,
      },
      onClose: () => {
        if (this.muxers.get(path) === muxer) this.muxers.delete(muxer);
      },
    });
    this.muxers.add(muxer);
    void muxer.start(); // onClose reports its end
    return muxer;
  }

  /** Answers at once if the muxer is ready for the request, otherwise when it is. */
  #when({ request, incoming }: PathRequest, pathMuxer: PathMuxer, held: Held): Answer {
    const present = pathMuxer.playlist;
    if (present !== undefined && held.isReady(present)) return held.answer(present);
    if (pathMuxer.isFull) return this.#responses.empty(503);
    incoming.hold();
    return pathMuxer.hold(held, request.signal);
  }

  #multivariant(pathRequest: PathRequest, pathMuxer: PathMuxer): Answer {
    const query = readQuery(pathRequest.search);
    if (query === undefined) return this.#responses.empty(400);
    return this.#when(pathRequest, pathMuxer, {
      isReady: ({ hasContent }) => hasContent,
      answer: (playlist) => {
        if (playlist === undefined) return this.#responses.notFound();
        const text = playlist.texts.multivariant(query.repeated, () => factsOf(playlist.tracks));
        noteSent(pathMuxer, pathRequest, text.size);
        return this.#responses.playlist(text, CACHE.multivariant, pathRequest.isPrivate);
      },
    });
  }

  #media(pathRequest: PathRequest, pathMuxer: PathMuxer): Answer {
    const query = readQuery(pathRequest.search);
    const isLowLatency = this.#options.config.hlsVariant === "lowLatency";
    if (query === undefined || (isLowLatency && query.delivery === undefined))
      return this.#responses.empty(400);
    const wanted = isLowLatency ? query.delivery?.wanted : undefined;
    const isDelta = isLowLatency && query.delivery?.isDelta === true;
    const isTooFar = ({ window }: LivePlaylist) =>
      wanted !== undefined && wanted.segment > window.nextSegment + 1;
    const has = ({ window }: LivePlaylist) =>
      wanted === undefined || window.has(wanted.segment, wanted.part ?? 0);
    return this.#when(pathRequest, pathMuxer, {
      isReady: (playlist) => playlist.hasContent && (has(playlist) || isTooFar(playlist)),
      answer: (playlist) => {
        if (playlist === undefined) return this.#responses.notFound();
        if (!has(playlist)) return this.#responses.empty(400);
        const text = playlist.texts.media(query.repeated, isDelta);
        noteSent(pathMuxer, pathRequest, text.size);
        // a blocking response stays valid; its lifetime is short so that a restarted stream is not hidden
        const cache = wanted === undefined ? CACHE.passing : playlist.texts.lifetime;
        return this.#responses.playlist(text, cache, pathRequest.isPrivate);
      },
    });
  }

  #mediaFile(pathRequest: PathRequest, pathMuxer: PathMuxer, file: string): Answer {
    const { request, incoming, isPrivate } = pathRequest;
    if (file === GAP_NAME) return this.#responses.media(GAP_FILE, "video/mp4", isPrivate, request, incoming);
    const present = pathMuxer.playlist;
    if (present === undefined || !file.startsWith(`${present.prefix}_`)) return this.#responses.notFound();
    const name = readFileName(file.slice(present.prefix.length + 1));
    if (name === undefined) return this.#responses.notFound();
    const isNextPart = name.kind === "part" && name.number === present.window.nextPart;
    return this.#when(pathRequest, pathMuxer, {
      // a new playlist has other names
      isReady: (playlist) => playlist !== present || !isNextPart || playlist.window.nextPart > name.number,
      answer: (playlist) => {
        const bytes = playlist === present ? bytesOf(present, name) : undefined;
        if (bytes === undefined) return this.#responses.notFound();
        noteSent(pathMuxer, pathRequest, bytes.size);
        const type = name.kind === "init" ? "video/mp4" : name.type;
        return this.#responses.media(bytes, type, isPrivate, request, incoming);
      },
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#options.paths.watchers.delete(this);
    const muxers = this.muxers.values();
    for (const muxer of muxers) muxer.close(new EndError("terminated"));
    this.#refused.flush();
    await this.#http?.close();
    await Promise.all(muxers.map(({ gone }) => gone));
  }
}

/** Tells a person at a browser what an answer without content means. */
function explained(request: Request, response: Response): Response {
  const { status, headers } = response;
  if ((status !== 404 && status !== 401) || !wantsPage(request)) return response;
  if (headers.get("Content-Type")?.startsWith("text/html") === true) return response;
  return personPage(status === 404 ? MISSING_PAGE : REFUSED_PAGE, status, headers);
}

/** A segment type box and nothing else: VLC does not support gaps and gives up on a missing file. */
const GAP_FILE = new Blob([Buffer.from("0000001073747970" + "6d73646800000000", "hex")]);

/** Counts the bytes of an answer; one to HEAD has none. */
function noteSent(muxer: PathMuxer, { request }: PathRequest, bytes: number): void {
  if (request.method !== "HEAD") muxer.sent(bytes);
}

function bytesOf({ window }: LivePlaylist, name: FileName): Blob | undefined {
  if (name.kind === "init") return window.init(name.number);
  return name.kind === "part" ? window.part(name.number)?.bytes : window.segment(name.number)?.bytes;
}
