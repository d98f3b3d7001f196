import { BLOCK_SIZE } from "../../assembly/abi.ts";
import { MediaMemory } from "../../wasm/core.ts";
import type { Config } from "../config/load.ts";
import { gauge, type MetricValue } from "../lib/metric-value.ts";
import { pick } from "../lib/pick.ts";
import type { Component } from "../protocols/component.ts";

/** The media memory. Its size is fixed at startup; the limit per stream applies to streams that start later. */
export const memory: Component<Pick<Config, "mediaMemory" | "mediaMemoryPerStream">> = {
  name: "memory",
  needs: [],
  slice: (config) => pick(config, "mediaMemory", "mediaMemoryPerStream"),
  start: ({ mediaMemory, mediaMemoryPerStream }, { logger }) => {
    const loaded = MediaMemory.load(mediaMemory);
    loaded.streamBytes = mediaMemoryPerStream;
    return Promise.resolve({
      provides: { memory: loaded },
      values: memoryValues(loaded),
      reload: (after) => {
        loaded.streamBytes = after.mediaMemoryPerStream;
        if (after.mediaMemory === mediaMemory) return;
        logger.warn("'mediaMemory' has changed; restart the server to apply it");
      },
      close: () => Promise.resolve(),
    });
  },
};

function memoryValues(loaded: MediaMemory): MetricValue[] {
  const of = (name: string, help: string, read: () => number) => gauge(`media_memory_${name}`, help, read);
  return [
    of("blocks_taken", "blocks of the media memory in use", () => loaded.state.blocksTaken),
    of("blocks_budget", "limit of blocks of the media memory", () => loaded.state.blocksTotal),
    of("block_takes", "blocks taken since the start", () => loaded.state.takes),
    of("block_gives", "blocks given back since the start", () => loaded.state.gives),
    of("used_bytes", "bytes of the media memory in use", () => loaded.state.blocksTaken * BLOCK_SIZE),
    of("budget_bytes", "limit of the media memory in bytes", () => loaded.state.blocksTotal * BLOCK_SIZE),
  ];
}
