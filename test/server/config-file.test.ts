import { expect, test } from "bun:test";
import { locateConfig } from "../../src/server/config-file.ts";

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
