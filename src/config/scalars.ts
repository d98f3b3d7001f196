import * as v from "valibot";
import { formatIp, formatNetwork, parseAddress, parseIp, parseNetwork } from "../lib/address.ts";
import { formatDuration, parseDuration } from "../lib/duration.ts";
import { errorText } from "../lib/errors.ts";
import type { Json, JsonObject } from "../lib/registry.ts";
import { formatSize, parseSize } from "../lib/size.ts";

/** What a parameter can hold: how it is read, explained and shown. */
export interface Kind<T> {
  /** Reads the value found in the file; the first issue is the text of the error. */
  readonly schema: v.GenericSchema<unknown, T>;
  /** Its name in the documentation: `duration`. */
  readonly label: string;
  /** A JSON Schema of the value, for editors. */
  readonly shape: JsonObject;
  /** What is allowed, for error texts: `a duration such as "10s"`. */
  readonly expected: string;
  /** The value of null; undefined keeps the default. */
  readonly nullAs?: "" | readonly never[];
  /**
   * Its format in an environment variable; omitted if it is a plain value. `list` and `words` are separated by
   * commas, and an empty `list` has no item; `maps` have a variable for each field.
   */
  readonly form?: "bool" | "int" | "float" | "list" | "words" | "maps";
  /** Whether its values must not appear in error messages. */
  readonly secret?: boolean;
  /** The value as the API shows it. */
  toJson(value: T): Json;
}

const MAX_SHOWN_CHARS = 100;

/** Shortens a text from outside for an error message. */
export function clip(text: string, chars = MAX_SHOWN_CHARS): string {
  return text.length > chars ? `${text.slice(0, chars)}…` : text;
}

/** The error message for a value of the wrong type. */
export function wrongType(value: unknown, wanted: string): string {
  return `json: cannot unmarshal ${typeName(value)} into Go value of type ${wanted}`;
}

function typeName(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (typeof value === "object") return "object";
  return typeof value === "boolean" ? "bool" : typeof value;
}

const STRING = v.string((issue) => wrongType(issue.input, "string"));
const NUMBER = v.number((issue) => wrongType(issue.input, "float64"));
const BOOL = v.boolean((issue) => wrongType(issue.input, "bool"));
const INT = v.pipe(
  v.number((issue) => wrongType(issue.input, "int")),
  v.safeInteger((issue) => `json: cannot unmarshal number ${issue.input} into Go value of type int`),
);

/** A text that `parse` converts; its error becomes the issue. */
function parsed<T>(parse: (text: string) => T): v.GenericSchema<unknown, T> {
  return v.pipe(
    STRING,
    v.rawTransform<string, T>(({ dataset, addIssue, NEVER }) => {
      try {
        return parse(dataset.value);
      } catch (error) {
        addIssue({ message: errorText(error) });
        return NEVER;
      }
    }),
  );
}

function listOf<T>(item: v.GenericSchema<unknown, T>): v.GenericSchema<unknown, T[]> {
  return v.array(item, (issue) => wrongType(issue.input, "[]string"));
}

function same<T extends Json>(value: T): Json {
  return value;
}

/** Booleans of YAML 1.1, for editors: in YAML 1.2 they are strings. */
const BOOL_WORDS = ["yes", "no", "on", "off"].flatMap((word) => [
  word,
  `${word[0]?.toUpperCase()}${word.slice(1)}`,
  word.toUpperCase(),
]);

export const bool: Kind<boolean> = {
  schema: BOOL,
  label: "bool",
  shape: { anyOf: [{ type: "boolean" }, { enum: BOOL_WORDS }] },
  form: "bool",
  expected: "yes or no, without quotes",
  toJson: same,
};
export const int: Kind<number> = {
  schema: INT,
  label: "int",
  shape: { type: "integer" },
  form: "int",
  expected: "a whole number",
  toJson: same,
};
export const float: Kind<number> = {
  schema: NUMBER,
  label: "float",
  shape: { type: "number" },
  form: "float",
  expected: "a number",
  toJson: same,
};
export const text: Kind<string> = {
  schema: STRING,
  label: "string",
  shape: { type: "string" },
  expected: "a string",
  toJson: same,
};
/** A string that may hold a password, such as a URL: never shown in error messages. */
export const secretText: Kind<string> = { ...text, secret: true };

const DURATION = "^[+-]?(0|([0-9]+\\.?[0-9]*|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$";
const SIZE = "^\\s*([0-9]+(\\.[0-9]*)?|\\.[0-9]+)\\s*([Bb]|[KMGTPEkmgtpe]([Ii]?[Bb])?)\\s*$";

/** Milliseconds. */
export const duration: Kind<number> = {
  schema: parsed(parseDuration),
  label: "duration",
  shape: { type: "string", pattern: DURATION },
  expected: 'a duration such as "10s" or "1m30s"',
  nullAs: "",
  toJson: formatDuration,
};

/** Bytes. */
export const size: Kind<number> = {
  schema: parsed(parseSize),
  label: "size",
  shape: { type: "string", pattern: SIZE },
  expected: 'a size such as "50M" or "1G"',
  nullAs: "",
  toJson: formatSize,
};

