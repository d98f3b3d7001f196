import { expect, test } from "bun:test";
import { isDeepStrictEqual } from "node:util";
import type { Config } from "../../src/config/load.ts";
import { GLOBAL_ROWS } from "../../src/config/schema.ts";
import { PARTS } from "../../src/server/components.ts";
import { componentsOf, declaredBy } from "../../src/server/parts.ts";
import { parseConfig } from "../support/config.ts";

const COMPONENTS = componentsOf(PARTS);
/** Everything is switched on, so that every parameter matters. */
const BASE = parseConfig(
  "api: yes\nmetrics: yes\npprof: yes\nencryption: optional\nrtmpEncryption: optional\n",
);
/** Values of parameters that are words. */
const OTHER: Readonly<Record<string, unknown>> = {
  logLevel: "debug",
  encryption: "strict",
  rtmpEncryption: "strict",
  hlsVariant: "fmp4",
};
/** Old names, which give their value to new ones. */
const WITHOUT_SLICE = new Set(["readBufferCount", "rtspDisable", "rtmpDisable", "hlsDisable"]);

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
  const same = parseConfig(
    "api: yes\nmetrics: yes\npprof: yes\nencryption: optional\nrtmpEncryption: optional\n",
  );
  const paths = parseConfig(
    "api: yes\nmetrics: yes\npprof: yes\nencryption: optional\nrtmpEncryption: optional\npaths: {a: }\n",
  );
  for (const { name, slice } of COMPONENTS) {
    expect(isDeepStrictEqual(slice(BASE), slice(same))).toBe(true);
    expect(isDeepStrictEqual(slice(BASE), slice(paths))).toBe(name !== "paths");
  }
});

test("a component needs what starts before it", () => {
  const names = COMPONENTS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const [i, { needs }] of COMPONENTS.entries()) {
    for (const need of needs) expect(names.slice(0, i)).toContain(need);
  }
});

test("API and metrics show paths and HLS first, as v1.0.3 does", () => {
  const { resources, sections } = declaredBy(PARTS);
  expect(resources.slice(0, 2).map(({ name }) => name)).toEqual(["paths", "hlsmuxers"]);
  expect(sections.slice(0, 2).map(({ prefix }) => prefix)).toEqual(["paths", "hls_muxers"]);
});

test("what is declared has a name of its own; a schema that several share is the same for all", () => {
  const { resources, sections } = declaredBy(PARTS);
  const lists = resources.map(({ name }) => name);
  const prefixes = sections.map(({ prefix }) => prefix);
  const schemes = PARTS.flatMap((part) => ("sources" in part ? part.sources : [])).flatMap(
    (source) => source.schemes,
  );
  for (const names of [lists, prefixes, schemes]) expect(names.length).toBe(new Set(names).size);
  for (const { registry } of sections) expect(lists).toContain(registry);
  const shapes: object = Object.assign({}, ...resources.map(({ schemas }) => schemas));
  for (const { schema, schemas } of resources) {
    expect(Object.keys(schemas)).toContain(schema);
    expect(shapes).toMatchObject(schemas);
  }
});
