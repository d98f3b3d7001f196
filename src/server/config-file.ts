import { existsSync } from "node:fs";
import { encryptConfig, isEncrypted } from "../config/crypt.ts";
import { type Environment, strayVariables } from "../config/environment.ts";
import { type Config, type LoadedConfig, loadConfig } from "../config/load.ts";
import { ConfigErrors } from "../config/mistakes.ts";
import { clip } from "../config/scalars.ts";
import type { SourceSchemes } from "../config/source-scheme.ts";
import { readText } from "../host/files.ts";
import { ConfigError } from "../lib/errors.ts";

/** The configuration file that is read when none is named. */
export const DEFAULT_FILE = "mediamtx.yml";
/** The earlier name of the default file; it takes precedence. */
const LEGACY_FILE = "rtsp-simple-server.yml";
/** Searched when no file is named and the current folder has none. */
const SYSTEM_FILES = [
  "/usr/local/etc/mediamtx.yml",
  "/usr/etc/mediamtx.yml",
  "/etc/mediamtx/mediamtx.yml",
] as const;

/** The configuration file of a run. */
export interface ConfigFile {
  readonly path: string;
  /** Whether it exists; the default file is optional. */
  readonly exists: boolean;
  /** Whether it was found in a system folder. */
  readonly isSystemFile: boolean;
}

/**
 * Finds the file that the configuration is read from.
 *
 * @param asked the file named on the command line
 * @param exists whether a file exists
 */
export function locateConfig(
  asked: string | undefined,
  exists: (path: string) => boolean = existsSync,
): ConfigFile {
  const path = asked ?? DEFAULT_FILE;
  const local = path === DEFAULT_FILE && exists(LEGACY_FILE) ? LEGACY_FILE : path;
  const isOptional = local === DEFAULT_FILE || local === LEGACY_FILE;
  if (!isOptional || exists(local)) return { path: local, exists: true, isSystemFile: false };
  const system = asked === undefined ? SYSTEM_FILES.find(exists) : undefined;
  const isSystemFile = system !== undefined;
  return { path: system ?? local, exists: isSystemFile, isSystemFile };
}

/**
 * Reads the configuration.
 *
 * @param schemes the sources that can be configured by URL
 * @throws {Error} if the file cannot be read; {ConfigErrors} if it is invalid, a line for each mistake
 */
export function loadFile(
  { path, exists }: Pick<ConfigFile, "path" | "exists">,
  environment: Environment,
  schemes: SourceSchemes,
): LoadedConfig {
  try {
    return loadConfig(exists ? readText(path) : undefined, environment, schemes);
  } catch (error) {
    if (!(error instanceof ConfigErrors)) throw error;
    throw new ConfigErrors(error.mistakes, { file: path, count: error.count });
  }
}

/**
 * Encrypts a configuration file with the key in `MTX_CONFKEY`.
 *
 * @returns the text of the encrypted file
 * @throws {Error} if the file cannot be read; {ConfigError} if there is no key, or the file is encrypted already
 */
export function encryptFile(path: string, { MTX_CONFKEY: key }: Environment): string {
  if (key === undefined || key === "") throw new ConfigError("MTX_CONFKEY is not set: it must hold the key");
  const text = readText(path);
  if (isEncrypted(text, key)) throw new ConfigError(`${path} is already encrypted with this key`);
  return `${encryptConfig(text, key, crypto.getRandomValues(new Uint8Array(24)))}\n`;
}

/** What it means that there is no file, in one line. */
export function missingFile({ paths, externalAuthenticationURL }: Config): string {
  const all = paths.get("all");
  const isOpen = all?.publishUser === "" && all.publishIPs.length === 0 && externalAuthenticationURL === "";
  const open = isOpen ? ": anybody may publish to any path, and read it" : "";
  return `configuration file not found, using an empty configuration${open}`;
}

/** Parameters that are set and have no effect yet, in one line. */
export function ignoredKeys({ unavailable }: Config): string | undefined {
  return unavailable.length === 0 ? undefined : `not available yet, ignored: ${unavailable.join(", ")}`;
}

/** Variables with our prefix that are not parameters, in one line. */
export function ignoredVariables(environment: Environment): string | undefined {
  const names = strayVariables(environment).map((name) => clip(name));
  if (names.length === 0) return undefined;
  const hint = names.some((name) => name.startsWith("MTX_PATHS_"))
    ? " (path names are in upper case and end at the next _)"
    : "";
  return `unknown environment variables, ignored: ${names.join(", ")}${hint}`;
}
