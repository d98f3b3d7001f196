import { Hono } from "hono";
import { handleUnknownRoutes } from "../http/middleware.ts";
import { type HttpServer, startHttp } from "../http/server.ts";
import type { Logger } from "../lib/log.ts";
import { type MetricsSource, metricsText } from "./text.ts";

export interface MetricsOptions extends MetricsSource {
  readonly address: string;
  /** ms */
  readonly readTimeout: number;
  readonly logger: Logger;
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

const PAGE = {
  title: "Metrics",
  paragraphs: ['The metrics for Prometheus are at <a href="/metrics">/metrics</a>.'],
};

/** The application alone, without a listener. */
export function createMetrics(source: MetricsSource): Hono {
  const app = new Hono();
  app.get("/metrics", async () => {
    const text = await metricsText(source);
    return new Response(text, { headers: { "Content-Type": "text/plain; charset=utf-8" } });
  });
  handleUnknownRoutes(app, (method, path) => method === "GET" && path === "/metrics", PAGE);
  app.onError((fault) => {
    throw fault; // the server logs it and answers
  });
  return app;
}
