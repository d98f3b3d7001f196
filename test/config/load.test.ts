import { describe, expect, test } from "bun:test";
import { configToText, pathConfigToJson } from "../../src/config/json.ts";
import { ConfigError } from "../../src/lib/errors.ts";
import { defaultConfig, parseConfig } from "../support/config.ts";
import { SOURCES } from "../support/declared.ts";

describe("what a file sets", () => {
  test("nothing: every default, and no path", () => {
    const { paths, ...rest } = parseConfig("");
    const { paths: _, ...defaults } = defaultConfig();
    expect(rest).toEqual(defaults);
    expect(paths.size).toBe(0);
    expect(parseConfig("paths:\n").paths.size).toBe(0);
  });

  test("durations are in ms, sizes in bytes, names in any letter case", () => {
    const config = parseConfig("READTIMEOUT: 1m30s\nmediaMemory: 64M\nApi: yes\n");
    expect(config).toMatchObject({ readTimeout: 90_000, mediaMemory: 64 * 1024 ** 2, api: true });
  });

  test("the last of a repeated key counts", () => {
    expect(parseConfig("logLevel: debug\nLogLevel: error\napi: no\napi: yes")).toMatchObject({
      logLevel: "error",
      api: true,
    });
    expect(parseConfig("paths: {a: }\nPaths: {b: }").paths.has("a")).toBe(false);
  });

  test("null keeps a default, empties a list or a credential", () => {
    const config = parseConfig(
      "logFile:\napi: ~\nprotocols:\npaths: {a: {readIPs: , publishUser: , maxReaders: }}",
    );
    expect(config).toMatchObject({ logFile: "mediamtx.log", api: false, protocols: [] });
    expect(config.paths.get("a")).toMatchObject({ readIPs: [], publishUser: "", maxReaders: 0 });
  });

  test("paths keep the order of the file, numbers included", () => {
    const config = parseConfig("paths: {b: , '2': , all: , a: , '1': , __proto__: }");
    expect([...config.paths.keys()]).toEqual(["b", "2", "all", "a", "1", "__proto__"]);
    expect(config.paths.get("b")).toEqual(defaultConfig().paths.get("all"));
  });

  test("YAML 1.1: booleans, octal and merge keys; times and dates stay text", () => {
    const config = parseConfig(
      "api: on\nmetrics: off\nmulticastRTPPort: 017500\nlogFile: 2001-12-14\nrunOnConnect: 10:20\n" +
        "paths:\n  a: &a {maxReaders: 1, fallback: /x}\n  b: {<<: *a, maxReaders: 2}\n  c: {<<: [*a, {maxReaders: 3}]}\n  d: *a",
    );
    expect(config).toMatchObject({
      api: true,
      metrics: false,
      multicastRTPPort: 8000,
      logFile: "2001-12-14",
    });
    expect(config.runOnConnect).toBe("10:20");
    const readers = [...config.paths.values()].map(({ maxReaders, fallback }) => [maxReaders, fallback]);
    expect(readers).toEqual([
      [1, "/x"],
      [2, "/x"],
      [1, "/x"],
      [1, "/x"],
    ]);
  });

  test("only the first document of a file counts", () => {
    expect(parseConfig("api: yes\n---\napi: no\n").api).toBe(true);
  });

  test("sets of words are sorted, IP ranges get their normal form", () => {
    const config = parseConfig(
      "rtspTransports: [udp, tcp, udp]\nhlsTrustedProxies: [10.1.2.3/8, '::FFFF:0', 1.2.3.4]",
    );
    expect(config.protocols).toEqual(["tcp", "udp"]);
    expect(config.hlsTrustedProxies).toEqual(["1.2.3.4", "10.0.0.0/8", "::ffff:0"]);
  });
});

