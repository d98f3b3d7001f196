import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadFile } from "../../src/server/config-file.ts";
import { SOURCES } from "../support/declared.ts";

/** The lines about a file, without its folder. */
function mistakesOf(text: string, environment: Readonly<Record<string, string>> = {}): string[] {
  const folder = mkdtempSync(join(tmpdir(), "mistakes-"));
  const path = join(folder, "a.yml");
  try {
    writeFileSync(path, text);
    loadFile({ path, exists: true }, environment, SOURCES);
    return [];
  } catch (error) {
    return (error as Error).message.replaceAll(`${folder}/`, "").split("\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("all mistakes are told at once, in the order of the file, each with its position", () => {
  const text = `
paths:
  cam:
    source: rtsp://h/x
    maxReader: 3
    runOnDemand: x
  3:
  /a:
  b: 7
  c: {source: rpiCamera, publishUser: u}
  d: {source: rpiCamera}
lgoLevel: info
readTimeout: 10
logDestinations: [stdout,
  printer]
writeQueueSize: 500
rtspTransports: [udp]
encryption: strict
webrtcICEServers2: [{url: 'stun:x'}, {urll: x}]
`;
  expect(mistakesOf(text, { MTX_API: "maybe" })).toEqual([
    `json: unknown field "maxReader" in paths.cam (did you mean 'maxReaders'?) at a.yml:5:5`,
    "'runOnDemand' can be used only when source is 'publisher' (paths.cam) at a.yml:6:5",
    "integer keys are not supported (3) at a.yml:7:3",
    "invalid path name '/a': can't begin with a slash at a.yml:8:3",
    "json: cannot unmarshal number into Go value of type conf.Path (paths.b takes parameters) at a.yml:9:3",
    "read username and password must be both filled (paths.c) at a.yml:10:26",
    expect.stringMatching(/^'publishUser' is useless when source is not .* at a\.yml:10:26$/),
    "'rpiCamera' with same camera ID 0 is used as source in two paths, 'c' and 'd' at a.yml:11:7",
    `json: unknown field "lgoLevel" (did you mean 'logLevel'?) at a.yml:12:1`,
    expect.stringMatching(/^json: cannot unmarshal number .*takes a duration.* at a\.yml:13:14$/),
    expect.stringMatching(/^invalid log destination: printer .* at a\.yml:15:3$/),
    "'writeQueueSize' must be a power of two (it is 500) at a.yml:16:1",
    "strict encryption can't be used with the UDP transport protocol at a.yml:18:1",
    expect.stringMatching(/^json: unknown field "urll" .* at a\.yml:19:38$/),
    "MTX_API: invalid value 'maybe' (takes yes, no, true or false)",
  ]);
});

test("what follows from a mistake is not told", () => {
  expect(mistakesOf("paths: {a: {sourc: 'rtsp://h', sourceOnDemand: yes}}")).toEqual([
    `json: unknown field "sourc" in paths.a (did you mean 'source'?) at a.yml:1:13`,
  ]);
  expect(mistakesOf("encryption: strict\nprotocols: [smoke]\n")).toHaveLength(1);
  expect(mistakesOf("pathDefaults: {source: 3}\npaths: {a: {sourceOnDemand: yes}}\n")).toHaveLength(1);
});

test("a text that is no YAML: every place the parser minds", () => {
  expect(mistakesOf("api: yes\npaths: [\n")[0]).toMatch(/^yaml: line \d+: .* at a\.yml:\d+:\d+$/);
  expect(mistakesOf("a: {b\nc: }d\n\te: f\n").length).toBeGreaterThan(1);
});

test("merged and aliased entries are shown where they stand; a repeated key where it counts", () => {
  const text = "paths:\n  a: &a {maxReaders: -1}\n  b: *a\n  c: {<<: *a}\nlogLevel: info\nlogLevel: loud\n";
  expect(mistakesOf(text)).toEqual([
    "'maxReaders' must not be negative (it is -1) (paths.a) at a.yml:2:10",
    "'maxReaders' must not be negative (it is -1) (paths.b) at a.yml:2:10",
    "'maxReaders' must not be negative (it is -1) (paths.c) at a.yml:4:3",
    expect.stringMatching(/^invalid log level: 'loud' .* at a\.yml:6:11$/),
  ]);
});

test("many mistakes are not all shown", () => {
  const text = Array.from({ length: 3_000 }, (_, i) => `zzzzzzz${i}: 1`).join("\n");
  const lines = mistakesOf(text);
  expect(lines).toHaveLength(21);
  expect(lines.at(-1)).toBe("and 2980 more mistakes");
  expect(mistakesOf(text.split("\n").slice(0, 21).join("\n")).at(-1)).toBe("and 1 more mistake");
});
