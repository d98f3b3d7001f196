import { Hono } from "hono";
import { answerUnknown } from "../http/middleware.ts";
import { type HttpServer, startHttp } from "../http/server.ts";
import type { Logger } from "../lib/log.ts";
import type { Registry } from "../lib/registry.ts";
import { type Gauge, metricsText } from "./text.ts";

export interface MetricsOptions {
  readonly address: string;
  /** ms */
  readonly readTimeout: number;
  readonly logger: Logger;
  /** The living registries by name, looked up at each scrape. */
  readonly registries: ReadonlyMap<string, Registry>;
  /** Numbers that v1.0.3 does not have. */
  readonly gauges: readonly Gauge[];
}

/**
 * Opens the metrics for Prometheus: `GET /metrics`.
 *
 * @throws {Error} `listen tcp <address>: <reason>`
 */
export function startMetrics(options: MetricsOptions): HttpServer {
  const { address, readTimeout, logger } = options;
  return startHttp({ address, app: createMetrics(options), readTimeout, logger });
}

/** The application alone, without a listener. */
export function createMetrics({ registries, gauges }: Pick<MetricsOptions, "registries" | "gauges">): Hono {
  const app = new Hono();
  app.get("/metrics", async () => {
    const text = await metricsText(registries, gauges);
    return new Response(text, { headers: { "Content-Type": "text/plain; charset=utf-8" } });
  });
  answerUnknown(app, (method, path) => method === "GET" && path === "/metrics");
  app.onError((fault) => {
    throw fault; // the server logs it and answers
  });
  return app;
}
