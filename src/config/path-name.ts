const MAX_NAME_BYTES = 255;
/** Names of so many characters are never too long: one takes three bytes at most (UTF-8 of a UTF-16 unit). */
const SHORT = MAX_NAME_BYTES / 3;
const ENCODER = new TextEncoder();

/**
 * Says why a text cannot be the name of a path. Every entry of the server asks this one question before a name from
 * outside is used. Names that could leave a directory (`.` and `..` between slashes) are no names.
 *
 * @returns the reason, fit to follow `invalid path name: `; undefined when the name is good
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

/** Tells a name from a regular expression (`~…`) and from `all`, which takes every name left over. */
export function pathKeyKind(key: string): PathKeyKind {
  if (key === "all") return "all";
  return key.startsWith("~") ? "regex" : "static";
}
