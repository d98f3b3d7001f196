import { ConfigError } from "../lib/errors.ts";
import { parseIceServer } from "./ice-servers.ts";
import { type Report, reporting, throwFirst } from "./mistakes.ts";
import { newerHint } from "./newer.ts";
import { PATH_ALIASES, PATH_ROWS, type PathValues } from "./path-schema.ts";
import { type Aliases, type DecodeOptions, decode, mapAt, type Rows } from "./row.ts";
import { clip } from "./scalars.ts";
import { GLOBAL_ALIASES, GLOBAL_ROWS, type GlobalValues } from "./schema.ts";
import type { Tree, TreeMap } from "./tree.ts";

/**
 * The values that a configuration sets, parsed and checked one by one, without defaults, under the names of v1.0.3.
 * Immutable: edits and the environment make a new one.
 */
export interface ConfigSource {
  readonly globals: Partial<GlobalValues>;
  /** Defaults of every path, instead of the built-in ones. */
  readonly pathDefaults: Partial<PathValues>;
  /** Entries by key, in the order of lookup for regular expressions. `all_others` is stored as `all`. */
  readonly paths: ReadonlyMap<string, Partial<PathValues>>;
}

/** The source of a server that has no file: a path for every name. */
export const NO_FILE: ConfigSource = { globals: {}, pathDefaults: {}, paths: new Map([["all", {}]]) };

/**
 * Reads the values that a configuration file sets.
 *
 * @param report takes unknown names, wrong types and values that are wrong by themselves; such entries are left out
 * @throws {ConfigError} on the first of them, without `report`
 */
export function readSource(tree: Tree, report: Report = throwFirst): ConfigSource {
  const top = new Map(reporting(report, [], () => mapAt(tree, "conf.Conf", "")) ?? []);
  const defaults = takeSection(top, "pathDefaults", { wanted: "conf.Path", report });
  const trees = takeSection(top, "paths", { wanted: "map[string]*conf.OptionalPath", report });
  const globals = readGlobals(top, { report });
  const pathDefaults = readPath(defaults, { at: "pathDefaults", place: ["pathDefaults"], report });
  const paths = new Map<string, Partial<PathValues>>();
  for (const [key, path] of trees) {
    const at = `paths.${clip(key)}`;
    const place = ["paths", key];
    const values = reporting(report, place, () => {
      if (key === "all_others" && trees.has("all")) {
        throw new ConfigError("all_others and all are aliases: only one can be set");
      }
      return readPath(mapAt(path, "conf.Path", at), { at, place, report });
    });
    if (values !== undefined) paths.set(pathKey(key), values);
  }
  const merged = reporting(report, ["webrtcICEServers"], () => mergeGlobals({}, globals));
  return { globals: merged ?? globals, pathDefaults, paths };
}

/** Whether an unknown name is ignored, and who takes mistakes. */
export type ReadOptions = Pick<DecodeOptions, "skipUnknown" | "report">;

/** Reads parameters of the top level, `paths` and `pathDefaults` excepted. @throws {ConfigError} as `readSource` */
export function readGlobals(entries: TreeMap, options: ReadOptions = {}): Partial<GlobalValues> {
  const { report = throwFirst } = options;
  const chosen = reporting(report, ["authMethod"], () => chooseAuthMethod(entries));
  return decode(GLOBAL_ROWS, chosen ?? withoutAuthMethod(entries), {
    at: "",
    aliases: GLOBAL_ALIASES,
    hint: pathHint,
    ...options,
  });
}

/** Reads parameters of a path. @throws {ConfigError} as `readSource` */
export function readPath(
  entries: TreeMap,
  options: ReadOptions & Pick<DecodeOptions, "at" | "place">,
): Partial<PathValues> {
  return decode(PATH_ROWS, entries, { aliases: PATH_ALIASES, hint: globalHint, ...options });
}

/** Overrides values. ICE servers in the old one-string form are appended to the list in the new form. */
export function mergeGlobals(
  base: Partial<GlobalValues>,
  added: Partial<GlobalValues>,
): Partial<GlobalValues> {
  const { webrtcICEServers = [], ...rest } = { ...base, ...added };
  if (webrtcICEServers.length === 0) return rest;
  const servers = rest.webrtcICEServers2 ?? GLOBAL_ROWS.webrtcICEServers2.initial;
  return { ...rest, webrtcICEServers2: [...servers, ...webrtcICEServers.map(parseIceServer)] };
}

/** The key that an entry of `paths` is kept under: `all_others` is the newer name of `all`. */
export function pathKey(key: string): string {
  return key === "all_others" ? "all" : key;
}

/** Removes a section from the top level. The last one is used, as with every repeated key. */
function takeSection(
  top: Map<string, Tree>,
  name: string,
  { wanted, report }: { readonly wanted: string; readonly report: Report },
): TreeMap {
  let section: TreeMap = new Map();
  for (const [key, tree] of [...top]) {
    if (key.toLowerCase() !== name.toLowerCase()) continue;
    section = reporting(report, [key], () => mapAt(tree, wanted, key)) ?? new Map();
    top.delete(key);
  }
  return section;
}

/** `authMethod` of v1.20.1 says whether the URL that it calls `authHTTPAddress` is in use. */
function chooseAuthMethod(entries: TreeMap): TreeMap {
  const given = [...entries.keys()].find((key) => key.toLowerCase() === "authmethod");
  if (given === undefined) return entries;
  const method = entries.get(given);
  const rest = new Map(entries);
  rest.delete(given);
  if (method === "http" || method === null) return rest;
  if (method !== "internal") {
    const shown = typeof method === "string" ? `'${clip(method)}'` : "of this type";
    throw new ConfigError(`authMethod cannot be ${shown}: it takes internal or http`);
  }
  for (const key of entries.keys()) if (key.toLowerCase() === "authhttpaddress") rest.delete(key);
  return rest;
}

function withoutAuthMethod(entries: TreeMap): TreeMap {
  return new Map([...entries].filter(([key]) => key.toLowerCase() !== "authmethod"));
}

function pathHint(name: string): string | undefined {
  if (isKnown(name, PATH_ROWS, PATH_ALIASES)) return "it is a parameter of a path";
  return newerHint(name);
}

function globalHint(name: string): string | undefined {
  if (isKnown(name, GLOBAL_ROWS, GLOBAL_ALIASES))
    return "it is no parameter of a path: it goes to the top level";
  return newerHint(name);
}

function isKnown(name: string, rows: Rows, aliases: Aliases): boolean {
  const lower = name.toLowerCase();
  return aliases.has(lower) || Object.keys(rows).some((key) => key.toLowerCase() === lower);
}
