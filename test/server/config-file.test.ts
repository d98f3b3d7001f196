import { expect, test } from "bun:test";
import { loadFile, locateConfig, missingFile } from "../../src/server/config-file.ts";
import { SOURCES } from "../support/declared.ts";

const LEGACY = "rtsp-simple-server.yml";
const SYSTEM = "/etc/mediamtx/mediamtx.yml";

test.each<[string | undefined, string[], string, boolean]>([
  [undefined, [], "mediamtx.yml", false],
  [undefined, ["mediamtx.yml", SYSTEM], "mediamtx.yml", true],
  [undefined, ["mediamtx.yml", LEGACY], LEGACY, true],
  [undefined, [SYSTEM, "/usr/local/etc/mediamtx.yml"], "/usr/local/etc/mediamtx.yml", true],
  [undefined, [SYSTEM], SYSTEM, true],
  ["mediamtx.yml", [LEGACY], LEGACY, true],
  ["mediamtx.yml", [SYSTEM], "mediamtx.yml", false],
  [LEGACY, [], LEGACY, false],
  ["./mediamtx.yml", [LEGACY], "./mediamtx.yml", true],
  ["other.yml", [LEGACY, SYSTEM], "other.yml", true],
])("asked for %s with %j", (asked, files, path, exists) => {
  expect(locateConfig(asked, (file) => files.includes(file))).toMatchObject({ path, exists });
});

test("without a file, one line says that anybody may publish, unless the environment forbids it", () => {
  const lineOf = (environment: Readonly<Record<string, string>>) =>
    missingFile(loadFile({ path: "none.yml", exists: false }, environment, SOURCES).config);
  const head = "configuration file not found, using an empty configuration";
  expect(lineOf({})).toBe(`${head}: anybody may publish to any path, and read it`);
  expect(lineOf({ MTX_PATHS_ALL_PUBLISHUSER: "u", MTX_PATHS_ALL_PUBLISHPASS: "p" })).toBe(head);
});
