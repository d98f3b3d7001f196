import { expect, test } from "bun:test";
import { pathKeyKind, pathNameProblem } from "../../src/config/path-name.ts";

test.each(["a", "a/b", "my_stream-1.2~x", "...", "a/...b", "~x", "x".repeat(255), "__proto__"])(
  "%s is a name",
  (name) => {
    expect(pathNameProblem(name)).toBeUndefined();
  },
);

test.each([
  ["", "cannot be empty"],
  ["/a", "can't begin with a slash"],
  ["a/", "can't end with a slash"],
  ["a b", "can contain only"],
  ["a\n", "can contain only"],
  ["ä", "can contain only"],
  [".", "can't contain dot path segments"],
  ["..", "can't contain dot path segments"],
  ["a/../b", "can't contain dot path segments"],
  ["./a", "can't contain dot path segments"],
  ["a/..", "can't contain dot path segments"],
  ["x".repeat(256), "can't be longer than 255 bytes"],
])("'%s' is none", (name, reason) => {
  expect(pathNameProblem(name)).toStartWith(reason);
});

test("a key says what it stands for", () => {
  expect(["all", "~^a", "a"].map(pathKeyKind)).toEqual(["all", "regex", "static"]);
});
