import { type Config, loadConfig } from "../../src/config/load.ts";
import type { SourceSchemes } from "../../src/config/source-scheme.ts";

/** For configurations without remote sources. */
export const NO_SCHEMES: SourceSchemes = new Map();

/** Reads a configuration without environment. @throws {ConfigError} as `loadConfig` */
export function parseConfig(text: string, schemes = NO_SCHEMES): Config {
  return loadConfig(text, {}, schemes).config;
}

/** The configuration of a server that has no file: every default, and a path for every name. */
export function defaultConfig(): Config {
  return loadConfig(undefined, {}, NO_SCHEMES).config;
}
