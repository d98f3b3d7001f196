import { checkGlobals, checkPaths } from "./checks.ts";
import { decryptConfig } from "./crypt.ts";
import { configKeys, type Environment, withEnvironment } from "./environment.ts";
import { Mistakes, type Report, reporting, throwFirst } from "./mistakes.ts";
import { PATH_ALIASES, PATH_ROWS, type PathValues } from "./path-schema.ts";
import { defaultsOf, lacking } from "./row.ts";
import { clip } from "./scalars.ts";
import { GLOBAL_ALIASES, GLOBAL_ROWS, type GlobalValues } from "./schema.ts";
import { type ConfigSource, NO_FILE, pathKey, readSource } from "./source.ts";
import type { SourceSchemes } from "./source-scheme.ts";
import { type ConfigDocument, parseDocument } from "./tree.ts";

/** The parameters of one entry of `paths`. Durations are in ms. */
export interface PathConfig extends PathValues {}

/** The whole configuration. Durations are in ms, sizes in bytes; values of old names are moved to the new ones. */
export interface Config extends GlobalValues {
  /** Entries in the order of the file, which is the order of lookup for regular expressions. */
  readonly paths: ReadonlyMap<string, PathConfig>;
  /** Values of the section `pathDefaults`; they are already in the entries of `paths`. */
  readonly pathDefaults: Partial<PathValues>;
  /** Parameters that are set and have no effect yet: `hlsVariant`, `paths.cam.runOnReady`. */
  readonly unavailable: readonly string[];
}

/** A configuration and its source, which edits need. */
export interface LoadedConfig {
  readonly source: ConfigSource;
  readonly config: Config;
}

/**
 * Reads a configuration file: decrypts it with the keys in the environment, parses the YAML, applies the parameters in the
 * environment, and checks the result.
 *
 * @param text undefined when there is no file
 * @param schemes the sources that can be configured by URL
 * @throws {ConfigErrors} all mistakes, each with the parameter, its value, what is allowed, and the position in the
 * file; {ConfigError} if the file cannot be decrypted
 */
export function loadConfig(
  text: string | undefined,
  environment: Environment,
  schemes: SourceSchemes,
): LoadedConfig {
  const mistakes = new Mistakes();
  let document: ConfigDocument | undefined;
  let source = NO_FILE;
  if (text !== undefined) {
    const opened = configKeys(environment).reduce((closed, key) => decryptConfig(closed, key), text);
    document = parseDocument(opened, mistakes);
    source = readSource(document.tree, mistakes.report);
  }
  const unplaced: Report = ({ error }) => mistakes.reportAt(error, undefined);
  const whole = reporting(unplaced, [], () => withEnvironment(source, environment)) ?? source;
  const loaded = resolveConfig(whole, schemes, mistakes.reportCheck);
  mistakes.throwAny((mistake) => document?.locate(mistake, isSameParameter));
  return loaded;
}

/** @param written a key of the file; aliases count too */
function isSameParameter(written: string, name: string): boolean {
  const lower = written.toLowerCase();
  if (lower === name.toLowerCase() || pathKey(written) === name) return true;
  return GLOBAL_ALIASES.get(lower)?.key === name || PATH_ALIASES.get(lower)?.key === name;
}

/**
 * Adds the defaults to a source, and checks the result.
 *
 * @param report takes values that are out of range, contradict another one, or are not possible there
 * @throws {ConfigError} on the first of them, without `report`
 */
export function resolveConfig(
  source: ConfigSource,
  schemes: SourceSchemes,
  report: Report = throwFirst,
): LoadedConfig {
  const { pathDefaults } = source;
  const globals = resolveGlobals({ ...defaultsOf(GLOBAL_ROWS), ...source.globals });
  checkGlobals(globals, report);
  const defaults = { ...defaultsOf(PATH_ROWS), ...pathDefaults };
  const paths = new Map<string, PathConfig>();
  for (const [key, given] of source.paths) paths.set(key, resolvePath(given, pathDefaults, defaults));
  checkPaths(paths, globals, schemes, report);
  const unavailable = findGaps(source, paths, schemes);
  return { source, config: { ...globals, paths, pathDefaults, unavailable } };
}

