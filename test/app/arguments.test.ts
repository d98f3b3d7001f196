import { expect, test } from "bun:test";
import { parseArguments, usage } from "../../src/arguments.ts";

test.each([
  [[], { kind: "run", file: "mediamtx.yml" }],
  [["conf.yml"], { kind: "run", file: "conf.yml" }],
  [["--check"], { kind: "check", file: "mediamtx.yml" }],
  [["--check", "conf.yml"], { kind: "check", file: "conf.yml" }],
  [["conf.yml", "--version"], { kind: "version" }],
  [["-h"], { kind: "help" }],
  [["--help", "--bogus"], { kind: "help" }],
  [["--bogus"], { kind: "wrong", reason: "unknown flag --bogus" }],
  [["a", "b"], { kind: "wrong", reason: "unexpected argument b" }],
] as const)("%j", (args, command) => {
  expect(parseArguments(args)).toEqual(command);
});

test("the usage names the version", () => {
  expect(usage("v1.0.3")).toContain("\nMediaMTX v1.0.3\n");
});
