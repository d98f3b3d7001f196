import type { ConfigStore } from "../config/store.ts";
import type { LogOutputs } from "../host/log-outputs.ts";
import type { Deps } from "../protocols/component.ts";
import type { SourceDeclaration } from "../protocols/protocol.ts";
import type { Resource } from "../protocols/resource.ts";
import type { Section } from "../protocols/section.ts";
import type { Inventory } from "./inventory.ts";

/** What the parts of the server declare, in the order in which it is shown. */
export interface Declared {
  /** Sources with a URL, by scheme. */
  readonly sources: ReadonlyMap<string, SourceDeclaration>;
  /** How the API shows what is listed. */
  readonly resources: readonly Resource[];
  /** How the metrics show it. */
  readonly sections: readonly Section[];
}

/** What there is for the server's own components, on top of what every component is handed. */
export interface ServerDeps extends Deps, Declared {
  /** What `logger` writes to. */
  readonly outputs: LogOutputs;
  /** The configuration in force, and the way to change it: the subject of the API. */
  readonly store: ConfigStore;
  readonly inventory: Inventory;
}
