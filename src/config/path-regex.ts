import { ConfigError, errorText } from "../lib/errors.ts";
import { clip } from "./scalars.ts";

/** The regular expression of an entry of `paths`. */
export interface PathRegex {
  /**
   * Looks for the expression anywhere in a name.
   *
   * @returns matches of its groups, the empty string for a group that did not participate; undefined without a match
   */
  groupsOf(name: string): readonly string[] | undefined;
}

/** Longest expression, in characters. */
const MAX_CHARS = 1_024;
/**
 * Largest compiled expression, in instructions: a match does each at most once per character of the name. With 255
 * characters that is at most some tens of milliseconds.
 */
const MAX_SIZE = 1_000;
/** Largest expression that is compiled at all, in characters with repetitions written out. */
const MAX_EXPANDED = 10_000;

/**
 * Parses the regular expression in a key of `paths`, in the syntax of RE2, as MediaMTX does. Matching takes time linear in
 * the length of the name; RE2 has no backreferences and no lookaround.
 *
 * @param key begins with `~`
 * @throws {ConfigError} that names the part of the expression that is wrong
 */
export function compilePathRegex(key: string): PathRegex {
  const expression = key.slice(1);
  const { RE2JS } = re2();
  if (expression.length > MAX_CHARS) throw invalid(expression, `longer than ${MAX_CHARS} characters`);
  if (expandedSize(expression) > MAX_EXPANDED) throw invalid(expression, TOO_LARGE);
  try {
    const pattern = RE2JS.compile(expression);
    if (pattern.programSize() > MAX_SIZE) throw new RangeError(TOO_LARGE);
    return {
      groupsOf: (name) => {
        const matcher = pattern.matcher(name);
        if (!matcher.find()) return undefined;
        return Array.from({ length: matcher.groupCount() }, (_, i) => matcher.group(i + 1) ?? "");
      },
    };
  } catch (error) {
    const reason = MISSING.find(([syntax]) => syntax.test(expression))?.[1] ?? errorText(error);
    throw invalid(expression, clip(reason.replace("error parsing regexp: ", "")));
  }
}

const TOO_LARGE = "too large: it has too many repetitions";

/** One token of an expression: a repetition, a bracket, a character or an anchor. */
const PART = /\{\d{1,9}(?:,\d{0,9})?\}|\\[pPx]\{[^}]*\}|\\.|\[\^?\]?(?:\[:[^\]]*:\]|\\.|[^\]\\])*\]|./gs;

/** Approximate length of an expression with its repetitions written out, characters. */
function expandedSize(expression: string): number {
  const open: number[] = [];
  let size = 0;
  let last = 0;
  for (const [part] of expression.matchAll(PART)) {
    const [, least, most] = /^\{(\d+)(?:,(\d*))?\}$/.exec(part) ?? [];
    if (least !== undefined) {
      size += last * Math.max(Number(least) - 1, Number(most ?? 0) - 1, 0);
    } else if (part === "(") {
      open.push(size);
      size = 0;
    } else if (part === ")") {
      last = size;
      size += open.pop() ?? 0;
    } else {
      last = 1;
      size += 1;
    }
  }
  return open.reduce((sum, outer) => sum + outer, size);
}

/** Syntax of other engines, and the error messages for it. */
const MISSING: readonly (readonly [RegExp, string])[] = [
  [/\(\?<?[=!]/, "RE2 has no lookaround: (?=, (?!, (?<= and (?<! are not supported"],
  [/\\[1-9]/, "RE2 has no backreferences such as \\1"],
  [/\\Z/, "RE2 has no \\Z: the end is \\z or $"],
  [/\(\?>|[*+?}]\+/, "RE2 has no atomic groups and possessive repetitions"],
];

/** Loaded for the first expression: most configurations have none, and the server starts sooner. */
function re2(): typeof import("re2js") {
  return require("re2js");
}

function invalid(expression: string, reason: string): ConfigError {
  return new ConfigError(`invalid regular expression: ${clip(expression)} (${reason})`);
}
