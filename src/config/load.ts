import { ConfigError } from "../lib/errors.ts";
import type { JsonObject } from "../lib/registry.ts";
import { checkGlobals, checkPaths } from "./checks.ts";
import { parseIceServer } from "./ice-servers.ts";
import { pathKeyKind } from "./path-name.ts";
import { PATH_ROWS, type PathValues } from "./path-schema.ts";
import { decode, defaultsOf, lacking, mapAt, toJson } from "./row.ts";
import { clip } from "./scalars.ts";
import { GLOBAL_ALIASES, GLOBAL_ROWS, type GlobalValues } from "./schema.ts";
import { parseTree, type Tree, type TreeMap } from "./tree.ts";

/** The parameters of one entry of `paths`. Durations are in ms. */
export interface PathConfig extends PathValues {}

/** The whole configuration. Durations are in ms, sizes in bytes; what old names said has moved to the new ones. */
export interface Config extends GlobalValues {
  /** Entries in the order of the file, which is the order of lookup for regular expressions. */
  readonly paths: ReadonlyMap<string, PathConfig>;
  /** What the file sets to other than the default and has no effect yet: `hlsVariant`, `paths.cam.runOnReady`. */
  readonly unavailable: readonly string[];
}

/**
 * Reads a configuration file.
 *
 * @throws {ConfigError} that names the parameter, its value and what is allowed, or the line that is no YAML
 */
export function parseConfig(text: string): Config {
  const top = new Map(mapAt(parseTree(text), "conf.Conf", ""));
  const pathTrees = takePaths(top);
  const given = decode(GLOBAL_ROWS, top, { at: "", aliases: GLOBAL_ALIASES, hint: pathHint });
  const globals = resolveGlobals({ ...defaultsOf(GLOBAL_ROWS), ...given });
  checkGlobals(globals);
  const gaps = new Gaps(lacking(GLOBAL_ROWS, given));
  const paths = new Map<string, PathConfig>();
  for (const [key, tree] of pathTrees) paths.set(pathKey(key, pathTrees), readPath(key, tree, gaps));
  checkPaths(paths, globals);
  return { ...globals, paths, unavailable: gaps.list() };
}

/** The configuration of a server that has no file: every default, and a path for every name. */
export function defaultConfig(): Config {
  const paths = new Map([["all", defaultsOf(PATH_ROWS)]]);
  return { ...defaultsOf(GLOBAL_ROWS), paths, unavailable: [] };
}

/** The configuration as the API shows it: every parameter in the order of the schema, then paths by name. */
export function configToJson(config: Config): JsonObject {
  const names = [...config.paths.keys()].sort();
  const paths = names.map((name) => [name, pathConfigToJson(config.paths.get(name) as PathConfig)] as const);
  return { ...toJson(GLOBAL_ROWS, config), paths: Object.fromEntries(paths) };
}

/** One entry of `paths` as the API shows it. */
export function pathConfigToJson(path: PathConfig): JsonObject {
  return toJson(PATH_ROWS, path);
}

/** Takes the section `paths` out of the top level; the last one counts, as with every repeated key. */
function takePaths(top: Map<string, Tree>): TreeMap {
  let paths: TreeMap = new Map();
  for (const [key, tree] of [...top]) {
    if (key.toLowerCase() !== "paths") continue;
    paths = mapAt(tree, "map[string]*conf.OptionalPath", key);
    top.delete(key);
  }
  return paths;
}

function pathHint(name: string): string | undefined {
  return Object.hasOwn(PATH_ROWS, name) ? "it is a parameter of a path" : undefined;
}

/** `all_others` is the newer name of `all`. */
function pathKey(key: string, trees: TreeMap): string {
  if (key !== "all_others") return key;
  if (trees.has("all")) throw new ConfigError("all_others and all are aliases: only one can be there");
  return "all";
}

function readPath(key: string, tree: Tree, gaps: Gaps): PathConfig {
  const at = `paths.${clip(key)}`;
  const given = decode(PATH_ROWS, mapAt(tree, "conf.Path", at), { at });
  const path = { ...defaultsOf(PATH_ROWS), ...given };
  if (pathKeyKind(key) === "regex") gaps.add(at, "(a regular expression)");
  for (const gap of lacking(PATH_ROWS, given)) {
    const idle = gap.startsWith("rpiCamera") && path.source !== "rpiCamera";
    if (!idle) gaps.add(at, gap);
  }
  return path.disablePublisherOverride ? { ...path, overridePublisher: false } : path;
}

/** Gives what old names say to the new ones. */
function resolveGlobals(values: GlobalValues): GlobalValues {
  return {
    ...values,
    writeQueueSize: values.readBufferCount !== 0 ? values.readBufferCount : values.writeQueueSize,
    rtsp: values.rtsp && !values.rtspDisable,
    rtmp: values.rtmp && !values.rtmpDisable,
    hls: values.hls && !values.hlsDisable,
    webrtc: values.webrtc && !values.webrtcDisable,
    webrtcICEServers: [],
    webrtcICEServers2: [...values.webrtcICEServers2, ...values.webrtcICEServers.map(parseIceServer)],
  };
}

/** Collects what has no effect yet; the same parameter of many paths makes one entry. */
class Gaps {
  readonly #globals: readonly string[];
  readonly #paths = new Map<string, { first: string; more: number }>();

  constructor(globals: readonly string[]) {
    this.#globals = globals;
  }

  add(at: string, gap: string): void {
    const entry = this.#paths.get(gap);
    if (entry === undefined) {
      this.#paths.set(gap, { first: gap.startsWith("(") ? `${at} ${gap}` : `${at}.${gap}`, more: 0 });
    } else entry.more += 1;
  }

  list(): string[] {
    const paths = [...this.#paths.values()];
    return [
      ...this.#globals,
      ...paths.map(({ first, more }) => (more === 0 ? first : `${first} and of ${more} more`)),
    ];
  }
}
