import { describe, expect, test } from "bun:test";
import { addPath, editPath, patchGlobal, removePath } from "../../src/config/edit.ts";
import { configToText } from "../../src/config/json.ts";
import { type LoadedConfig, resolveConfig } from "../../src/config/load.ts";
import { type ConfigSource, readSource } from "../../src/config/source.ts";
import { ConfigStore } from "../../src/config/store.ts";
import { parseTree } from "../../src/config/tree.ts";
import { ConfigError, NoEntryError } from "../../src/lib/errors.ts";
import type { JsonObject } from "../../src/lib/registry.ts";
import { SOURCES } from "../support/declared.ts";

function sourceOf(text: string): ConfigSource {
  return readSource(parseTree(text));
}

function resolve(source: ConfigSource): LoadedConfig {
  return resolveConfig(source, SOURCES);
}

describe("global parameters", () => {
  test("those that are named change, all others stay", () => {
    const before = sourceOf("readTimeout: 20s\npaths: {a: {maxReaders: 3}}");
    const patch = { logLevel: "debug", rtspTransports: ["tcp"], writeTimeout: "1m" };
    const { config } = resolve(patchGlobal(before, patch));
    expect(config).toMatchObject({
      readTimeout: 20_000,
      logLevel: "debug",
      writeTimeout: 60_000,
      protocols: ["tcp"],
    });
    expect(config.paths.get("a")?.maxReaders).toBe(3);
    expect(before.globals).toEqual({ readTimeout: 20_000 });
  });

  test("null, unknown names and paths are passed over", () => {
    const patch = { logLevel: null, nosuch: 1, paths: { b: {} } };
    const { config } = resolve(patchGlobal(sourceOf("logLevel: warn"), patch));
    expect(config.logLevel).toBe("warn");
    expect(config.paths.size).toBe(0);
  });

  test("lists are replaced; ICE servers in the old form join the list of the new one", () => {
    const before = sourceOf("webrtcICEServers: ['turn:u:p:host:1']");
    const one = patchGlobal(before, { webrtcICEServers: ["stun:b"] });
    expect(resolve(one).config.webrtcICEServers2.map(({ url }) => url)).toEqual([
      "stun:stun.l.google.com:19302",
      "turn:host:1",
      "stun:b",
    ]);
    const two = patchGlobal(one, { webrtcICEServers2: [{ url: "stun:c" }] });
    expect(resolve(two).config.webrtcICEServers2).toEqual([{ url: "stun:c", username: "", password: "" }]);
    expect(resolve(patchGlobal(two, { webrtcICEServers2: [] })).config.webrtcICEServers2).toEqual([]);
  });

  test("pathDefaults change what they name, for every path that does not say it itself", () => {
    const before = sourceOf("pathDefaults: {maxReaders: 5, runOnReady: x}\npaths: {a: {maxReaders: 3}, b: }");
    const { config } = resolve(patchGlobal(before, { pathDefaults: { maxReaders: 7 } }));
    expect([...config.paths.values()].map(({ maxReaders, runOnReady }) => [maxReaders, runOnReady])).toEqual([
      [3, "x"],
      [7, "x"],
    ]);
    expect(JSON.parse(configToText(config)).pathDefaults).toEqual({ maxReaders: 7, runOnReady: "x" });
  });

  test.each([
    [{ readTimeout: 3 }, "json: cannot unmarshal number into Go value of type string (readTimeout is 3"],
    [{ readTimeout: "0s" }, "'readTimeout' must be greater than zero"],
    [{ pathDefaults: 3 }, "json: cannot unmarshal number into Go value of type conf.Path"],
    [{ logDestinations: {} }, "json: cannot unmarshal object into Go value of type []string"],
    [{ webrtcICEServers2: [[[[[[[[[[]]]]]]]]]] }, "json: nested too deeply"],
    [{ authMethod: "jwt" }, "authMethod cannot be 'jwt'"],
  ])("%j is refused", (patch, message) => {
    const edit = () => resolve(patchGlobal(sourceOf(""), patch as never));
    expect(edit).toThrow(ConfigError);
    expect(edit).toThrow(message);
  });
});

