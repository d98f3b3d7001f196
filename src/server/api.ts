import type { Config } from "../config/load.ts";
import { hostName } from "../host/interfaces.ts";
import { formatRfc3339 } from "../host/rfc3339.ts";
import { processStart } from "../host/usage.ts";
import { pick } from "../lib/pick.ts";
import type { Component } from "../protocols/component.ts";
import type { ServerDeps } from "./deps.ts";

type Settings = Pick<Config, "apiAddress" | "readTimeout">;
type Needed = Pick<ServerDeps, "logger" | "inventory" | "resources" | "store">;

/** The listener of the HTTP API. */
export const api: Component<Settings, Needed> = {
  name: "api",
  needs: [],
  slice: (config) => (config.api ? pick(config, "apiAddress", "readTimeout") : undefined),
  start: async ({ apiAddress: address, readTimeout }, { logger, inventory, resources, store }) => {
    const { startApi } = await import("../api/server.ts");
    return startApi({
      address,
      readTimeout,
      logger: logger.child("API"),
      registries: inventory.registries,
      resources,
      store,
      hostname: hostName(),
      started: formatRfc3339(Math.round(processStart() * 1000)),
    });
  },
};