/** Address of a listener; empty for none. */
export const address: Kind<string> = {
  schema: parsed((value) => {
    if (value !== "") parseAddress(value);
    return value;
  }),
  label: "address",
  shape: { type: "string", pattern: "^$|:[0-9]+$" },
  expected: 'an address such as ":8554" or "127.0.0.1:8554"',
  toJson: same,
};

const CREDENTIAL = /^[a-zA-Z0-9!$()*+.;<=>[\]^_\-{}@#&]+$/;

/** Names or secrets of users: empty, plain, or hashed (`sha256:…`). */
export const credential: Kind<string> = {
  schema: parsed((value) => {
    if (value === "" || value.startsWith("sha256:") || CREDENTIAL.test(value)) return value;
    throw new RangeError(
      'credential contains unsupported characters. Supported are: A-Z,0-9,!,$,(,),*,+,.,;,<,=,>,[,],^,_,-,",",@,#,&',
    );
  }),
  label: "credential",
  shape: { type: "string", pattern: `^$|^sha256:|${CREDENTIAL.source}` },
  expected: "a string of supported characters",
  nullAs: "",
  secret: true,
  toJson: same,
};

const STRINGS = { type: "array", items: { type: "string" } };

/** IP addresses and ranges in normal form, sorted. */
export const networks: Kind<readonly string[]> = {
  schema: v.pipe(
    listOf(parsed(normalNetwork)),
    v.transform((items) => items.sort()),
  ),
  label: "IP list",
  shape: STRINGS,
  form: "words",
  expected: "a list of IP addresses and CIDR ranges",
  nullAs: [],
  toJson: same,
};

function normalNetwork(value: string): string {
  const ip = parseIp(value);
  if (ip !== undefined) return formatIp(ip);
  const network = parseNetwork(value);
  if (network === undefined) throw new RangeError(`unable to parse IP/CIDR '${clip(value)}'`);
  return formatNetwork(network);
}

/** A list of strings; the API shows an empty one as null. */
export const textList: Kind<readonly string[]> = {
  schema: listOf(STRING),
  label: "string list",
  shape: STRINGS,
  form: "list",
  expected: "a list of strings",
  nullAs: [],
  toJson: (value) => (value.length === 0 ? null : value),
};

/** One of several words; `problem` precedes an invalid word in the error message. */
export function choice<const T extends string>(words: readonly T[], problem: string, nullAs?: ""): Kind<T> {
  return {
    schema: word(Object.fromEntries(words.map((item) => [item, item])), problem, true),
    shape: { enum: words },
    label: words.map((item) => (item === "" ? '""' : item)).join(", "),
    expected: `one of ${words.map((item) => item || '""').join(", ")}`,
    ...(nullAs === undefined ? {} : { nullAs }),
    toJson: same,
  };
}

/** Whether a listener speaks TLS. In YAML, `no` and `yes` have to be quoted here. */
export const encryption: Kind<"no" | "optional" | "strict"> = {
  schema: word(
    { no: "no", false: "no", optional: "optional", strict: "strict", yes: "strict", true: "strict" },
    "invalid encryption:",
    true,
  ),
  label: '"no", "optional", "strict"',
  shape: { enum: ["no", "optional", "strict", "yes", "false", "true"] },
  expected: '"no", "optional" or "strict", in quotes',
  nullAs: "",
  toJson: same,
};

/** Details of {@link choices}. */
export interface ChoicesOptions {
  /** Precedes an invalid word in the error message. */
  readonly problem: string;
  /** Whether the error message quotes the word. */
  readonly quoted: boolean;
  /** Error message for a repeated word; if omitted, repeats are dropped and the list is sorted. */
  readonly twice?: string;
}

/** A list of words, each one of several. */
export function choices<const T extends string>(
  words: readonly T[],
  { problem, quoted, twice }: ChoicesOptions,
): Kind<readonly T[]> {
  const items = listOf<T>(word(Object.fromEntries(words.map((item) => [item, item])), problem, quoted));
  const unique = v.pipe(
    items,
    v.transform((list) => [...new Set(list)].sort()),
  );
  const strict = v.pipe(
    items,
    v.check((list) => new Set(list).size === list.length, twice ?? ""),
  );
  return {
    schema: twice === undefined ? unique : strict,
    label: `list of ${words.join(", ")}`,
    shape: { type: "array", items: { enum: words }, ...(twice !== undefined && { uniqueItems: true }) },
    form: "words",
    expected: `a list of ${words.join(", ")}`,
    nullAs: [],
    toJson: same,
  };
}

function word<T extends string>(
  values: Readonly<Record<string, T>>,
  problem: string,
  quoted: boolean,
): v.GenericSchema<unknown, T> {
  return parsed((value) => {
    if (Object.hasOwn(values, value)) return values[value] as T;
    throw new RangeError(`${problem} ${quoted ? `'${clip(value)}'` : clip(value)}`);
  });
}
