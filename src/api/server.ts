import { Hono } from "hono";
import type { ConfigStore } from "../config/store.ts";
import { answerUnknown, sameSiteWrites } from "../http/middleware.ts";
import { type HttpServer, startHttp } from "../http/server.ts";
import type { Logger } from "../lib/log.ts";
import { addConfigRoutes, isConfigRoute } from "./config.ts";
import { addDocsRoutes, isDocsRoute } from "./docs.ts";
import { addRegistryRoutes, isRegistryRoute, type Registries } from "./registries.ts";

/** What the API shows and changes. */
export interface ApiSubject {
  readonly registries: Registries;
  readonly store: ConfigStore;
}

export interface ApiOptions extends ApiSubject {
  readonly address: string;
  /** ms */
  readonly readTimeout: number;
  readonly logger: Logger;
  /** Name of this machine. */
  readonly hostname: string;
}

/**
 * Opens the HTTP API.
 *
 * @throws {Error} `listen tcp <address>: <reason>`
 */
export function startApi(options: ApiOptions): HttpServer {
  const { address, readTimeout, logger, hostname } = options;
  const app = createApi(options, ownNames(address, hostname));
  return startHttp({ address, app, readTimeout, logger, limitsBodies: true });
}

/** The application of the API, without a listener. @param names see `sameSiteWrites` */
export function createApi({ registries, store }: ApiSubject, names: readonly string[]): Hono {
  const app = new Hono({ strict: true });
  app.use(sameSiteWrites(names));
  addConfigRoutes(app, store);
  addDocsRoutes(app);
  addRegistryRoutes(app, registries);
  answerUnknown(
    app,
    (method, path) =>
      isRegistryRoute(method, path, registries) || isConfigRoute(method, path) || isDocsRoute(method, path),
  );
  app.onError((fault) => {
    throw fault; // the server logs it and answers
  });
  return app;
}

/** Names that no page of another site can have: that of the listener, and those of this machine. */
function ownNames(address: string, hostname: string): string[] {
  const name = address.replace(/:\d*$/, "").toLowerCase();
  const machine = hostname.toLowerCase();
  return [name, machine, `${machine}.local`].filter((own) => own !== "" && own !== ".local");
}
