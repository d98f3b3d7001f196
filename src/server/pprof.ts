import { BLOCK_SIZE } from "../../assembly/abi.ts";
import type { Config } from "../config/load.ts";
import { runningTimers } from "../host/clock.ts";
import { readHeap, startCpuProfile } from "../host/profiler.ts";
import { pick } from "../lib/pick.ts";
import type { Component, Provided } from "../protocols/component.ts";
import type { ServerDeps } from "./deps.ts";

type Settings = Pick<Config, "pprofAddress" | "readTimeout">;
type Needed = Pick<ServerDeps, "logger" | "clock" | "inventory"> & Pick<Provided, "memory">;

/** The listener of the profiles. */
export const pprof: Component<Settings, Needed> = {
  name: "pprof",
  needs: ["memory"],
  slice: (config) => (config.pprof ? pick(config, "pprofAddress", "readTimeout") : undefined),
  start: async ({ pprofAddress: address, readTimeout }, { logger, clock, inventory, memory }) => {
    const { startPprof } = await import("../pprof/server.ts");
    return startPprof({
      address,
      readTimeout,
      logger: logger.child("pprof"),
      clock,
      registries: inventory.registries,
      startCpuProfile,
      readHeap,
      readMemory: () => {
        const { blocksTaken } = memory.state;
        return { mediaBlocks: blocksTaken, mediaBytes: blocksTaken * BLOCK_SIZE };
      },
      countTimers: runningTimers,
    });
  },
};
