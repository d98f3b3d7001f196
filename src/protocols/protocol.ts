import type { SourceScheme } from "../config/source-scheme.ts";
import type { StartSource } from "../path/source.ts";
import type { Component, Deps, Provided } from "./component.ts";
import type { Resource } from "./resource.ts";
import type { Section } from "./section.ts";

/** What a part of the server consists of, and how the API and the metrics show it. */
export interface Declaration<Needed = Deps & Provided> {
  readonly components: readonly Component<unknown, Needed>[];
  /** Its lists in the API. */
  readonly resources: readonly Resource[];
  /** Its lists in the metrics. */
  readonly sections: readonly Section[];
  /** Whether API and metrics show it before the others, as v1.0.3 does; the others follow in start order. */
  readonly isShownFirst?: boolean;
}

/**
 * Everything the rest of the server knows about a protocol. `protocol.ts` in the folder of the protocol declares it, and
 * loads no other code of that folder until something is started.
 */
export interface Protocol extends Declaration {
  readonly sources: readonly SourceDeclaration[];
}

/** A kind of remote source. */
export interface SourceDeclaration extends SourceScheme {
  /** As the API names it: `rtspSource`. */
  readonly type: string;
  readonly load?: () => Promise<StartSource>;
}
