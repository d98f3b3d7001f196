import type { SourceScheme } from "../config/source-scheme.ts";
import type { StartSource } from "../path/source.ts";
import type { Component, Deps, Provided } from "./component.ts";
import type { Resource } from "./resource.ts";
import type { Section } from "./section.ts";

/** What a part of the server declares: it runs, and shows what it lists. */
export interface Declaration<Needed = Deps & Provided> {
  readonly components: readonly Component<unknown, Needed>[];
  /** How the API shows the registries of its components. */
  readonly resources: readonly Resource[];
  /** How the metrics show them. */
  readonly sections: readonly Section[];
  /** Whether API and metrics show it before the others, as v1.0.3 does; the others follow as they are started. */
  readonly isShownFirst?: boolean;
}

/**
 * What the rest of the server knows of a protocol. It stands in `protocol.ts` of the protocol's folder, which loads no
 * other code of that folder before something is started.
 */
export interface Protocol extends Declaration {
  readonly sources: readonly SourceDeclaration[];
}

/** A kind of remote source that a protocol fetches. */
export interface SourceDeclaration extends SourceScheme {
  /** As the API names it: `rtspSource`. */
  readonly type: string;
  readonly load?: () => Promise<StartSource>;
}
