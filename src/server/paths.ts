import { Door } from "../auth/door.ts";
import type { Config, PathConfig } from "../config/load.ts";
import { schemeOf } from "../config/source-scheme.ts";
import type { MetricValue } from "../lib/metric-value.ts";
import { pick } from "../lib/pick.ts";
import { LocalDirectory } from "../path/directory.ts";
import { PathManager, type PathSettings } from "../path/manager.ts";
import { lazySourceKind, type SourceKind, type SourceOptions } from "../path/source.ts";
import type { Component, Provided } from "../protocols/component.ts";
import type { Declaration } from "../protocols/protocol.ts";
import type { FlushQueue } from "../stream/flush.ts";
import type { ServerDeps } from "./deps.ts";
import type { AllDeps } from "./parts.ts";
import { pathResource, pathSection } from "./path-listing.ts";

interface Slice extends PathSettings, Pick<Config, "readTimeout"> {
  /** Keys of `paths`: their order decides which regular expression is tried first. */
  readonly order: readonly string[];
}

const component: Component<Slice, ServerDeps & Pick<Provided, "memory" | "hooks">> = {
  name: "paths",
  needs: ["memory", "hooks"],
  slice: (config) => ({
    ...pick(config, "paths", "writeQueueSize", "udpMaxPayloadSize", "externalAuthenticationURL"),
    readTimeout: config.readTimeout,
    order: [...config.paths.keys()],
  }),
  start: (config, deps) => {
    const { logger, clock, memory, hooks, ignoredPackets, sources, loginLimiter, authorizer } = deps;
    let { readTimeout } = config;
    const sourceKind = ({ source }: PathConfig) =>
      sourceKindOf(source, sources, { clock, memory, ignoredPackets, readTimeout });
    const paths = new PathManager({ logger, clock, memory, config, sourceKind, hooks });
    return Promise.resolve({
      provides: {
        paths,
        directory: new LocalDirectory(paths),
        door: new Door({ clock, limiter: loginLimiter, authorizer, rules: paths }),
      },
      registries: [paths.registry, paths.sources],
      values: flushValues(paths.flushes),
      reload: (after) => {
        readTimeout = after.readTimeout;
        paths.reload(after);
      },
      close: () => paths.close(),
    });
  },
};

/** Paths and their sources. */
export const paths: Declaration<AllDeps> = {
  components: [component],
  resources: [pathResource],
  sections: [pathSection],
  isShownFirst: true,
};

/** The kind of a source; undefined if it is not a URL, or not supported yet. */
function sourceKindOf(
  source: string,
  sources: ServerDeps["sources"],
  options: SourceOptions,
): SourceKind | undefined {
  const declared = sources.get(schemeOf(source));
  return declared?.load && lazySourceKind(declared, declared.load, options);
}

/** Metrics of flushes. */
function flushValues({ flushTimes, addedLatencies }: FlushQueue): MetricValue[] {
  return [
    {
      kind: "histogram",
      name: "media_flush_seconds",
      help: "time to write the new packets of a stream to all of its readers",
      histogram: flushTimes,
    },
    {
      kind: "histogram",
      name: "media_added_latency_seconds",
      help: "time from the arrival of the oldest waiting byte to the end of its flush",
      histogram: addedLatencies,
    },
  ];
}
