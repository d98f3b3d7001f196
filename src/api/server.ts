import { Hono } from "hono";
import type { ConfigStore } from "../config/store.ts";
import { handleUnknownRoutes, sameSiteWrites } from "../http/middleware.ts";
import { type HttpServer, startHttp } from "../http/server.ts";
import type { Logger } from "../lib/log.ts";
import { addConfigRoutes, isConfigRoute } from "./config.ts";
import { addDocsRoutes, isDocsRoute } from "./docs.ts";
import { addInfoRoute, isInfoRoute } from "./info.ts";
import { addRegistryRoutes, isRegistryRoute, type RegistrySubject } from "./registries.ts";
import { type ApiVersion, V2 } from "./version.ts";

/** What the API works on. */
export interface ApiSubject extends RegistrySubject {
  /** Start of the process, RFC 3339. */
  readonly started: string;
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

/**
 * The application of the API, without a listener.
 *
 * @param names see `sameSiteWrites`
 * @param versions served side by side; the first one is documented
 */
export function createApi(
  subject: ApiSubject,
  names: readonly string[],
  versions: readonly [ApiVersion, ...ApiVersion[]] = [V2],
): Hono {
  const app = new Hono({ strict: true });
  app.use(sameSiteWrites(names));
  for (const version of versions) addVersion(app, version, subject);
  addDocsRoutes(app, versions[0], subject.resources);
  handleUnknownRoutes(
    app,
    (method, path) =>
      isDocsRoute(method, path) || versions.some((version) => isVersionRoute(method, path, version, subject)),
    PAGE,
  );
  app.onError((fault) => {
    throw fault; // the server logs it and answers
  });
  return app;
}

const PAGE = {
  title: "HTTP API",
  paragraphs: [
    'Every request is described at <a href="/docs">/docs</a>.',
    'To begin with: <a href="/v2/paths/list">/v2/paths/list</a> shows the paths, ' +
      '<a href="/v2/config/get">/v2/config/get</a> the configuration, credentials included. ' +
      "Lists of servers that are not running do not exist.",
  ],
};

/** Adds all routes of a version. */
function addVersion(app: Hono, version: ApiVersion, subject: ApiSubject): void {
  addInfoRoute(app, version, subject.started);
  addConfigRoutes(app, version, subject.store);
  addRegistryRoutes(app, version, subject);
}

function isVersionRoute(method: string, path: string, version: ApiVersion, subject: ApiSubject): boolean {
  return (
    isInfoRoute(method, path, version) ||
    isConfigRoute(method, path, version) ||
    isRegistryRoute(method, path, version, subject)
  );
}

/** Host names of this server: that of the listener, and those of this machine. */
function ownNames(address: string, hostname: string): string[] {
  const name = address.replace(/:\d*$/, "").toLowerCase();
  const machine = hostname.toLowerCase();
  return [name, machine, `${machine}.local`].filter((own) => own !== "" && own !== ".local");
}