/** Resolved entries, so that an edit of one of thousands does not resolve the others again. */
const RESOLVED = new WeakMap<Partial<PathValues>, { readonly over: object; readonly path: PathConfig }>();

/** @param over the `pathDefaults` that `defaults` include */
function resolvePath(given: Partial<PathValues>, over: object, defaults: PathConfig): PathConfig {
  const known = RESOLVED.get(given);
  if (known?.over === over) return known.path;
  const path = { ...defaults, ...given };
  if (path.disablePublisherOverride) Object.assign(path, { overridePublisher: false });
  RESOLVED.set(given, { over, path });
  return path;
}

/** Moves values of old names to the new ones. */
function resolveGlobals(values: GlobalValues): GlobalValues {
  return {
    ...values,
    writeQueueSize: values.readBufferCount !== 0 ? values.readBufferCount : values.writeQueueSize,
    rtsp: values.rtsp && !values.rtspDisable,
    rtmp: values.rtmp && !values.rtmpDisable,
    hls: values.hls && !values.hlsDisable,
    webrtc: values.webrtc && !values.webrtcDisable,
  };
}

function findGaps(
  source: ConfigSource,
  paths: ReadonlyMap<string, PathConfig>,
  schemes: SourceSchemes,
): string[] {
  const gaps = new Gaps(lacking(GLOBAL_ROWS, source.globals));
  for (const gap of pathGaps(source.pathDefaults, schemes)) {
    if (!gap.startsWith("rpiCamera")) gaps.add("pathDefaults", gap);
  }
  for (const [key, given] of source.paths) {
    const at = `paths.${clip(key)}`;
    for (const gap of knownGaps(given, schemes)) {
      const idle = gap.startsWith("rpiCamera") && paths.get(key)?.source !== "rpiCamera";
      if (!idle) gaps.add(at, gap);
    }
  }
  return gaps.list();
}

const GAPS = new WeakMap<
  Partial<PathValues>,
  { readonly schemes: SourceSchemes; readonly gaps: readonly string[] }
>();

function knownGaps(given: Partial<PathValues>, schemes: SourceSchemes): readonly string[] {
  const known = GAPS.get(given);
  if (known?.schemes === schemes) return known.gaps;
  const gaps = pathGaps(given, schemes);
  GAPS.set(given, { schemes, gaps });
  return gaps;
}

function pathGaps(given: Partial<PathValues>, schemes: SourceSchemes): readonly string[] {
  return [...missingSource(given.source ?? "publisher", schemes), ...lacking(PATH_ROWS, given)];
}

/** Names the kind of a source that is not supported yet, without its URL, which may hold a secret. */
function missingSource(source: string, schemes: SourceSchemes): readonly string[] {
  if (source === "publisher" || source === "redirect") return [];
  const kind = /^[a-z]+/i.exec(source)?.[0] ?? "unknown";
  return schemes.get(kind.toLowerCase())?.load !== undefined ? [] : [`source: ${clip(kind)}`];
}

/** Collects parameters without effect; the same parameter of many paths is one entry. */
class Gaps {
  readonly #globals: readonly string[];
  readonly #paths = new Map<string, { first: string; more: number }>();

  constructor(globals: readonly string[]) {
    this.#globals = globals;
  }

  add(at: string, gap: string): void {
    const entry = this.#paths.get(gap);
    if (entry === undefined) {
      this.#paths.set(gap, { first: `${at}.${gap}`, more: 0 });
    } else entry.more += 1;
  }

  list(): string[] {
    const paths = [...this.#paths.values()];
    return [
      ...this.#globals,
      ...paths.map(({ first, more }) => (more === 0 ? first : `${first} (and ${more} more)`)),
    ];
  }
}
