import type { SourceScheme } from "../config/source-scheme.ts";
import type { StartSource } from "../path/source.ts";

/** A kind of remote source that a protocol fetches. */
export interface SourceDeclaration extends SourceScheme {
  /** As the API names it: `rtspSource`. */
  readonly type: string;
  readonly load?: () => Promise<StartSource>;
}

/**
 * What the rest of the server knows of a protocol. It stands in `protocol.ts` of the protocol's folder, which loads no
 * other code of that folder before it is needed.
 */
export interface Protocol {
  readonly sources: readonly SourceDeclaration[];
}
