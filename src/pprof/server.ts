import { type Context, Hono } from "hono";
import type { CpuProfiling, HeapStats } from "../host/profiler.ts";
import { handleUnknownRoutes, jsonError } from "../http/middleware.ts";
import { type HttpEnvironment, type HttpServer, startHttp } from "../http/server.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { Registry } from "../lib/registry.ts";
import { cpuProfile, INTERVAL_US } from "./cpu.ts";
import { INDEX_HEADERS, indexPage } from "./index-page.ts";
import {
  ACTIVITY_MEASURES,
  activityEntries,
  type Entry,
  HEAP_MEASURES,
  heapEntries,
  type MemoryStats,
  snapshotProfile,
  snapshotText,
} from "./snapshot.ts";

const BASE = "/debug/pprof";
const ROUTES: readonly string[] = ["profile", "heap", "goroutine"].map((name) => `${BASE}/${name}`);
const DEFAULT_SECONDS = 30;
const MAX_SECONDS = 300;

/** What is profiled. */
export interface PprofSubject {
  readonly clock: Clock;
  readonly registries: ReadonlyMap<string, Registry>;
  readonly startCpuProfile: (intervalUs: number) => Promise<CpuProfiling>;
  readonly readHeap: () => HeapStats;
  readonly readMemory: () => MemoryStats;
  /** Number of pending timers. */
  readonly countTimers: () => number;
}

export interface PprofOptions extends PprofSubject {
  readonly address: string;
  /** ms */
  readonly readTimeout: number;
  readonly logger: Logger;
}

/**
 * Opens the profiles: `go tool pprof http://<address>/debug/pprof/profile`.
 *
 * @throws {Error} `listen tcp <address>: <reason>`
 */
export function startPprof(options: PprofOptions): HttpServer {
  const { address, readTimeout, logger } = options;
  return startHttp({ address, app: createPprof(options), readTimeout, logger });
}

const PAGE = {
  title: "Profiles",
  paragraphs: [`The profiles are listed at <a href="${BASE}/">${BASE}/</a>.`],
};

/** The application alone, without a listener. */
export function createPprof(subject: PprofSubject): Hono {
  const app = new Hono();
  const { clock, registries, readHeap, readMemory, countTimers } = subject;
  const cpu = new CpuRoute(subject);
  app.get(`${BASE}/`, () => new Response(indexPage(), { headers: INDEX_HEADERS }));
  app.get(`${BASE}/profile`, (context) => cpu.answer(context));
  app.get(`${BASE}/heap`, (context) => {
    const entries = heapEntries(readHeap(), readMemory());
    return answerSnapshot(context, "heap", { entries, measures: HEAP_MEASURES, wall: clock.wall() });
  });
  app.get(`${BASE}/goroutine`, (context) => {
    const entries = activityEntries(registries, countTimers());
    return answerSnapshot(context, "goroutine", { entries, measures: ACTIVITY_MEASURES, wall: clock.wall() });
  });
  app.get(BASE, () => new Response(null, { status: 301, headers: { Location: `${BASE}/` } }));
  app.get("/", () => new Response(null, { status: 302, headers: { Location: `${BASE}/` } }));
  handleUnknownRoutes(app, (method, path) => method === "GET" && ROUTES.includes(path), PAGE);
  app.onError((fault) => {
    throw fault; // the server logs it and answers
  });
  return app;
}

interface Snapshot {
  readonly entries: readonly Entry[];
  readonly measures: typeof HEAP_MEASURES;
  readonly wall: number;
}

/** As a pprof profile, or as text with `debug` in the query. */
function answerSnapshot(context: Context, name: string, { entries, measures, wall }: Snapshot): Response {
  if ((context.req.query("debug") ?? "0") === "0") {
    return profileResponse(name, snapshotProfile(entries, measures, wall));
  }
  return new Response(snapshotText(entries, measures), {
    headers: { "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff" },
  });
}

function profileResponse(name: string, bytes: Uint8Array): Response {
  return new Response(new Uint8Array(bytes), {
    headers: {
      "Content-Type": "application/octet-stream",
      "Content-Disposition": `attachment; filename="${name}"`,
      "X-Content-Type-Options": "nosniff",
    },
  });
}

/** `profile?seconds=`: one at a time, as there is one profiler. */
class CpuRoute {
  readonly #subject: PprofSubject;
  #busy = false;

  constructor(subject: PprofSubject) {
    this.#subject = subject;
  }

  async answer(context: Context): Promise<Response> {
    const text = context.req.query("seconds") ?? String(DEFAULT_SECONDS);
    const seconds = /^\d{1,3}$/.test(text) ? Number(text) : 0;
    if (seconds < 1 || seconds > MAX_SECONDS)
      return jsonError(400, `seconds: 1 to ${MAX_SECONDS}, not ${text}`);
    if (this.#busy) return jsonError(409, "another profile is being recorded");
    this.#busy = true;
    try {
      (context.env as Partial<HttpEnvironment> | undefined)?.hold?.(); // tests have no connection
      return profileResponse("profile", await this.#profile(seconds, context.req.raw.signal));
    } finally {
      this.#busy = false;
    }
  }

  /** @param signal ends it early */
  async #profile(seconds: number, signal: AbortSignal): Promise<Uint8Array> {
    const { clock, startCpuProfile } = this.#subject;
    const wall = clock.wall();
    const begin = clock.now();
    const profiling = await startCpuProfile(INTERVAL_US);
    await new Promise<void>((resolve) => {
      const cancel = clock.after(seconds * 1_000, resolve);
      signal.addEventListener("abort", () => {
        cancel();
        resolve();
      });
    });
    const profile = await profiling.stop();
    return cpuProfile(profile, { wall, durationMs: clock.now() - begin });
  }
}
