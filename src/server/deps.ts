import type { Authorizer } from "../auth/authorizer.ts";
import type { LoginLimiter } from "../auth/login-limiter.ts";
import type { ConfigStore } from "../config/store.ts";
import type { LogOutputs } from "../host/log-outputs.ts";
import type { Deps } from "../protocols/component.ts";
import type { SourceDeclaration } from "../protocols/protocol.ts";
import type { Resource } from "../protocols/resource.ts";
import type { Section } from "../protocols/section.ts";
import type { Inventory } from "./inventory.ts";

/** What the parts of the server declare, in the order in which API and metrics show it. */
export interface Declared {
  /** Sources that are configured by URL, by scheme. */
  readonly sources: ReadonlyMap<string, SourceDeclaration>;
  /** The lists of the API. */
  readonly resources: readonly Resource[];
  /** The lists of the metrics. */
  readonly sections: readonly Section[];
}

/** What the server's own components can ask for. */
export interface ServerDeps extends Deps, Declared {
  readonly loginLimiter: LoginLimiter;
  readonly authorizer: Authorizer;
  /** The outputs of `logger`. */
  readonly outputs: LogOutputs;
  /** The current configuration, which the API shows and changes. */
  readonly store: ConfigStore;
  readonly inventory: Inventory;
}
