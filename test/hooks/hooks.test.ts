import { expect, test } from "bun:test";
import { pathVariables, queryVariable } from "../../src/hooks/hooks.ts";

test("variables of a path", () => {
  expect(pathVariables("a/b", ["a", "b"])).toEqual({ MTX_PATH: "a/b", RTSP_PATH: "a/b", G1: "a", G2: "b" });
});

test.each([
  ["a=b&c=d%20e+f", "a=b&c=d%20e+f"],
  ["x=';$(reboot)`\"|<>\n", "x=%27%3B%24%28reboot%29%60%22%7C%3C%3E%0A"],
  ["ä\ud800", "%C3%A4%EF%BF%BD"],
])("a query in a variable: %j", (query, expected) => {
  expect(queryVariable(query)).toBe(expected);
});
