import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument as parseYaml,
  type Tags,
  type YAMLMap,
} from "yaml";
import { ConfigError } from "../lib/errors.ts";
import { offsetOf, type SameKey, startOf } from "./locate.ts";
import { ConfigErrors, type Mistake, type Mistakes, type Position } from "./mistakes.ts";
import { clip } from "./scalars.ts";

/** A value of a YAML document. Maps keep the order of the document and can hold any key. */
export type Tree = null | boolean | number | string | readonly Tree[] | TreeMap;
/** A map of a YAML document, in the order of its keys. */
export type TreeMap = ReadonlyMap<string, Tree>;

/** Longest configuration, in characters: enough for 20,000 paths, and parsed in a few seconds at worst. */
const MAX_CONFIG_CHARS = 1024 * 1024;
/** Deepest nesting of lists and maps; a configuration needs four. */
const MAX_DEPTH = 32;
const TOO_DEEP = "yaml: nested too deeply";
/** Most entries that `<<` may copy in one document. */
const MAX_MERGED = 1_000_000;
/** Tags of YAML 1.1 that no parameter uses: their values stay text. */
const UNUSED_TAGS = /:(binary|omap|pairs|set|timestamp)$/;

/**
 * Reads a YAML document by the rules of version 1.1: `yes`, `no`, `on` and `off` are booleans, `<<` merges maps.
 * The last value of a repeated key is used. Aliases share their value, so that memory use is bounded by the text.
 *
 * @throws {ConfigError} if the text is too long, no YAML, nested too deeply or has keys that are not strings
 */
export function parseTree(text: string): Tree {
  return new TreeReader().read(parseText(text).document.contents);
}

/** A configuration file. */
export interface ConfigDocument {
  readonly tree: Tree;
  /**
   * Where a mistake is: the value, or the key when the mistake is about parameters of a map or an unknown name.
   *
   * @param isSame whether a key of the file is the parameter of that name
   */
  locate(mistake: Mistake, isSame: SameKey): Position | undefined;
}

/**
 * Reads a YAML document as `parseTree`, and remembers where its values are.
 *
 * @param mistakes takes keys that are not strings
 * @throws {ConfigError} as `parseTree`; {ConfigErrors} with the positions where the text is no YAML
 */
export function parseDocument(text: string, mistakes: Mistakes): ConfigDocument {
  const { document, lines } = parseText(text);
  const positionOf = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const reader = new TreeReader((error, offset) => mistakes.reportAt(error, positionOf(offset)));
  const tree = reader.read(document.contents);
  const locate = (mistake: Mistake, isSame: SameKey) => {
    const offset = offsetOf(document, mistake, isSame);
    return offset === undefined ? undefined : positionOf(offset);
  };
  return { tree, locate };
}

function parseText(text: string): { readonly document: Document.Parsed; readonly lines: LineCounter } {
  if (text.length > MAX_CONFIG_CHARS) {
    throw new ConfigError(`yaml: the configuration is longer than ${MAX_CONFIG_CHARS} characters`);
  }
  const lines = new LineCounter();
  const document = guarded(() =>
    parseYaml(text, {
      version: "1.1",
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: "silent",
      lineCounter: lines,
      customTags: plainTags,
    }),
  );
  const [error] = document.errors;
  if (error?.message.startsWith("Maximum call stack")) throw new ConfigError(TOO_DEEP);
  if (error === undefined) return { document, lines };
  throw new ConfigErrors(
    document.errors.map(({ message, pos }) => {
      const { line, col } = lines.linePos(pos[0]);
      return { text: `yaml: line ${line}: ${clip(message, 300)}`, position: { line, column: col } };
    }),
  );
}

/** The parser recurses per level of nesting, and throws arbitrary errors on unusual input. */
function guarded<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new ConfigError(error instanceof RangeError ? TOO_DEEP : "yaml: not a YAML document", {
      cause: error,
    });
  }
}

function plainTags(tags: Tags): Tags {
  return tags.filter(
    (tag) =>
      typeof tag === "string" || !(UNUSED_TAGS.test(tag.tag) || ("format" in tag && tag.format === "TIME")),
  );
}

/** Converts nodes to values; one per document. */
class TreeReader {
  /** Values of the anchors so far; undefined while the anchored value is still being read. */
  readonly #anchors = new Map<string, Tree | undefined>();
  readonly #wrongKey: (error: ConfigError, offset: number) => void;
  #merged = 0;

  /** @param wrongKey takes keys that are not strings, and their offset; their entries are left out */
  constructor(wrongKey?: (error: ConfigError, offset: number) => void) {
    this.#wrongKey =
      wrongKey ??
      ((error) => {
        throw error;
      });
  }

  read(node: unknown, depth = 0): Tree {
    if (depth > MAX_DEPTH) throw new ConfigError(TOO_DEEP);
    if (isAlias(node)) return this.#follow(node.source);
    const anchor = isScalar(node) || isMap(node) || isSeq(node) ? node.anchor : undefined;
    if (anchor !== undefined) this.#anchors.set(anchor, undefined);
    const value = this.#value(node, depth);
    if (anchor !== undefined) this.#anchors.set(anchor, value);
    return value;
  }

  #value(node: unknown, depth: number): Tree {
    if (isMap(node)) return this.#map(node, depth);
    if (isSeq(node)) return node.items.map((item) => this.read(item, depth + 1));
    return isScalar(node) ? scalar(node.value) : null;
  }

  #follow(anchor: string): Tree {
    const value = this.#anchors.get(anchor);
    if (value !== undefined) return value;
    const reason = this.#anchors.has(anchor) ? "value contains itself" : "is unknown";
    throw new ConfigError(`yaml: anchor '${clip(anchor)}' ${reason}`);
  }

  #map(node: YAMLMap, depth: number): TreeMap {
    const map = new Map<string, Tree>();
    const merges: Tree[] = [];
    for (const { key, value } of node.items) {
      const name = this.#key(key, depth);
      if (name === undefined) continue;
      if (name === MERGE) merges.push(this.read(value, depth + 1));
      else map.set(name, this.read(value, depth + 1));
    }
    for (const merge of merges) this.#merge(map, merge);
    return map;
  }

  #key(key: unknown, depth: number): string | typeof MERGE | undefined {
    if (isScalar(key) && typeof key.value === "symbol") return MERGE;
    const name = this.read(key, depth + 1);
    if (typeof name === "string") return name;
    const shown = name !== null && typeof name === "object" ? "a list or map" : String(name);
    this.#wrongKey(new ConfigError(`integer keys are not supported (${shown})`), startOf(key) ?? 0);
    return undefined;
  }

  /** Merges keys that the map does not have itself; the first of several sources takes precedence. */
  #merge(map: Map<string, Tree>, source: Tree): void {
    for (const entries of Array.isArray(source) ? (source as readonly Tree[]) : [source]) {
      if (!(entries instanceof Map))
        throw new ConfigError("yaml: map merge requires a map or a list of maps");
      this.#merged += entries.size;
      if (this.#merged > MAX_MERGED) throw new ConfigError("yaml: merge keys expand to too much data");
      for (const [key, value] of entries as TreeMap) if (!map.has(key)) map.set(key, value);
    }
  }
}

/** The key `<<`. */
const MERGE = Symbol("<<");

function scalar(value: unknown): Tree {
  if (typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "number") return typeof value === "symbol" ? "<<" : null;
  if (!Number.isFinite(value)) throw new ConfigError(`json: unsupported value: ${value}`);
  return value;
}
