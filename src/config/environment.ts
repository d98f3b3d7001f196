import { unreachable } from "../lib/assert.ts";
import { ConfigError, errorText } from "../lib/errors.ts";
import { PATH_ALIASES, PATH_ROWS, type PathValues } from "./path-schema.ts";
import type { Aliases, Rows } from "./row.ts";
import { clip, type Kind } from "./scalars.ts";
import { GLOBAL_ALIASES, GLOBAL_ROWS } from "./schema.ts";
import { type ConfigSource, mergeGlobals, readGlobals, readPath } from "./source.ts";
import type { Tree, TreeMap } from "./tree.ts";

/** Variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Prefixes of the variables that set parameters; the later one takes precedence. */
const PREFIXES = ["RTSP", "MTX"] as const;
const MAX_INT = 2 ** 31;

/** Keys of an encrypted file in the order in which they are used: it can be encrypted twice. */
export function configKeys(environment: Environment): string[] {
  return PREFIXES.flatMap((prefix) => environment[`${prefix}_CONFKEY`] ?? []);
}

/**
 * Overrides parameters of the file with those of the environment: `MTX_RTSPADDRESS`, `MTX_PATHS_CAM_SOURCE`,
 * `MTX_PATHDEFAULTS_SOURCE`, `MTX_WEBRTCICESERVERS2_0_URL`, and the same with `RTSP_`. Others are ignored.
 *
 * @throws {ConfigError} that names the variable
 */
export function withEnvironment(source: ConfigSource, environment: Environment): ConfigSource {
  return PREFIXES.reduce((base, prefix) => overlay(base, prefix, environment), source);
}

/** Variables that commands of the server get, and may pass on to another server. */
const OTHERS = /^MTX_(CONFKEY|PATH|QUERY|(CONN|READER|SOURCE|SEGMENT)_\w+)$/;

/** Names the variables with our prefix that are not parameters: most likely misspelled. */
export function strayVariables(environment: Environment): string[] {
  const ofPath = new Set(namesOf(PATH_ROWS, PATH_ALIASES));
  const ofServer = new Set([...namesOf(GLOBAL_ROWS, GLOBAL_ALIASES), "AUTHMETHOD"]);
  const isKnown = (name: string): boolean => {
    const [, path] = /^(?:PATHDEFAULTS|PATHS_[^_a-z]+)_(.+)$/.exec(name) ?? [];
    if (path !== undefined) return ofPath.has(path);
    return (
      ofServer.has(name) || /^PATHS_[^_a-z]+$|^WEBRTCICESERVERS2_\d+_(URL|USERNAME|PASSWORD)$/.test(name)
    );
  };
  return Object.keys(environment)
    .filter((name) => name.startsWith("MTX_") && !OTHERS.test(name) && !isKnown(name.slice(4)))
    .sort();
}

function namesOf(rows: Rows, aliases: Aliases): string[] {
  return [...Object.keys(rows), ...aliases.keys()].map((name) => name.toUpperCase());
}

function overlay(source: ConfigSource, prefix: string, environment: Environment): ConfigSource {
  const added = { ...source.globals };
  for (const { variable, entries } of parametersOf(prefix, environment, GLOBAL_ROWS, GLOBAL_ALIASES)) {
    Object.assign(
      added,
      underName(variable, () => readGlobals(withAuthMethod(entries, prefix, environment))),
    );
  }
  const list = `${prefix}_WEBRTCICESERVERS2`;
  const servers = underName(list, () => listedServers(list, environment));
  if (servers.length > 0) {
    const before = added.webrtcICEServers2 ?? GLOBAL_ROWS.webrtcICEServers2.initial;
    added.webrtcICEServers2 = [...before, ...servers];
  }
  return {
    globals: underName(`${prefix}_WEBRTCICESERVERS`, () => mergeGlobals({}, added)),
    pathDefaults: { ...source.pathDefaults, ...pathParameters(`${prefix}_PATHDEFAULTS`, environment) },
    paths: overlayPaths(source.paths, `${prefix}_PATHS`, environment),
  };
}

