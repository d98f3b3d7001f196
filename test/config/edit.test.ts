import { describe, expect, test } from "bun:test";
import { addPath, editPath, patchGlobal, removePath } from "../../src/config/edit.ts";
import { configToJson } from "../../src/config/json.ts";
import { resolveConfig } from "../../src/config/load.ts";
import { type ConfigSource, readSource } from "../../src/config/source.ts";
import { ConfigStore } from "../../src/config/store.ts";
import { parseTree } from "../../src/config/tree.ts";
import { ConfigError, NoEntryError } from "../../src/lib/errors.ts";

function sourceOf(text: string): ConfigSource {
  return readSource(parseTree(text));
}

describe("global parameters", () => {
  test("those that are named change, all others stay", () => {
    const before = sourceOf("readTimeout: 20s\npaths: {a: {maxReaders: 3}}");
    const { config } = patchGlobal(before, {
      logLevel: "debug",
      rtspTransports: ["tcp"],
      writeTimeout: "1m",
    });
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
    const { config } = patchGlobal(sourceOf("logLevel: warn"), {
      logLevel: null,
      nosuch: 1,
      paths: { b: {} },
    });
    expect(config.logLevel).toBe("warn");
    expect(config.paths.size).toBe(0);
  });

  test("lists are replaced; ICE servers in the old form join the list of the new one", () => {
    const one = patchGlobal(sourceOf("webrtcICEServers: ['turn:u:p:host:1']"), {
      webrtcICEServers: ["stun:b"],
    });
    expect(one.config.webrtcICEServers2.map(({ url }) => url)).toEqual([
      "stun:stun.l.google.com:19302",
      "turn:host:1",
      "stun:b",
    ]);
    const two = patchGlobal(one.source, { webrtcICEServers2: [{ url: "stun:c" }] });
    expect(two.config.webrtcICEServers2).toEqual([{ url: "stun:c", username: "", password: "" }]);
    expect(patchGlobal(two.source, { webrtcICEServers2: [] }).config.webrtcICEServers2).toEqual([]);
  });

  test("pathDefaults change what they name, for every path that does not say it itself", () => {
    const before = sourceOf("pathDefaults: {maxReaders: 5, runOnReady: x}\npaths: {a: {maxReaders: 3}, b: }");
    const { config } = patchGlobal(before, { pathDefaults: { maxReaders: 7 } });
    expect([...config.paths.values()].map(({ maxReaders, runOnReady }) => [maxReaders, runOnReady])).toEqual([
      [3, "x"],
      [7, "x"],
    ]);
    expect(configToJson(config)["pathDefaults"]).toEqual({ maxReaders: 7, runOnReady: "x" });
  });

  test.each([
    [{ readTimeout: 3 }, "json: cannot unmarshal number into Go value of type string (readTimeout is 3"],
    [{ readTimeout: "0s" }, "'readTimeout' must be greater than zero"],
    [{ pathDefaults: 3 }, "json: cannot unmarshal number into Go value of type conf.Path"],
    [{ logDestinations: {} }, "json: cannot unmarshal object into Go value of type []string"],
    [{ webrtcICEServers2: [[[[[[[[[[]]]]]]]]]] }, "json: nested too deeply"],
    [{ authMethod: "jwt" }, "authMethod cannot be 'jwt'"],
  ])("%j is refused", (patch, message) => {
    expect(() => patchGlobal(sourceOf(""), patch as never)).toThrow(ConfigError);
    expect(() => patchGlobal(sourceOf(""), patch as never)).toThrow(message);
  });
});

describe("entries of paths", () => {
  test("a new one comes last, a changed one keeps its place", () => {
    const before = sourceOf("paths: {b: , '~^x$': {maxReaders: 2}, a: }");
    const added = addPath(before, "~^y$", { maxReaders: 4, fallback: null, nosuch: [] });
    const { config } = editPath(added.source, "~^x$", { runOnDemand: "x" });
    expect([...config.paths.keys()]).toEqual(["b", "~^x$", "a", "~^y$"]);
    expect(config.paths.get("~^x$")).toMatchObject({ maxReaders: 2, runOnDemand: "x" });
    expect([...removePath(added.source, "b").config.paths.keys()]).toEqual(["~^x$", "a", "~^y$"]);
    expect(before.paths.size).toBe(3);
  });

  test("all_others is all", () => {
    const { source } = addPath(sourceOf(""), "all_others", {});
    expect(() => addPath(source, "all", {})).toThrow("path 'all' already exists");
    expect(editPath(source, "all", { maxReaders: 1 }).config.paths.get("all")?.maxReaders).toBe(1);
    expect(removePath(source, "all_others").config.paths.size).toBe(0);
  });

  test("a change of the globals checks entries again that were right before", () => {
    const { source } = addPath(sourceOf(""), "a", { readUser: "sha256:x", readPass: "sha256:y" });
    expect(() => patchGlobal(source, { authMethods: ["digest"] })).toThrow(
      "hashed credentials can't be used",
    );
    expect(() => patchGlobal(source, { externalAuthenticationURL: "http://x" })).toThrow(
      "credentials or IPs",
    );
    expect(() => patchGlobal(source, { pathDefaults: { source: "nobody" } })).toThrow("invalid source");
  });

  test("one of thousands leaves the others as they are", () => {
    const text = `paths: {${Array.from({ length: 2_000 }, (_, i) => `cam${i}: `).join(", ")}}`;
    const before = resolveConfig(sourceOf(text));
    const after = editPath(before.source, "cam7", { maxReaders: 1 });
    const same = [...before.config.paths].filter(([key, path]) => after.config.paths.get(key) === path);
    expect(same.length).toBe(1_999);
  });

  test("mistakes are refused by name, missing entries by class", () => {
    const source = sourceOf("paths: {a: }");
    expect(() => addPath(source, "a", {})).toThrow(ConfigError);
    expect(() => addPath(source, "", {})).toThrow("invalid path name '': cannot be empty");
    expect(() => addPath(source, "../a", {})).toThrow("invalid path name '../a'");
    expect(() => editPath(source, "a", { maxReaders: "x" })).toThrow("paths.a.maxReaders");
    expect(() => editPath(source, "a", { source: "nobody" })).toThrow("invalid source: 'nobody'");
    expect(() => editPath(source, "b", {})).toThrow(NoEntryError);
    expect(() => removePath(source, "__proto__")).toThrow(NoEntryError);
  });
});

test("the store keeps what an edit made, and nothing of one that failed", () => {
  const applied: string[] = [];
  const store = new ConfigStore(resolveConfig(sourceOf("")), ({ logLevel }) => applied.push(logLevel));
  store.edit((source) => patchGlobal(source, { logLevel: "debug" }));
  expect(() => store.edit((source) => patchGlobal(source, { logLevel: "loud" }))).toThrow(ConfigError);
  store.edit((source) => patchGlobal(source, { readTimeout: "1s" }));
  expect(applied).toEqual(["debug", "debug"]);
  expect(store.current.config).toMatchObject({ logLevel: "debug", readTimeout: 1_000 });
});
