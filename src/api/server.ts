import { Hono } from "hono";
import { answerUnknown, sameSiteWrites } from "../http/middleware.ts";
import { type HttpServer, startHttp } from "../http/server.ts";
import type { Logger } from "../lib/log.ts";
import { addRegistryRoutes, isRegistryRoute, type Registries } from "./registries.ts";

export interface ApiOptions {
  readonly address: string;
  /** ms */
  readonly readTimeout: number;
  readonly logger: Logger;
  readonly registries: Registries;
}

/**
 * Opens the HTTP API.
 *
 * @throws {Error} `listen tcp <address>: <reason>`
 */
export function startApi({ address, readTimeout, logger, registries }: ApiOptions): HttpServer {
  const app = createApi(registries, ownNames(address));
  return startHttp({ address, app, readTimeout, logger });
}

/** The application of the API, without a listener. @param names see `sameSiteWrites` */
export function createApi(registries: Registries, names: readonly string[]): Hono {
  const app = new Hono({ strict: true });
  app.use(sameSiteWrites(names));
  addRegistryRoutes(app, registries);
  answerUnknown(app, (method, path) => isRegistryRoute(method, path, registries));
  app.onError((fault) => {
    throw fault; // the server logs it and answers
  });
  return app;
}

function ownNames(address: string): string[] {
  const name = address.replace(/:\d*$/, "").toLowerCase();
  return name === "" ? [] : [name];
}
