import { describe, expect, test } from "bun:test";
import { compilePathRegex } from "../../src/config/path-regex.ts";
import { ConfigError } from "../../src/lib/errors.ts";
import { cpuTime } from "../support/cpu-time.ts";

describe("an expression matches as RE2 does", () => {
  test.each<[string, string, readonly string[] | undefined]>([
    ["~^cam([0-9]+)$", "cam12", ["12"]],
    ["~^cam([0-9]+)$", "xcam12", undefined],
    ["~cam", "xcam12", []],
    ["~", "anything", []],
    ["~^(live/)?([^/]+)$", "a", ["", "a"]],
    ["~^(live/)?([^/]+)$", "live/a", ["live/", "a"]],
    ["~(?i)^CAM$", "cam", []],
    ["~(?i:^C)am$", "cam", []],
    ["~^(?P<site>\\w+)/(?P<cam>\\d+)$", "rome/7", ["rome", "7"]],
    ["~^(?<site>\\w+)$", "rome", ["rome"]],
    ["~\\Acam\\z", "cam", []],
    ["~\\Acam\\z", "cams", undefined],
    ["~^\\pL+$", "cam", []],
    ["~^\\p{Lu}+$", "cam", undefined],
    ["~^\\P{Lu}+$", "cam", []],
    ["~^[[:alpha:]]+[[:^digit:]]$", "cam-", []],
    ["~^\\Qa.b\\E$", "a.b", []],
    ["~^\\Qa.b\\E$", "axb", undefined],
    ["~(?U)(a+)", "aaa", ["a"]],
    ["~(a|ab)(c|bcd)", "abcd", ["a", "bcd"]],
    ["~^(?:(a)|b)*$", "ab", ["a"]],
    ["~^\\x{61}\\142$", "ab", []],
  ])("%s on %s", (key, name, groups) => {
    expect(compilePathRegex(key).groupsOf(name)).toEqual(groups);
  });
});

describe("what is not RE2 is refused by name", () => {
  test.each([
    ["~^(", "invalid regular expression: ^( (missing closing ): `^(`)"],
    ["~[", "invalid regular expression: [ (missing closing ]: `[`)"],
    ["~(a)\\1", "(RE2 has no backreferences such as \\1)"],
    ["~(?=a)", "(RE2 has no lookaround"],
    ["~(?!a)", "(RE2 has no lookaround"],
    ["~(?<=a)b", "(RE2 has no lookaround"],
    ["~a\\Z", "(RE2 has no \\Z: the end is \\z or $)"],
    ["~(?>a)", "(RE2 has no atomic groups"],
    ["~a++", "(RE2 has no atomic groups"],
    ["~(?z)a", "(invalid or unsupported Perl syntax: `(?z`)"],
    ["~(?P=n)", "(invalid or unsupported Perl syntax: `(?P`)"],
    ["~a**", "(invalid nested repetition operator: `**`)"],
    ["~a{1001}", "(invalid repeat count: `{1001}`)"],
    ["~((a{20}){20}){20}", "(invalid repeat count: `{20}`)"],
    ["~(?P<n>a)(?P<n>b)", "(duplicate capture group name: `n`)"],
    [`~${"a".repeat(1_025)}`, "(longer than 1024 characters)"],
    ["~^a{1000}[^b]{1000}$", "(too large: it has too many repetitions)"],
    ["~(?:.?){400}.{700}", "(too large: it has too many repetitions)"],
    [`~(((${"a".repeat(600)}){10}){10}){10}`, "(too large: it has too many repetitions)"],
    ["~(\\pL[[:alpha:]{9}]x){300}\\{9000}(\\x{61}b){300}", "(too large: it has too many repetitions)"],
    [`~${".?".repeat(500)}(a|b){500}`, "(too large: it has too many repetitions)"],
    ["~\\p{Nonsense}", "(invalid character class range: `\\p{Nonsense}`)"],
  ])("%s", (key, message) => {
    expect(() => compilePathRegex(key)).toThrow(ConfigError);
    expect(() => compilePathRegex(key)).toThrow(message);
  });
});

test.each(["a{255}", "([a-z]{1,64}/){2}[a-z]{1,64}", "([0-9a-f]{4}-){3}[0-9a-f]{12}"])(
  "%s is not too large",
  (expression) => {
    expect(compilePathRegex(`~^${expression}$`).groupsOf("")).toBeUndefined();
  },
);

test.each(["(a+)+$", "(a|a)*$", "(a|aa)+$", "((a*)*)*$", "(.*)*(.*)*(.*)*x", "(a?){100}a{100}$", "(a+a+)+$"])(
  "%s does not blow up on a name that nearly matches",
  (expression) => {
    const regex = compilePathRegex(`~^${expression}`);
    const ms = cpuTime(() => regex.groupsOf(`${"a".repeat(254)}-`));
    expect(ms).toBeLessThan(2_000);
  },
);