describe("entries of paths", () => {
  test("a new one comes last, a changed one keeps its place", () => {
    const before = sourceOf("paths: {b: , '~^x$': {maxReaders: 2}, a: }");
    const added = addPath(before, "~^y$", { maxReaders: 4, fallback: null, nosuch: [] });
    const { config } = resolve(editPath(added, "~^x$", { runOnDemand: "x" }));
    expect([...config.paths.keys()]).toEqual(["b", "~^x$", "a", "~^y$"]);
    expect(config.paths.get("~^x$")).toMatchObject({ maxReaders: 2, runOnDemand: "x" });
    expect([...removePath(added, "b").paths.keys()]).toEqual(["~^x$", "a", "~^y$"]);
    expect(before.paths.size).toBe(3);
  });

  test("all_others is all", () => {
    const source = addPath(sourceOf(""), "all_others", {});
    expect(() => addPath(source, "all", {})).toThrow("path 'all' already exists");
    expect(editPath(source, "all", { maxReaders: 1 }).paths.get("all")?.maxReaders).toBe(1);
    expect(removePath(source, "all_others").paths.size).toBe(0);
  });

  test("a change of the globals checks entries again that were right before", () => {
    const { source } = resolve(addPath(sourceOf(""), "a", { readUser: "sha256:x", readPass: "sha256:y" }));
    const patched = (patch: JsonObject) => () => resolve(patchGlobal(source, patch));
    expect(patched({ authMethods: ["digest"] })).toThrow("hashed credentials can't be used");
    expect(patched({ externalAuthenticationURL: "http://x" })).toThrow("credentials or IPs");
    expect(patched({ pathDefaults: { source: "nobody" } })).toThrow("invalid source");
  });

  test("one of thousands leaves the others as they are", () => {
    const text = `paths: {${Array.from({ length: 2_000 }, (_, i) => `cam${i}: `).join(", ")}}`;
    const before = resolve(sourceOf(text));
    const after = resolve(editPath(before.source, "cam7", { maxReaders: 1 }));
    const same = [...before.config.paths].filter(([key, path]) => after.config.paths.get(key) === path);
    expect(same.length).toBe(1_999);
  });

  test("mistakes are refused by name, missing entries by class", () => {
    const source = sourceOf("paths: {a: }");
    expect(() => addPath(source, "a", {})).toThrow(ConfigError);
    expect(() => resolve(addPath(source, "", {}))).toThrow("invalid path name '': cannot be empty");
    expect(() => resolve(addPath(source, "../a", {}))).toThrow("invalid path name '../a'");
    expect(() => editPath(source, "a", { maxReaders: "x" })).toThrow("paths.a.maxReaders");
    expect(() => resolve(editPath(source, "a", { source: "nobody" }))).toThrow("invalid source: 'nobody'");
    expect(() => editPath(source, "b", {})).toThrow(NoEntryError);
    expect(() => removePath(source, "__proto__")).toThrow(NoEntryError);
  });
});

test("the store keeps what an edit made, and nothing of one that failed", () => {
  const applied: string[] = [];
  const store = new ConfigStore(resolve(sourceOf("")), {
    schemes: SOURCES,
    apply: ({ logLevel }) => applied.push(logLevel),
  });
  store.edit((source) => patchGlobal(source, { logLevel: "debug" }));
  expect(() => store.edit((source) => patchGlobal(source, { logLevel: "loud" }))).toThrow(ConfigError);
  expect(() => store.edit((source) => addPath(source, "a", { source: "nobody" }))).toThrow("invalid source");
  store.edit((source) => patchGlobal(source, { readTimeout: "1s" }));
  expect(applied).toEqual(["debug", "debug"]);
  expect(store.current.config).toMatchObject({ logLevel: "debug", readTimeout: 1_000 });
});
