import type { Cancel, Clock } from "../lib/clock.ts";
import { errorText } from "../lib/errors.ts";
import { reportUnexpected } from "../lib/faults.ts";
import type { Logger } from "../lib/log.ts";

/** Minimum interval of reloads, ms. */
const MIN_INTERVAL_MS = 1_000;

export interface ReloaderOptions<Config> {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Reads the new configuration. @throws {ConfigError} */
  readonly load: () => Config;
  /** Applies it. */
  readonly apply: (config: Config) => Promise<void>;
}

/**
 * Reloads the configuration when its file changes. Changes too soon after a reload, or during one, are delayed and not
 * lost. An invalid configuration changes nothing.
 */
export class Reloader<Config> {
  readonly #options: ReloaderOptions<Config>;
  #notBefore = Number.NEGATIVE_INFINITY;
  #pending: Cancel | undefined;
  #busy = false;
  #closed = false;

  constructor(options: ReloaderOptions<Config>) {
    this.#options = options;
  }

  /** The file has changed. */
  changed(): void {
    if (this.#closed || this.#pending !== undefined) return;
    const { clock } = this.#options;
    const wait = Math.max(this.#notBefore - clock.now(), 0);
    this.#pending = clock.after(wait, () => void this.#reload());
  }

  /** No reload begins after this. */
  close(): void {
    this.#closed = true;
    this.#pending?.();
  }

  /** Never rejects. */
  async #reload(): Promise<void> {
    this.#pending = undefined;
    const { clock, logger, load, apply } = this.#options;
    this.#notBefore = clock.now() + MIN_INTERVAL_MS;
    if (this.#busy) return this.changed();
    this.#busy = true;
    try {
      logger.info("reloading configuration (file changed)");
      await apply(load());
    } catch (error) {
      reportUnexpected(logger, error, "reloading the configuration");
      const lines = errorText(error).split("\n");
      const last = lines.pop();
      for (const line of lines) logger.error(line);
      logger.error(`${last}; keeping the previous configuration`);
    } finally {
      this.#busy = false;
    }
  }
}
