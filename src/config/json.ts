import type { JsonObject } from "../lib/registry.ts";
import type { Config, PathConfig } from "./load.ts";
import { PATH_ROWS } from "./path-schema.ts";
import { type Rows, toJson, type Values } from "./row.ts";
import { GLOBAL_ROWS } from "./schema.ts";

/**
 * The configuration as the API shows it: every parameter in the order of the schema, then paths by name. The section
 * `pathDefaults` stands before them when it sets anything; it shows what it sets.
 */
export function configToJson(config: Config): JsonObject {
  const names = [...config.paths.keys()].sort();
  const paths = names.map((name) => [name, pathConfigToJson(config.paths.get(name) as PathConfig)] as const);
  const { pathDefaults } = config;
  return {
    ...toJson(GLOBAL_ROWS, config),
    ...(Object.keys(pathDefaults).length > 0 && { pathDefaults: partToJson(PATH_ROWS, pathDefaults) }),
    paths: Object.fromEntries(paths),
  };
}

/** One entry of `paths` as the API shows it. */
export function pathConfigToJson(path: PathConfig): JsonObject {
  return toJson(PATH_ROWS, path);
}

function partToJson<R extends Rows>(rows: R, values: Partial<Values<R>>): JsonObject {
  const set = Object.entries(rows).filter(([key]) => Object.hasOwn(values, key));
  return toJson(Object.fromEntries(set), values as Values<R>);
}
