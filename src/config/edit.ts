import { ConfigError, NoEntryError } from "../lib/errors.ts";
import type { Json, JsonObject } from "../lib/registry.ts";
import type { PathValues } from "./path-schema.ts";
import { wrongType } from "./scalars.ts";
import { type ConfigSource, mergeGlobals, pathKey, readGlobals, readPath } from "./source.ts";
import type { Tree, TreeMap } from "./tree.ts";

/** Deepest nesting of a patch. */
const MAX_DEPTH = 8;
const LENIENT = { skipUnknown: true } as const;

/**
 * Changes global parameters, as `config/set` of the API does: unknown names and null are ignored, lists are replaced. `pathDefaults` changes the parameters it names; `paths` is ignored. The result is not checked as a whole;
 * `ConfigStore` does that.
 *
 * @throws {ConfigError} if a value is wrong
 */
export function patchGlobal(source: ConfigSource, patch: JsonObject): ConfigSource {
  const entries = new Map(patchEntries(patch));
  let { pathDefaults } = source;
  for (const [key, tree] of entries) {
    if (key.toLowerCase() !== "pathdefaults") continue;
    if (!(tree instanceof Map)) throw new ConfigError(wrongType(tree, "conf.Path"));
    pathDefaults = { ...pathDefaults, ...readPath(tree as TreeMap, { at: "pathDefaults", ...LENIENT }) };
  }
  const globals = mergeGlobals(source.globals, readGlobals(entries, LENIENT));
  return { ...source, globals, pathDefaults };
}

/**
 * Appends an entry of `paths`.
 *
 * @param name its key: a name, `~` and a regular expression, or `all`
 * @param conf parameters that differ from the default; unknown names and null are ignored
 * @throws {ConfigError} if there is such an entry, or a value is wrong
 */
export function addPath(source: ConfigSource, name: string, conf: JsonObject): ConfigSource {
  const key = pathKey(name);
  if (source.paths.has(key)) throw new ConfigError(`path '${name}' already exists`);
  return withPath(source, key, readPath(patchEntries(conf), { at: `paths.${name}`, ...LENIENT }));
}

/**
 * Changes parameters of an entry of `paths`; unknown names and null are ignored.
 *
 * @throws {NoEntryError} if there is no such entry
 * @throws {ConfigError} if a value is wrong
 */
export function editPath(source: ConfigSource, name: string, patch: JsonObject): ConfigSource {
  const key = pathKey(name);
  const before = source.paths.get(key);
  if (before === undefined) throw noEntry(name);
  const changes = readPath(patchEntries(patch), { at: `paths.${name}`, ...LENIENT });
  return withPath(source, key, { ...before, ...changes });
}

/**
 * Removes an entry of `paths`.
 *
 * @throws {NoEntryError} if there is no such entry
 */
export function removePath(source: ConfigSource, name: string): ConfigSource {
  const paths = new Map(source.paths);
  if (!paths.delete(pathKey(name))) throw noEntry(name);
  return { ...source, paths };
}

function withPath(source: ConfigSource, key: string, values: Partial<PathValues>): ConfigSource {
  const paths = new Map(source.paths);
  paths.set(key, values);
  return { ...source, paths };
}

function noEntry(name: string): NoEntryError {
  return new NoEntryError(`path '${name}' is not configured`);
}

/** The entries of a patch; null is ignored. */
function patchEntries(patch: JsonObject): TreeMap {
  const entries = Object.entries(patch).filter(([, value]) => value !== null);
  return new Map(entries.map(([key, value]) => [key, treeOf(value)]));
}

function treeOf(value: Json, depth = 1): Tree {
  if (value === null || typeof value !== "object") return value;
  if (depth > MAX_DEPTH) throw new ConfigError("json: nested too deeply");
  if (Array.isArray(value)) return (value as readonly Json[]).map((item) => treeOf(item, depth + 1));
  return new Map(Object.entries(value).map(([key, item]) => [key, treeOf(item, depth + 1)]));
}
