import { expect, test } from "bun:test";
import { strayVariables } from "../../src/config/environment.ts";
import { configToText } from "../../src/config/json.ts";
import { loadConfig } from "../../src/config/load.ts";
import { ConfigError } from "../../src/lib/errors.ts";
import { SOURCES } from "../support/declared.ts";

type Variables = Readonly<Record<string, string>>;

function load(text: string, variables: Variables) {
  return loadConfig(text, variables, SOURCES).config;
}

test("values of every form", () => {
  const config = load("logLevel: error", {
    MTX_LOGLEVEL: "debug",
    MTX_API: "YES",
    MTX_RTSP: "false",
    MTX_WRITEQUEUESIZE: "1024",
    MTX_READTIMEOUT: "1m30s",
    MTX_HLSSEGMENTMAXSIZE: "20M",
    MTX_RTSPADDRESS: "127.0.0.1:8554",
    MTX_PROTOCOLS: "tcp,udp",
    MTX_WEBRTCICEHOSTNAT1TO1IPS: "a, b",
    MTX_HLSTRUSTEDPROXIES: "10.1.0.0/8,1.2.3.4",
    MTX_ENCRYPTION: "no",
    MTX_NOSUCHPARAMETER: "x",
    HOME: "/",
  });
  expect(config).toMatchObject({
    logLevel: "debug",
    api: true,
    rtsp: false,
    writeQueueSize: 1024,
    readTimeout: 90_000,
    hlsSegmentMaxSize: 20 * 1024 ** 2,
    rtspAddress: "127.0.0.1:8554",
    protocols: ["tcp", "udp"],
    webrtcICEHostNAT1To1IPs: ["a", " b"],
    hlsTrustedProxies: ["1.2.3.4", "10.0.0.0/8"],
    encryption: "no",
  });
});

test("MTX_ goes before RTSP_, that before the file; old names before new ones", () => {
  const variables = { RTSP_LOGFILE: "old", RTSP_SERVERKEY: "old", MTX_SERVERKEY: "new" };
  expect(load("logFile: file\nserverKey: file", variables)).toMatchObject({
    logFile: "old",
    serverKey: "new",
  });
  expect(load("", { MTX_RTSPSERVERKEY: "a" }).serverKey).toBe("a");
  expect(load("", { MTX_RTSPSERVERKEY: "a", MTX_SERVERKEY: "b" }).serverKey).toBe("b");
  expect(load("", { MTX_RTSPDISABLE: "yes" }).rtsp).toBe(false);
});

test("paths: named in capitals, made when they are not there, changed when they are", () => {
  const config = load("paths: {cam: {maxReaders: 3}, none: , Big: }", {
    MTX_PATHS_CAM_SOURCE: "rtsp://host/x",
    MTX_PATHS_CAM_SOURCEONDEMAND: "yes",
    MTX_PATHS_NONE_MAXREADERS: "5",
    MTX_PATHS_NEW_RPICAMERAFPS: "12.5",
    MTX_PATHS_NEW2: "",
    MTX_PATHS_ALL_READIPS: "10.0.0.1",
    MTX_PATHS_BIG_MAXREADERS: "1",
    MTX_PATHS_Small_MAXREADERS: "1",
    MTX_PATHS__MAXREADERS: "1",
    MTX_PATHS: "x",
    MTX_PATHS_UNKNOWN_PARAMETER_X: "1",
  });
  expect([...config.paths.keys()]).toEqual(["cam", "none", "Big", "all", "big", "new", "new2", "unknown"]);
  expect(config.paths.get("cam")).toMatchObject({
    source: "rtsp://host/x",
    sourceOnDemand: true,
    maxReaders: 3,
  });
  expect(config.paths.get("none")?.maxReaders).toBe(5);
  expect(config.paths.get("new")?.rpiCameraFPS).toBe(12.5);
  expect(config.paths.get("all")?.readIPs).toEqual(["10.0.0.1"]);
  expect(config.paths.get("Big")?.maxReaders).toBe(0);
});

test("all_others of the file is the all of the environment; pathDefaults are there too", () => {
  const config = load("paths: {all_others: {maxReaders: 2}, a: }", {
    MTX_PATHS_ALL_FALLBACK: "/x",
    MTX_PATHDEFAULTS_MAXREADERS: "7",
    MTX_PATHDEFAULTS_RTSPTRANSPORT: "tcp",
  });
  expect(config.paths.get("all")).toMatchObject({ maxReaders: 2, fallback: "/x", sourceProtocol: "tcp" });
  expect(config.paths.get("a")?.maxReaders).toBe(7);
});

test("without a file there is the path all, and what the environment adds", () => {
  const { config } = loadConfig(undefined, { MTX_PATHS_TEST_SOURCE: "rtsp://myurl" }, SOURCES);
  expect([...config.paths.keys()]).toEqual(["all", "test"]);
});

