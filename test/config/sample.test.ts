import { expect, test } from "bun:test";
import { PATH_ROWS } from "../../src/config/path-schema.ts";
import { GLOBAL_ROWS } from "../../src/config/schema.ts";
import { defaultConfig, parseConfig } from "../support/config.ts";

const GLOBALS = Object.keys(GLOBAL_ROWS);
const PATHS = Object.keys(PATH_ROWS);

async function readText(name: string): Promise<string> {
  return await Bun.file(new URL(`../../${name}`, import.meta.url)).text();
}

test("the sample file is the default configuration", async () => {
  expect(parseConfig(await readText("mediamtx.yml"))).toEqual(defaultConfig());
});

test("the sample file lists every parameter once, each under a comment", async () => {
  const lines = (await readText("mediamtx.yml")).split("\n");
  const keysAt = (indent: string) =>
    lines.flatMap((line, i) => {
      const key = new RegExp(`^${indent}([A-Za-z]\\w*):`).exec(line)?.[1];
      if (key === undefined || key === "username" || key === "password") return [];
      if (key !== "all") expect(lines[i - 1]).toMatch(/^ *# \S/);
      return key;
    });
  expect(keysAt("")).toEqual([...GLOBALS, "pathDefaults", "paths"]);
  expect(keysAt(" {4}")).toEqual(PATHS);
});

test("the documentation has a row for every parameter, and says what works", async () => {
  const [globals = "", paths = ""] = (await readText("docs/configuration.md")).split(
    "## Parameters of a path",
  );
  const rowsOf = (text: string) =>
    [...text.matchAll(/^\| `(\w+)` \| (.*) \| (.*) \| (.*) \| (.*) \|$/gm)].map(
      ([, key, kind, , works, meaning]) => ({
        key,
        kind,
        works: works !== "not yet",
        meaning,
      }),
    );
  const expected = (
    rows: Readonly<Record<string, { kind: { label: string }; available: boolean; meaning: string }>>,
  ) =>
    Object.entries(rows).map(([key, { kind, available, meaning }]) => ({
      key,
      kind: kind.label,
      works: available,
      meaning,
    }));
  expect(rowsOf(globals)).toEqual(expected(GLOBAL_ROWS));
  expect(rowsOf(paths)).toEqual(expected(PATH_ROWS));
});
