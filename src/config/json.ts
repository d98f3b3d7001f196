import type { JsonObject } from "../lib/registry.ts";
import type { Config, PathConfig } from "./load.ts";
import { PATH_ROWS } from "./path-schema.ts";
import { type Rows, toJson, type Values } from "./row.ts";
import { GLOBAL_ROWS } from "./schema.ts";

/**
 * The configuration as the API shows it: every parameter in the order of the schema, then `pathDefaults` when it sets
 * anything, then the paths sorted by name. It is text because a JavaScript object lists keys that are whole numbers first.
 */
export function configToText(config: Config): string {
  const paths = pathsToJson(config).map(([name, path]) => `${JSON.stringify(name)}:${JSON.stringify(path)}`);
  return `${JSON.stringify(globalToJson(config)).slice(0, -1)},"paths":{${paths.join(",")}}}`;
}

function globalToJson(config: Config): JsonObject {
  const { pathDefaults } = config;
  return {
    ...toJson(GLOBAL_ROWS, config),
    ...(Object.keys(pathDefaults).length > 0 && { pathDefaults: partToJson(PATH_ROWS, pathDefaults) }),
  };
}

function pathsToJson({ paths }: Config): readonly (readonly [string, JsonObject])[] {
  const names = [...paths.keys()].sort();
  return names.map((name) => [name, pathConfigToJson(paths.get(name) as PathConfig)]);
}

/** One entry of `paths` as the API shows it. */
export function pathConfigToJson(path: PathConfig): JsonObject {
  return toJson(PATH_ROWS, path);
}

function partToJson<R extends Rows>(rows: R, values: Partial<Values<R>>): JsonObject {
  const set = Object.entries(rows).filter(([key]) => Object.hasOwn(values, key));
  return toJson(Object.fromEntries(set), values as Values<R>);
}
