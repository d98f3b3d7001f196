import { expect, test } from "bun:test";
import Ajv from "ajv";
import { parse } from "yaml";
import { configJsonSchema } from "../../src/config/json-schema.ts";
import { parseConfig } from "../support/config.ts";

const schema = configJsonSchema();
const ajv = new Ajv({ allErrors: true, allowUnionTypes: true, strict: true });
const validate = ajv.compile(schema);

/** Places that the schema finds fault with; editors read YAML 1.2, the server reads 1.1. */
function faults(text: string, version: "1.1" | "1.2" = "1.1"): string[] {
  validate(parse(text, { version, logLevel: "silent" }));
  return (validate.errors ?? []).map(({ instancePath, message = "" }) => `${instancePath} ${message}`);
}

test("it is a right schema of draft 7", () => {
  expect(ajv.validateSchema(schema)).toBe(true);
});

test("the sample is right for editors of both versions of YAML", async () => {
  const text = await Bun.file(new URL("../../mediamtx.yml", import.meta.url)).text();
  expect(faults(text, "1.1")).toEqual([]);
  expect(faults(text, "1.2")).toEqual([]);
});

test.each([
  "",
  "logLevel: debug\nlogDestinations: [stdout, file]\nreadTimeout: 1m30.5s\nhlsSegmentMaxSize: 1.5GiB\n",
  "rtspTransports: [tcp]\nrtspEncryption: 'strict'\nhlsAllowOrigins: ['*']\nauthMethod: internal\n",
  "api: on\napiAddress: '[::1]:9997'\nrtspDisable: no\nlogFile:\nprotocols:\n",
  "pathDefaults: {maxReaders: 1}\npaths: {all_others: , a/b: {readUser: 'sha256:x=', readPass: p}, '~^x$': {source: publisher}}\n",
  "webrtcICEServers2: [{url: 'turn:a', username: u}]\nwebrtcICEServers: []\nhlsTrustedProxies: [10.0.0.0/8]\n",
  "paths:\n",
])("what the server takes, it takes: %j", (text) => {
  parseConfig(text);
  expect(faults(text)).toEqual([]);
});

test.each([
  ["lgoLevel: info", " must NOT have additional properties"],
  ["logLevel: loud", "/logLevel must be equal to one of the allowed values"],
  ["logLevel:", "/logLevel must be equal to one of the allowed values"],
  ["logDestinations: [printer]", "/logDestinations/0 must be equal to one of the allowed values"],
  ["logDestinations: [stdout, stdout]", "/logDestinations must NOT have duplicate items"],
  ["readTimeout: 10", "/readTimeout must be string"],
  ["readTimeout: '10'", "/readTimeout must match pattern"],
  ["readTimeout: 1d", "/readTimeout must match pattern"],
  ["mediaMemory: '64'", "/mediaMemory must match pattern"],
  ["api: 'maybe'", "/api must be equal to one of the allowed values"],
  ["writeQueueSize: many", "/writeQueueSize must be integer"],
  ["writeQueueSize: 1.5", "/writeQueueSize must be integer"],
  ["apiAddress: '9997'", "/apiAddress must match pattern"],
  ["encryption: no", "/encryption must be equal to one of the allowed values"],
  ["webrtcICEServers2: [{url: 'http://x'}]", "/webrtcICEServers2/0/url must match pattern"],
  ["webrtcICEServers2: [{}]", "/webrtcICEServers2/0 must have required property 'url'"],
  ["hlsAllowOrigins: [a, b]", "/hlsAllowOrigins must NOT have more than 1 items"],
  ["paths: {a b: }", "/paths property name must be valid"],
  ["paths: {cam: {maxReader: 3}}", "/paths/cam must NOT have additional properties"],
  ["paths: {cam: {maxReaders: x}}", "/paths/cam/maxReaders must be integer"],
  ["paths: {cam: {readPass: ü}}", "/paths/cam/readPass must match pattern"],
  ["pathDefaults: {rtspRangeType: miles}", "/pathDefaults/rtspRangeType must be equal to one"],
])("what the server refuses, it refuses: %s", (text, fault) => {
  expect(() => parseConfig(text)).toThrow();
  expect(faults(text).join("\n")).toContain(fault);
});
