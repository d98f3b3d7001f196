import { type Config, type LoadedConfig, resolveConfig } from "./load.ts";
import type { ConfigSource } from "./source.ts";
import type { SourceSchemes } from "./source-scheme.ts";

/** What the store needs to put an edit into force. */
export interface StoreOptions {
  /** The sources that can be configured by URL. */
  readonly schemes: SourceSchemes;
  /** Puts an edited configuration into force, after the request was answered. */
  readonly apply: (config: Config) => void;
}

/** The configuration in force, for what changes it: the file and the API. */
export class ConfigStore {
  readonly #options: StoreOptions;
  #current: LoadedConfig;

  constructor(initial: LoadedConfig, options: StoreOptions) {
    this.#current = initial;
    this.#options = options;
  }

  /** What edits start from, and what they have made so far: in force, or on its way to be. */
  get current(): LoadedConfig {
    return this.#current;
  }

  /** Takes a configuration that is put into force by the caller: that of the file, in which edits are lost. */
  replace(loaded: LoadedConfig): void {
    this.#current = loaded;
  }

  /**
   * Changes the configuration with a function of `edit.ts`; the file stays as it is.
   *
   * @throws {ConfigError} if the result is not valid as a whole, and whatever `change` throws; nothing has changed then
   */
  edit(change: (source: ConfigSource) => ConfigSource): void {
    const { schemes, apply } = this.#options;
    this.#current = resolveConfig(change(this.#current.source), schemes);
    apply(this.#current.config);
  }
}
