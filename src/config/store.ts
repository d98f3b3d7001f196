import { type Config, type LoadedConfig, resolveConfig } from "./load.ts";
import type { ConfigSource } from "./source.ts";
import type { SourceSchemes } from "./source-scheme.ts";

/** What the store needs to apply an edit. */
export interface StoreOptions {
  /** The sources that can be configured by URL. */
  readonly schemes: SourceSchemes;
  /** Applies an edited configuration, after the response. */
  readonly apply: (config: Config) => void;
}

/** Holds the current configuration, which the file and the API change. */
export class ConfigStore {
  readonly #options: StoreOptions;
  #current: LoadedConfig;

  constructor(initial: LoadedConfig, options: StoreOptions) {
    this.#current = initial;
    this.#options = options;
  }

  /** The source and the configuration that the next edit starts from: applied, or about to be. */
  get current(): LoadedConfig {
    return this.#current;
  }

  /** Replaces the configuration with that of the file, which the caller applies. Edits are lost. */
  replace(loaded: LoadedConfig): void {
    this.#current = loaded;
  }

  /**
   * Changes the configuration with a function of `edit.ts`; the file is not changed.
   *
   * @throws {ConfigError} if the result is not valid as a whole, and whatever `change` throws; nothing has changed then
   */
  edit(change: (source: ConfigSource) => ConfigSource): void {
    const { schemes, apply } = this.#options;
    this.#current = resolveConfig(change(this.#current.source), schemes);
    apply(this.#current.config);
  }
}
