import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Tags,
  type YAMLMap,
} from "yaml";
import { ConfigError } from "../lib/errors.ts";
import { clip } from "./scalars.ts";

/** A value of a YAML document. Maps keep the order of the document and can hold any key. */
export type Tree = null | boolean | number | string | readonly Tree[] | TreeMap;
/** A map of a YAML document, in the order of its keys. */
export type TreeMap = ReadonlyMap<string, Tree>;

/** Longest configuration, in characters: enough for 20,000 paths, and parsed in a few seconds at worst. */
export const MAX_CONFIG_CHARS = 1024 * 1024;
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
  if (text.length > MAX_CONFIG_CHARS) {
    throw new ConfigError(`yaml: the configuration is longer than ${MAX_CONFIG_CHARS} characters`);
  }
  return new TreeReader().read(parseText(text).contents);
}

function parseText(text: string): Document.Parsed {
  const lines = new LineCounter();
  const document = guarded(() =>
    parseDocument(text, {
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
  if (error !== undefined) {
    throw new ConfigError(`yaml: line ${lines.linePos(error.pos[0]).line}: ${clip(error.message, 300)}`);
  }
  return document;
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
  #merged = 0;

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
      if (name === MERGE) merges.push(this.read(value, depth + 1));
      else map.set(name, this.read(value, depth + 1));
    }
    for (const merge of merges) this.#merge(map, merge);
    return map;
  }

  #key(key: unknown, depth: number): string | typeof MERGE {
    if (isScalar(key) && typeof key.value === "symbol") return MERGE;
    const name = this.read(key, depth + 1);
    if (typeof name === "string") return name;
    const shown = name !== null && typeof name === "object" ? "a list or map" : String(name);
    throw new ConfigError(`integer keys are not supported (${shown})`);
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
