import { expect, test } from "bun:test";
import { matchPath } from "../../src/path/match.ts";
import { parseConfig } from "../support/config.ts";

const { paths } = parseConfig(
  "paths: {all: , '~^(a)(b)?': {maxReaders: 1}, abc: {maxReaders: 2}, '~^ab': {maxReaders: 3}, '~z': }",
);

test.each<[string, string, readonly string[]]>([
  ["abc", "abc", []],
  ["abd", "~^(a)(b)?", ["a", "b"]],
  ["a", "~^(a)(b)?", ["a", ""]],
  ["xz", "~z", []],
  ["x", "all", []],
  ["all", "all", []],
  ["~z", "~z", []],
])("%s belongs to %s", (name, confName, groups) => {
  expect(matchPath(name, paths)).toEqual({ confName, groups, conf: paths.get(confName) as never });
});

test("a name that no entry takes is not configured", () => {
  expect(matchPath("x", parseConfig("paths: {a: , '~^b': }").paths)).toBeUndefined();
});
