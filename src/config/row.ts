import * as v from "valibot";
import { ConfigError } from "../lib/errors.ts";
import type { Json, JsonObject } from "../lib/registry.ts";
import { EntryError, type Place, type Report, throwFirst } from "./mistakes.ts";
import { nearest } from "./nearest.ts";
import { clip, type Kind, wrongType } from "./scalars.ts";
import type { Tree, TreeMap } from "./tree.ts";

/** One parameter. */
export interface Row<T> {
  readonly kind: Kind<T>;
  readonly initial: T;
  /** Description in one line. */
  readonly meaning: string;
  /** Whether it has an effect: the part of the server it belongs to is implemented. */
  readonly available: boolean;
  /** Names the part of a value that has no effect yet; overrides `available`. */
  lacks?(value: T): readonly string[];
}

/** Parameters by name, in the order the API shows them. */
export type Rows = Readonly<Record<string, Row<unknown>>>;

/** The values that a table of parameters describes. */
export type Values<R extends Rows> = { readonly [K in keyof R]: R[K] extends Row<infer T> ? T : never };

/** A parameter that has an effect. */
export function present<T>(
  kind: Kind<T>,
  initial: NoInfer<T>,
  meaning: string,
  lacks?: (value: NoInfer<T>) => readonly string[],
): Row<T> {
  return { kind, initial, meaning, available: true, ...(lacks === undefined ? {} : { lacks }) };
}

/** A parameter without effect so far: known and checked. */
export function pending<T>(
  kind: Kind<T>,
  initial: NoInfer<T>,
  meaning: string,
  lacks?: (value: NoInfer<T>) => readonly string[],
): Row<T> {
  return { kind, initial, meaning, available: false, ...(lacks === undefined ? {} : { lacks }) };
}

/** The default of every parameter. */
export function defaultsOf<R extends Rows>(rows: R): Values<R> {
  return Object.fromEntries(Object.entries(rows).map(([key, row]) => [key, row.initial])) as Values<R>;
}

/** An alias of a parameter. */
export interface Alias {
  readonly name: string;
  /** The parameter it stands for. */
  readonly key: string;
  /** Overrides in the JSON Schema of its value. */
  readonly shape?: JsonObject;
  /** Turns a value of the form that goes with this name into one of the parameter. @throws {ConfigError} */
  readonly convert?: (tree: Tree) => Tree;
}

/** Aliases of parameters, by lower-case name. */
export type Aliases = ReadonlyMap<string, Alias>;

/** Indexes aliases by lower-case name. */
export function aliasesOf(aliases: readonly Alias[]): Aliases {
  return new Map(aliases.map((alias) => [alias.name.toLowerCase(), alias]));
}

/** How a table is read. */
export interface DecodeOptions {
  /** Path of the map in the file, for error texts: `paths.cam`; empty at the top. */
  readonly at: string;
  /** Aliases of parameters, by lower-case name. */
  readonly aliases?: Aliases;
  /** Whether unknown names are ignored instead of being an error. */
  readonly skipUnknown?: boolean;
  /** A hint about an unknown name, for the error message. */
  readonly hint?: (name: string) => string | undefined;
  /** Takes mistakes, each with its place; without it, the first one is thrown. */
  readonly report?: Report;
  /** The map in the file. */
  readonly place?: Place;
}

/**
 * Reads the parameters that a map sets. Names are case-insensitive; null keeps the default of most kinds.
 *
 * @returns the values that are set, without defaults
 * @throws {ConfigError} on an unknown name, a wrong type or a value out of range
 */
export function decode<R extends Rows>(
  rows: R,
  entries: TreeMap,
  options: DecodeOptions,
): Partial<Values<R>> {
  const { report = throwFirst, place = [] } = options;
  const reading = { rows, names: namesOf(rows), values: {}, aliased: new Map<string, string>(), options };
  for (const [given, tree] of entries) {
    try {
      decodeEntry(reading, given, tree);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      report({ error, place: [...place, given] });
    }
  }
  return reading.values as Partial<Values<R>>;
}

