import { expect, test } from "bun:test";
import { parseArguments, usage } from "../../src/server/arguments.ts";

test.each([
  [[], { kind: "run", file: undefined }],
  [["conf.yml"], { kind: "run", file: "conf.yml" }],
  [["--check"], { kind: "check", file: undefined }],
  [["--check", "conf.yml"], { kind: "check", file: "conf.yml" }],
  [["conf.yml", "--encrypt"], { kind: "encrypt", file: "conf.yml" }],
  [["--schema"], { kind: "schema" }],
  [["--check", "--encrypt"], { kind: "wrong", reason: "--check and --encrypt can't be combined" }],
  [["conf.yml", "--version"], { kind: "version" }],
  [["-h"], { kind: "help" }],
  [["--help", "--bogus"], { kind: "help" }],
  [["--bogus"], { kind: "wrong", reason: "unknown flag --bogus" }],
  [["a", "b"], { kind: "wrong", reason: "unexpected argument b" }],
] as const)("%j", (args, command) => {
  expect(parseArguments(args)).toEqual(command);
});

test("the usage names the version", () => {
  expect(usage("the product")).toContain("\nthe product\n");
});
