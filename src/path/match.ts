import type { PathConfig } from "../config/load.ts";
import { pathKeyKind } from "../config/path-name.ts";
import { compilePathRegex, type PathRegex } from "../config/path-regex.ts";

/** The entry of the configuration that a name belongs to. */
export interface PathMatch {
  /** Its key under `paths`. */
  readonly confName: string;
  readonly conf: PathConfig;
  /** Matches of the groups of its regular expression; empty for other entries. */
  readonly groups: readonly string[];
}

type Paths = ReadonlyMap<string, PathConfig>;

/** Finds the entry for a name: the exact one, else the first regular expression in order that matches, else `all`. */
export function matchPath(name: string, paths: Paths): PathMatch | undefined {
  const exact = paths.get(name);
  if (exact !== undefined) return { confName: name, conf: exact, groups: [] };
  for (const { confName, conf, regex } of regexesOf(paths)) {
    const groups = regex.groupsOf(name);
    if (groups !== undefined) return { confName, conf, groups };
  }
  const all = paths.get("all");
  return all === undefined ? undefined : { confName: "all", conf: all, groups: [] };
}

interface RegexEntry {
  readonly confName: string;
  readonly conf: PathConfig;
  readonly regex: PathRegex;
}

/** Compiled once per configuration. */
const REGEXES = new WeakMap<Paths, readonly RegexEntry[]>();

function regexesOf(paths: Paths): readonly RegexEntry[] {
  const known = REGEXES.get(paths);
  if (known !== undefined) return known;
  const entries = [...paths]
    .filter(([confName]) => pathKeyKind(confName) === "regex")
    .map(([confName, conf]) => ({ confName, conf, regex: compilePathRegex(confName) }));
  REGEXES.set(paths, entries);
  return entries;
}