/** The part between `MTX_PATHS_` and the next `_`, in lower case, is the name of a path. */
function overlayPaths(
  before: ConfigSource["paths"],
  prefix: string,
  environment: Environment,
): ConfigSource["paths"] {
  const names = new Set<string>();
  for (const variable of Object.keys(environment)) {
    if (!variable.startsWith(`${prefix}_`) || environment[variable] === undefined) continue;
    const [name = ""] = variable.slice(prefix.length + 1).split("_", 1);
    if (name !== "" && name === name.toUpperCase()) names.add(name);
  }
  if (names.size === 0) return before;
  const paths = new Map(before);
  for (const name of [...names].sort()) {
    const key = name.toLowerCase();
    paths.set(key, { ...paths.get(key), ...pathParameters(`${prefix}_${name}`, environment) });
  }
  return paths;
}

function pathParameters(prefix: string, environment: Environment): Partial<PathValues> {
  const values: Partial<PathValues> = {};
  for (const { variable, entries } of parametersOf(prefix, environment, PATH_ROWS, PATH_ALIASES)) {
    Object.assign(
      values,
      underName(variable, () => readPath(entries, { at: "" })),
    );
  }
  return values;
}

/** A parameter that the environment sets. */
interface Setting {
  readonly variable: string;
  /** Its name and value, as in a file. */
  readonly entries: TreeMap;
}

/** Parameters of a table that the environment sets; newer names come first, so that those of v1.0.3 take precedence. */
function parametersOf(prefix: string, environment: Environment, rows: Rows, aliases: Aliases): Setting[] {
  const names = [...aliases].map(([name, { key }]) => [name, key] as const);
  for (const key of Object.keys(rows)) names.push([key, key]);
  return names.flatMap(([name, key]) => {
    const variable = `${prefix}_${name.toUpperCase()}`;
    const text = environment[variable];
    const kind = rows[key]?.kind;
    if (text === undefined || kind === undefined) return [];
    const tree = underName(variable, () => treeOf(text, kind));
    return tree === undefined ? [] : { variable, entries: new Map([[name, tree]]) };
  });
}

/** Parses the text of a variable; undefined if the variable does not set the value. */
function treeOf(text: string, { form }: Kind<unknown>): Tree | undefined {
  switch (form) {
    case "bool":
      return parseBool(text);
    case "int":
      return parseNumber(text, /^[+-]?\d{1,10}$/, MAX_INT);
    case "float":
      return parseNumber(text, /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i, Number.MAX_VALUE);
    case "list":
      return text === "" ? [] : text.split(",");
    case "words":
      return text.split(",");
    case "maps":
      return text === "" ? [] : undefined;
    case undefined:
      return text;
    default:
      return unreachable(form);
  }
}

function parseBool(text: string): boolean {
  const word = text.toLowerCase();
  if (word === "yes" || word === "true") return true;
  if (word === "no" || word === "false") return false;
  throw new ConfigError(`invalid value '${clip(text)}' (takes yes, no, true or false)`);
}

function parseNumber(text: string, pattern: RegExp, limit: number): number {
  const value = Number(text);
  if (!pattern.test(text) || value >= limit || value < -limit) {
    throw new ConfigError(`invalid value '${clip(text)}' (takes a number)`);
  }
  return value;
}

/** Servers in variables of the form `<prefix>_<index>_URL`, from index 0 to the first that is left out. */
function listedServers(prefix: string, environment: Environment) {
  if (environment[prefix] === "") return [];
  const servers: TreeMap[] = [];
  for (;;) {
    const at = `${prefix}_${servers.length}_`;
    const fields = Object.entries(environment).filter(([variable]) => variable.startsWith(at));
    if (fields.length === 0) break;
    const known = ["url", "username", "password"].map((name) => [
      name,
      environment[at + name.toUpperCase()] ?? "",
    ]);
    servers.push(new Map(known as [string, string][]));
  }
  return readGlobals(new Map([["webrtcICEServers2", servers]])).webrtcICEServers2 ?? [];
}

/** `authMethod` is only used together with the address. */
function withAuthMethod(entries: TreeMap, prefix: string, environment: Environment): TreeMap {
  const method = environment[`${prefix}_AUTHMETHOD`];
  if (method === undefined || !entries.has("authhttpaddress")) return entries;
  return new Map([...entries, ["authMethod", method]]);
}

function underName<T>(variable: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`${variable}: ${errorText(error)}`, { cause: error });
  }
}