test("lists of servers: items join the list, an empty variable empties it", () => {
  const urls = (text: string, variables: Variables) =>
    load(text, variables).webrtcICEServers2.map(({ url, username, password }) => [url, username, password]);
  const two = {
    MTX_WEBRTCICESERVERS2_0_URL: "turn:a",
    MTX_WEBRTCICESERVERS2_0_USERNAME: "u",
    MTX_WEBRTCICESERVERS2_0_PASSWORD: "p",
    MTX_WEBRTCICESERVERS2_1_URL: "stun:b",
    MTX_WEBRTCICESERVERS2_3_URL: "stun:left-out",
  };
  expect(urls("webrtcICEServers2: [{url: 'stun:x'}]", two)).toEqual([
    ["stun:x", "", ""],
    ["turn:a", "u", "p"],
    ["stun:b", "", ""],
  ]);
  expect(urls("", two)[0]).toEqual(["stun:stun.l.google.com:19302", "", ""]);
  expect(urls("", { ...two, MTX_WEBRTCICESERVERS2: "" })).toEqual([]);
  expect(urls("webrtcICEServers2: []", { MTX_WEBRTCICESERVERS: "stun:a,stun:b" })).toEqual([
    ["stun:a", "", ""],
    ["stun:b", "", ""],
  ]);
});

test("an external authentication server by its newer names", () => {
  const address = { MTX_AUTHHTTPADDRESS: "http://a" };
  expect(load("", { MTX_AUTHMETHOD: "http", ...address }).externalAuthenticationURL).toBe("http://a");
  expect(load("", { MTX_AUTHMETHOD: "internal", ...address }).externalAuthenticationURL).toBe("");
});

test.each<[Variables, string]>([
  [{ MTX_API: "maybe" }, "MTX_API: invalid value 'maybe'"],
  [{ MTX_API: "" }, "MTX_API: invalid value ''"],
  [{ MTX_READTIMEOUT: "x" }, 'MTX_READTIMEOUT: time: invalid duration "x"'],
  [{ RTSP_READTIMEOUT: "1d" }, 'RTSP_READTIMEOUT: time: unknown unit "d" in duration "1d"'],
  [{ MTX_WRITEQUEUESIZE: "0x10" }, "MTX_WRITEQUEUESIZE: invalid value '0x10'"],
  [{ MTX_WRITEQUEUESIZE: "2147483648" }, "MTX_WRITEQUEUESIZE: invalid value '2147483648'"],
  [{ MTX_PATHS_A_RPICAMERAFPS: "fast" }, "MTX_PATHS_A_RPICAMERAFPS: invalid value 'fast'"],
  [{ MTX_PATHS_A_SOURCEPROTOCOL: "smoke" }, "MTX_PATHS_A_SOURCEPROTOCOL: invalid protocol 'smoke'"],
  [{ MTX_PROTOCOLS: "" }, "MTX_PROTOCOLS: invalid protocol: "],
  [{ MTX_PROTOCOLS: "tcp, udp" }, "MTX_PROTOCOLS: invalid protocol:  udp"],
  [{ MTX_HLSTRUSTEDPROXIES: "" }, "MTX_HLSTRUSTEDPROXIES: unable to parse IP/CIDR ''"],
  [{ MTX_LOGDESTINATIONS: "stdout,stdout" }, "MTX_LOGDESTINATIONS: log destination set twice"],
  [{ MTX_WEBRTCICESERVERS2_0_USERNAME: "u" }, "MTX_WEBRTCICESERVERS2: invalid ICE server: ''"],
  [{ MTX_WEBRTCICESERVERS: "x:y" }, "MTX_WEBRTCICESERVERS: invalid ICE server: 'x:…'"],
  [{ MTX_PATHS_A_READUSER: "ü" }, "MTX_PATHS_A_READUSER: credential contains unsupported characters"],
  [{ MTX_PATHS_A_SOURCE: "nope" }, "invalid source: 'nope' (paths.a)"],
  [{ "MTX_PATHS_A B_SOURCE": "nope" }, "invalid path name 'a b'"],
])("%j", (variables, message) => {
  expect(() => load("", variables)).toThrow(ConfigError);
  expect(() => load("", variables)).toThrow(message);
});

test("variables that stand for nothing are named", () => {
  const set = (names: string) => Object.fromEntries(names.split(" ").map((name) => [name, "x"]));
  const right =
    "MTX_API MTX_RTSPTRANSPORTS MTX_AUTHMETHOD MTX_PATHS_CAM MTX_PATHS_CAM_SOURCE MTX_PATHS_1_RTSPANYPORT " +
    "MTX_PATHDEFAULTS_SOURCE MTX_WEBRTCICESERVERS2 MTX_WEBRTCICESERVERS2_0_URL MTX_CONFKEY MTX_PATH MTX_CONN_TYPE " +
    "MTX_QUERY MTX_SOURCE_ID HOME RTSP_PORT";
  const wrong =
    "MTX_NOTHING MTX_PATHS_CAM_SOURCES MTX_PATHS_MY_CAM_SOURCE MTX_PATHS_cam_SOURCE MTX_PATHS_CAM_API " +
    "MTX_RTSP_ADDRESS MTX_SOURCE MTX_WEBRTCICESERVERS2_X_URL";
  expect(strayVariables(set(`${right} ${wrong}`))).toEqual(wrong.split(" ").sort());
});

test("no error repeats a secret", () => {
  for (const name of ["PUBLISHPASS", "SOURCE", "FALLBACK"]) {
    const variables = { [`MTX_PATHS_A_${name}`]: "nope://u:sup€rsecret@h" };
    expect(() => load("", variables)).toThrow(/^(?!.*sup€rsecret)/);
  }
});

test("no variable changes what the file says otherwise", () => {
  const text = "paths: {b: {readUser: u, readPass: p}, a: }\nwebrtcICEServers: ['stun:x']\n";
  expect(configToText(load(text, { RTSP_PORT: "8554", MTX_PATH: "x" }))).toEqual(
    configToText(load(text, {})),
  );
});
