import type { Config } from "../config/load.ts";
import { pick } from "../lib/pick.ts";
import type { Component } from "../protocols/component.ts";
import type { ServerDeps } from "./deps.ts";

type Settings = Pick<Config, "metricsAddress" | "readTimeout">;
type Needed = Pick<ServerDeps, "logger" | "clock" | "inventory" | "sections">;

/** The listener of the metrics. */
export const metrics: Component<Settings, Needed> = {
  name: "metrics",
  needs: [],
  slice: (config) => (config.metrics ? pick(config, "metricsAddress", "readTimeout") : undefined),
  start: async ({ metricsAddress: address, readTimeout }, { logger, clock, inventory, sections }) => {
    const { startMetrics } = await import("../metrics/server.ts");
    return startMetrics({
      address,
      readTimeout,
      logger: logger.child("metrics"),
      registries: inventory.registries,
      values: inventory.values,
      sections,
      soon: (call) => clock.soon(call),
    });
  },
};
