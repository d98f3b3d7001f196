const MAX_NAME_BYTES = 255;
/** Names up to this many characters are never too long: a UTF-16 unit takes three bytes at most in UTF-8. */
const SHORT = MAX_NAME_BYTES / 3;
const ENCODER = new TextEncoder();

/**
 * Checks the name of a path. Every protocol calls this before it uses a name from outside. Names that could leave a
 * directory (`.` and `..` between slashes) are rejected.
 *
 * @returns the reason, which follows `invalid path name: `; undefined if the name is valid
 */
export function pathNameProblem(name: string): string | undefined {
  if (name === "") return "cannot be empty";
  if (name.startsWith("/")) return "can't begin with a slash";
  if (name.endsWith("/")) return "can't end with a slash";
  if (name.length > MAX_NAME_BYTES || (name.length > SHORT && ENCODER.encode(name).length > MAX_NAME_BYTES)) {
    return `can't be longer than ${MAX_NAME_BYTES} bytes`;
  }
  if (!/^[0-9a-zA-Z_\-/.~]+$/.test(name)) {
    return "can contain only alphanumeric characters, underscore, dot, tilde, minus or slash";
  }
  if (/(^|\/)\.\.?(\/|$)/.test(name)) return "can't contain dot path segments";
  return undefined;
}

/** What the key of an entry of `paths` stands for. */
export type PathKeyKind = "static" | "regex" | "all";

/** Distinguishes a name, a regular expression (`~…`) and `all`, which matches every other name. */
export function pathKeyKind(key: string): PathKeyKind {
  if (key === "all") return "all";
  return key.startsWith("~") ? "regex" : "static";
}