describe("old names", () => {
  test("give their value to the new ones", () => {
    const config = parseConfig(
      "readBufferCount: 1024\nrtspDisable: yes\nrtmpDisable: yes\nhlsDisable: yes\nwebrtcDisable: yes\n" +
        "paths: {all_others: {disablePublisherOverride: yes}}",
    );
    expect(config).toMatchObject({
      writeQueueSize: 1024,
      rtsp: false,
      rtmp: false,
      hls: false,
      webrtc: false,
    });
    expect(config.paths.get("all")?.overridePublisher).toBe(false);
  });

  test("and those of v1.20.1 are taken, with their forms", () => {
    const config = parseConfig(
      "rtspTransports: [tcp]\nrtspEncryption: strict\nrtspServerKey: k\nrtspServerCert: c\nrtspAuthMethods: [digest]\n" +
        "hlsAllowOrigins: [https://a.example]\nwebrtcAllowOrigins: []\nwebrtcLocalUDPAddress: ':1'\n" +
        "webrtcLocalTCPAddress: ':2'\nwebrtcAdditionalHosts: [a.example]\n" +
        "paths: {a: {rtspTransport: udp, rtspAnyPort: yes, runOnAvailable: x, runOnAvailableRestart: yes, " +
        "rpiCameraH264Profile: high, rpiCameraH264Level: '4.2'}}",
    );
    expect(config).toMatchObject({
      protocols: ["tcp"],
      encryption: "strict",
      serverKey: "k",
      serverCert: "c",
      authMethods: ["digest"],
      hlsAllowOrigin: "https://a.example",
      webrtcAllowOrigin: "",
      webrtcICEUDPMuxAddress: ":1",
      webrtcICETCPMuxAddress: ":2",
      webrtcICEHostNAT1To1IPs: ["a.example"],
    });
    expect(config.paths.get("a")).toMatchObject({
      sourceProtocol: "udp",
      sourceAnyPortEnable: true,
      runOnReady: "x",
      runOnReadyRestart: true,
      rpiCameraProfile: "high",
      rpiCameraLevel: "4.2",
    });
  });

  test("authMethod of v1.20.1 says whether the URL counts", () => {
    const url = (method: string) =>
      parseConfig(`authMethod: ${method}\nauthHTTPAddress: http://a/b`).externalAuthenticationURL;
    expect(url("http")).toBe("http://a/b");
    expect(url("internal")).toBe("");
    expect(() => url("jwt")).toThrow("authMethod cannot be 'jwt'");
  });

  test("two names of one parameter are a contradiction", () => {
    expect(() => parseConfig("rtspTransports: [tcp]\nprotocols: [tcp]")).toThrow(
      "'protocols' and 'rtspTransports' are the same parameter",
    );
  });

  test("ICE servers in one string join the list", () => {
    const config = parseConfig(
      "webrtcICEServers: ['turn:u:p:host:3478', 'stun:host']\nwebrtcICEServers2: []",
    );
    expect(config.webrtcICEServers).toEqual([]);
    expect(config.webrtcICEServers2).toEqual([
      { url: "turn:host:3478", username: "u", password: "p" },
      { url: "stun:host", username: "", password: "" },
    ]);
  });
});

test("pathDefaults are the defaults of every path", () => {
  const config = parseConfig(
    "pathDefaults: {maxReaders: 4, sourceOnDemandCloseAfter: 1s, overridePublisher: no}\n" +
      "paths: {a: , b: {maxReaders: 0, overridePublisher: yes}}",
  );
  expect(config.paths.get("a")).toMatchObject({ maxReaders: 4, sourceOnDemandCloseAfter: 1_000 });
  expect(config.paths.get("a")?.overridePublisher).toBe(false);
  expect(config.paths.get("b")).toMatchObject({ maxReaders: 0, overridePublisher: true });
  expect(() => parseConfig("pathDefaults: {maxReaders: x}")).toThrow("pathDefaults.maxReaders");
});

