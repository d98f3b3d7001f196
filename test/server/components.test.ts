import { expect, test } from "bun:test";
import { isDeepStrictEqual } from "node:util";
import { type Config, parseConfig } from "../../src/config/load.ts";
import { GLOBAL_ROWS } from "../../src/config/schema.ts";
import { COMPONENTS } from "../../src/server/components.ts";

/** Everything is switched on, so that every parameter matters. */
const BASE = parseConfig("api: yes\nmetrics: yes\npprof: yes\nencryption: optional\n");
/** Values of parameters that are words. */
const OTHER: Readonly<Record<string, unknown>> = {
  logLevel: "debug",
  encryption: "strict",
  hlsVariant: "fmp4",
};
/** Old names, which give their value to new ones. */
const WITHOUT_SLICE = new Set(["readBufferCount", "rtspDisable", "hlsDisable"]);

function otherValue(key: string, value: unknown): unknown {
  if (Object.hasOwn(OTHER, key)) return OTHER[key];
  if (typeof value === "boolean") return !value;
  if (typeof value === "number") return value * 2 + 1;
  if (Array.isArray(value)) return value.length === 0 ? ["10.0.0.0/8"] : value.slice(1);
  return `${String(value)}x`;
}

const KEYS = Object.entries(GLOBAL_ROWS).flatMap(([key, { available }]) =>
  available && !WITHOUT_SLICE.has(key) ? [key as keyof Config] : [],
);

test.each(KEYS)("a reload with another %s reaches a component", (key) => {
  const changed: Config = { ...BASE, [key]: otherValue(key, BASE[key]) };
  const touched = COMPONENTS.filter(({ slice }) => !isDeepStrictEqual(slice(BASE), slice(changed)));
  expect(touched.map(({ name }) => name)).not.toEqual([]);
});

test("a reload that changes nothing, or paths alone, restarts nothing", () => {
  const same = parseConfig("api: yes\nmetrics: yes\npprof: yes\nencryption: optional\n");
  const paths = parseConfig("api: yes\nmetrics: yes\npprof: yes\nencryption: optional\npaths: {a: }\n");
  for (const { name, slice } of COMPONENTS) {
    expect(isDeepStrictEqual(slice(BASE), slice(same))).toBe(true);
    expect(isDeepStrictEqual(slice(BASE), slice(paths))).toBe(name !== "paths");
  }
});
