import type { MediaMemory } from "../../wasm/core.ts";
import type { Door } from "../auth/door.ts";
import type { Config } from "../config/load.ts";
import type { Hooks } from "../hooks/hooks.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { MetricValue } from "../lib/metric-value.ts";
import type { Registry } from "../lib/registry.ts";
import type { Directory } from "../path/directory.ts";
import type { PathManager } from "../path/manager.ts";
import type { IgnoredPackets } from "../stream/ignored-packets.ts";

/**
 * A part of the server that starts and stops on its own. It sees its slice of the configuration and nothing else of
 * it.
 */
export interface Component<Slice = unknown, Needed = Deps & Provided, Whole = Config> {
  readonly name: string;
  /** Components that must run before this one; when one of them restarts, so does this one. */
  readonly needs: readonly string[];
  /**
   * The part of the configuration that the component reads. It is restarted or reloaded when this changes, and only
   * then. Undefined when the configuration switches it off.
   */
  slice(config: Whole): Slice | undefined;
  /** @param deps includes what the components in `needs` provide */
  start(slice: Slice, deps: Needed): Promise<Running<Slice>>;
}

/** A component that runs. */
export interface Running<Slice = unknown> {
  /** Settles once everything it owns is released. */
  close(): Promise<void>;
  /** Takes a new slice while running. Omitted if the component must be restarted instead. */
  reload?(slice: Slice): void | Promise<void>;
  /** What it provides to components that need it. */
  readonly provides?: Partial<Provided>;
  /** Address it listens on, `address:port`. */
  readonly address?: string;
  /** What it lists in the API and the metrics. */
  readonly registries?: readonly Registry[];
  /** Its metrics that do not belong to an item of a list. */
  readonly values?: readonly MetricValue[];
}

/** What every component gets. */
export interface Deps {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly ignoredPackets: IgnoredPackets;
}

/** What components provide to others, each under its own name. */
export interface Provided {
  readonly memory: MediaMemory;
  readonly hooks: Hooks;
  readonly paths: PathManager;
  /** Where protocols find paths and take places on them. */
  readonly directory: Directory;
  readonly door: Door;
}