describe("what has no effect yet is named", () => {
  test("when it is set to other than the default", () => {
    const config = parseConfig(
      "hlsSegmentCount: 7\nsrtAddress: ':1'\nlogDestinations: [stdout, syslog]\nprotocols: [tcp]\nrtmp: no\n" +
        "hlsDisable: yes\npprof: yes\nwriteQueueSize: 64\nauthMethods: [basic]",
    );
    expect(config.unavailable).toEqual(["srtAddress"]);
  });

  test("but no camera parameter of a path without a camera", () => {
    expect(parseConfig("paths: {a: {rpiCameraAWB: auto}}").unavailable).toEqual([]);
    expect(parseConfig("paths: {a: {source: rpiCamera, rpiCameraAWB: auto}}").unavailable).toEqual([
      "paths.a.source: rpiCamera",
      "paths.a.rpiCameraAWB",
    ]);
  });

  test.each(["srt://h:1", "whep://h/y"])("a source that cannot be fetched: %s", (source) => {
    const [scheme] = source.split(":");
    expect(parseConfig(`paths: {a: {source: '${source}'}}`, SOURCES).unavailable).toEqual([
      `paths.a.source: ${scheme}`,
    ]);
  });

  test.each(["rtsps://h/y", "rtmp://h/y", "https://h/y", "udp://h:1", "publisher"])(
    "none of %s",
    (source) => {
      expect(parseConfig(`paths: {a: {source: '${source}'}}`, SOURCES).unavailable).toEqual([]);
    },
  );

  test("once for all paths, without the secrets of a source", () => {
    const config = parseConfig(
      "paths: {a: {source: 'whep://u:secret@h/x'}, b: {source: 'whep://h/y', maxReaders: 3}, '~^c': }",
      SOURCES,
    );
    expect(config.unavailable).toEqual(["paths.a.source: whep (and 1 more)"]);
  });
});

describe("JSON of the API", () => {
  test("has every parameter in order, Go's durations, and paths by name", () => {
    const json = JSON.parse(
      configToText(parseConfig("readTimeout: 1m\nhlsSegmentMaxSize: 1.5G\npaths: {b: , all: }")),
    );
    expect(Object.keys(json).slice(0, 4)).toEqual([
      "logLevel",
      "logDestinations",
      "logFile",
      "logStructured",
    ]);
    expect(Object.keys(json).at(-1)).toBe("paths");
    expect(json).toMatchObject({ readTimeout: "1m0s", hlsSegmentMaxSize: "1.5G", webrtcICEServers: null });
    const { protocols, webrtcICEServers2, paths } = json;
    expect(protocols).toEqual(["multicast", "tcp", "udp"]);
    expect(webrtcICEServers2).toEqual([{ url: "stun:stun.l.google.com:19302", username: "", password: "" }]);
    expect(Object.keys(paths ?? {})).toEqual(["all", "b"]);
  });

  test("of a path stands alone too", () => {
    const path = parseConfig("paths: {a: {readIPs: [10.0.0.1/8]}}").paths.get("a");
    const json = path === undefined ? {} : pathConfigToJson(path);
    expect(json).toMatchObject({
      source: "publisher",
      readIPs: ["10.0.0.0/8"],
      sourceOnDemandCloseAfter: "10s",
    });
    expect(Object.keys(json).at(-1)).toBe("runOnUnread");
  });
});

test.each([
  ["tree", "yaml: nested too deeply", `a: ${"[".repeat(40)}${"]".repeat(40)}`],
  ["very deep tree", "yaml: nested too deeply", "[".repeat(100_000)],
  ["very deep block", "yaml: nested too deeply", "- ".repeat(100_000)],
  ["self reference", "yaml: anchor 'a' value contains itself", "api: &a [*a]"],
  ["unknown anchor", "yaml: anchor 'nothing' is unknown", "api: *nothing"],
  ["endless text", "longer than 1048576 characters", " ".repeat(1024 * 1024 + 1)],
  ["merge of a number", "yaml: map merge requires", "<<: 3"],
  ["infinity", "json: unsupported value", "api: .inf"],
  ["bad syntax", "yaml: line 2: ", "api: yes\nrtsp: yes: no\n"],
])("%s: a clean error", (_, message, text) => {
  expect(() => parseConfig(text)).toThrow(ConfigError);
  expect(() => parseConfig(text)).toThrow(message);
});

test("aliases of aliases cost no more than their text", () => {
  const levels = Array.from({ length: 30 }, (_, i) => `x${i + 1}: &x${i + 1} [${`*x${i},`.repeat(9)}]`);
  expect(() => parseConfig(`x0: &x0 [a]\n${levels.join("\n")}`)).toThrow('json: unknown field "x0"');
});

test("merge keys that copy without end are refused", () => {
  const keys = Array.from({ length: 2_000 }, (_, i) => `k${i}: 1`).join(", ");
  expect(() => parseConfig(`a: &a {${keys}}\nb:\n  <<: [${"*a, ".repeat(1_000)}]`)).toThrow(
    "expand to too much data",
  );
}, 30_000);
