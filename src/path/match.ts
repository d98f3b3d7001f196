import type { PathConfig } from "../config/load.ts";

/** The entry of the configuration that a name belongs to. */
export interface PathMatch {
  /** Its key under `paths`. */
  readonly confName: string;
  readonly conf: PathConfig;
}

/** Finds the entry for a name: the exact one, else `all`. */
export function matchPath(name: string, paths: ReadonlyMap<string, PathConfig>): PathMatch | undefined {
  for (const confName of [name, "all"]) {
    const conf = paths.get(confName);
    if (conf !== undefined) return { confName, conf };
  }
  return undefined;
}