interface Reading {
  readonly rows: Rows;
  /** By lower-case name. */
  readonly names: ReadonlyMap<string, string>;
  readonly values: Record<string, unknown>;
  /** Aliases that were used, by parameter. */
  readonly aliased: Map<string, string>;
  readonly options: DecodeOptions;
}

function decodeEntry({ rows, names, values, aliased, options }: Reading, given: string, tree: Tree): void {
  const lower = given.toLowerCase();
  const alias = options.aliases?.get(lower);
  const key = alias?.key ?? names.get(lower);
  const row = key === undefined ? undefined : rows[key];
  if (key === undefined || row === undefined) {
    if (options.skipUnknown === true) return;
    throw unknownField(given, names.values(), options);
  }
  const name = alias === undefined ? key : given;
  if (Object.hasOwn(values, key)) refuseTwoNames(name, aliased.get(key) ?? key);
  if (alias !== undefined) aliased.set(key, given);
  const input = tree === null ? row.kind.nullAs : (alias?.convert?.(tree) ?? tree);
  if (input === undefined) return;
  const at = options.at === "" ? name : `${options.at}.${name}`;
  values[key] = decodeValue(row.kind, input, { at, parameter: key });
}

function refuseTwoNames(name: string, other: string): void {
  if (name.toLowerCase() === other.toLowerCase()) return;
  throw new EntryError(`'${name}' and '${other}' are the same parameter: only one can be set`, name);
}

const NAMES = new WeakMap<Rows, ReadonlyMap<string, string>>();

/** Names of a table, by lower-case name; made once. */
function namesOf(rows: Rows): ReadonlyMap<string, string> {
  const known = NAMES.get(rows);
  if (known !== undefined) return known;
  const names = new Map(Object.keys(rows).map((key) => [key.toLowerCase(), key]));
  NAMES.set(rows, names);
  return names;
}

function unknownField(name: string, known: Iterable<string>, { at, hint }: DecodeOptions): ConfigError {
  const place = at === "" ? "" : ` in ${clip(at)}`;
  const near = nearest(name, known);
  const advice = hint?.(name) ?? (near === undefined ? undefined : `did you mean '${near}'?`);
  return new EntryError(
    `json: unknown field ${JSON.stringify(clip(name))}${place}${advice === undefined ? "" : ` (${advice})`}`,
    near,
  );
}

function decodeValue<T>(
  kind: Kind<T>,
  input: unknown,
  { at, parameter }: { readonly at: string; readonly parameter: string },
): T {
  const result = v.safeParse(kind.schema, input, { abortEarly: true, abortPipeEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const within = (issue.path ?? []).map(({ key }) => String(key));
  const place = [clip(at), ...within.map((key) => `[${key}]`)].join("");
  const shown = kind.secret ? "" : ` is ${show(issue.input)},`;
  throw new EntryError(`${issue.message} (${place}${shown} takes ${kind.expected})`, parameter, within);
}

function show(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "a map";
  return clip(JSON.stringify(value) ?? "empty");
}

/** The value as a map; null is an empty one. */
export function mapAt(tree: Tree, wanted: string, at: string): TreeMap {
  if (tree === null) return new Map();
  if (tree instanceof Map) return tree as TreeMap;
  throw new ConfigError(`${wrongType(tree, wanted)}${at === "" ? "" : ` (${clip(at)} takes parameters)`}`);
}

/** The values as the API shows them, in the order of the table. */
export function toJson<R extends Rows>(rows: R, values: Values<R>): JsonObject {
  return Object.fromEntries(
    Object.entries(rows).map(([key, row]): [string, Json] => [key, row.kind.toJson(values[key])]),
  );
}

/** Names parameters that are set to a value other than the default and have no effect yet. */
export function lacking<R extends Rows>(rows: R, given: Partial<Values<R>>): string[] {
  return Object.entries(rows).flatMap(([key, row]) => {
    if (!Object.hasOwn(given, key) || isEqual(given[key], row.initial)) return [];
    if (row.lacks !== undefined) return row.lacks(given[key]).map((item) => `${key}: ${clip(item)}`);
    return row.available ? [] : [key];
  });
}

function isEqual(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === "object" && JSON.stringify(a) === JSON.stringify(b));
}
