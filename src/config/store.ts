import type { Config, LoadedConfig } from "./load.ts";
import type { ConfigSource } from "./source.ts";

/** The configuration in force, for what changes it: the file and the API. */
export class ConfigStore {
  readonly #apply: (config: Config) => void;
  #current: LoadedConfig;

  /** @param apply puts the configuration of an edit into force; the edit is answered meanwhile */
  constructor(initial: LoadedConfig, apply: (config: Config) => void) {
    this.#current = initial;
    this.#apply = apply;
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
   * @throws what `change` throws; nothing has changed then
   */
  edit(change: (source: ConfigSource) => LoadedConfig): void {
    this.#current = change(this.#current.source);
    this.#apply(this.#current.config);
  }
}
