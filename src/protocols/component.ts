import type { MediaMemory } from "../../wasm/core.ts";
import type { Authorizer } from "../auth/authorizer.ts";
import type { LoginLimiter } from "../auth/login-limiter.ts";
import type { Config } from "../config/load.ts";
import type { Hooks } from "../hooks/hooks.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { MetricValue } from "../lib/metric-value.ts";
import type { Registry } from "../lib/registry.ts";
import type { PathManager } from "../path/manager.ts";
import type { IgnoredPackets } from "../stream/ignored-packets.ts";

/**
 * A part of the server that is started and stopped by itself. It reads its slice of the configuration and gets nothing
 * else of it.
 */
export interface Component<Slice = unknown, Needed = Deps & Provided, Whole = Config> {
  readonly name: string;
  /** Components that must run before this one, and whose restart restarts it. */
  readonly needs: readonly string[];
  /**
   * The part of the configuration that it reads: it is restarted, or reloaded, when this changes and only then.
   * Undefined when the configuration switches it off.
   */
  slice(config: Whole): Slice | undefined;
  /** @param deps with what the components in `needs` provide */
  start(slice: Slice, deps: Needed): Promise<Running<Slice>>;
}

/** A component that runs. */
export interface Running<Slice = unknown> {
  /** Settles when everything it owns is released. */
  close(): Promise<void>;
  /** Takes a new slice without stopping. Left out by what has to be restarted instead. */
  reload?(slice: Slice): void | Promise<void>;
  /** What others work with that name it in `needs`. */
  readonly provides?: Partial<Provided>;
  /** Where it listens, `address:port`. */
  readonly address?: string;
  /** What it lists, for the API and the metrics. */
  readonly registries?: readonly Registry[];
  /** Its metrics that belong to nothing in a list. */
  readonly values?: readonly MetricValue[];
}

/** What every component is handed. */
export interface Deps {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly loginLimiter: LoginLimiter;
  readonly authorizer: Authorizer;
  readonly ignoredPackets: IgnoredPackets;
}

/** What components provide, each under its own name. */
export interface Provided {
  readonly memory: MediaMemory;
  readonly hooks: Hooks;
  readonly paths: PathManager;
}
