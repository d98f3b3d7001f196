import { isDeepStrictEqual } from "node:util";
import { errorText } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";

/** A part of the server that runs. */
export interface Running<Config> {
  /** Settles when everything it owns is released. */
  close(): Promise<void>;
  /** Takes a new configuration without stopping. Left out by what has to be restarted instead. */
  reload?(config: Config): void | Promise<void>;
}

/** A part of the server: a row of the component table. */
export interface Component<Config, Context> {
  readonly name: string;
  /** Components that must run before this one, and whose restart restarts it. */
  readonly needs: readonly string[];
  /** The part of the configuration it depends on; it is restarted, or reloaded, when this changes and only then. */
  slice(config: Config): unknown;
  /** @returns undefined when the configuration switches it off */
  start(config: Config, context: Context): Promise<Running<Config> | undefined>;
}

export interface AppOptions<Config, Context> {
  /** In the order in which they start. */
  readonly components: readonly Component<Config, Context>[];
  /** Handed to every component. */
  readonly context: Context;
  readonly logger: Logger;
}

/** A component that was started, or that is switched off by `config`. */
interface Started<Config> {
  /** The configuration that it runs with. */
  readonly config: Config;
  readonly running: Running<Config> | undefined;
}

/** Starts, reloads and stops the components. One of these runs at a time; what comes meanwhile waits. */
export class App<Config, Context> {
  readonly #components: readonly Component<Config, Context>[];
  readonly #context: Context;
  readonly #logger: Logger;
  /** What is missing here failed to start and is tried again by the next reload. */
  readonly #started = new Map<string, Started<Config>>();
  #queue: Promise<void> = Promise.resolve();

  constructor({ components, context, logger }: AppOptions<Config, Context>) {
    this.#components = components;
    this.#context = context;
    this.#logger = logger;
  }

  /**
   * Starts all components in order.
   *
   * @throws what the first one that failed threw, after closing those before it
   */
  start(config: Config): Promise<void> {
    return this.#enqueue(async () => {
      try {
        for (const component of this.#components) await this.#start(component, config);
      } catch (error) {
        await this.#closeAll();
        throw error;
      }
    });
  }

  /**
   * Brings every component whose slice differs to `config`, by restart where it cannot change while running. Never
   * rejects: a component that cannot start is logged and goes back to the configuration it had.
   */
  reload(config: Config): Promise<void> {
    return this.#enqueue(async () => {
      const restarts = this.#restarts(config);
      for (const component of this.#components.toReversed()) {
        if (restarts.has(component.name)) await this.#stop(component.name);
      }
      for (const component of this.#components) {
        const before = restarts.get(component.name);
        if (before !== undefined) await this.#restart(component, config, before.config);
        else await this.#reloadInPlace(component, config);
      }
    });
  }

  /** Closes all components, the last one first. */
  close(): Promise<void> {
    return this.#enqueue(() => this.#closeAll());
  }

  #enqueue(job: () => Promise<void>): Promise<void> {
    const result = this.#queue.then(job);
    this.#queue = result.catch(() => {}); // the caller of this job hears of it, the next job does not
    return result;
  }

  /** Components to restart on the way to `config`, with the configuration each has now. */
  #restarts(config: Config): Map<string, { readonly config: Config | undefined }> {
    const restarts = new Map<string, { readonly config: Config | undefined }>();
    for (const component of this.#components) {
      const { name, needs } = component;
      const started = this.#started.get(name);
      const changed = started === undefined || this.#differs(component, started, config);
      const inPlace = started?.running?.reload !== undefined;
      if ((changed && !inPlace) || needs.some((need) => restarts.has(need))) {
        restarts.set(name, { config: started?.config });
      }
    }
    return restarts;
  }

  #differs(component: Component<Config, Context>, started: Started<Config>, config: Config): boolean {
    return !isDeepStrictEqual(component.slice(started.config), component.slice(config));
  }

  async #start(component: Component<Config, Context>, config: Config): Promise<void> {
    const missing = component.needs.find((need) => this.#started.get(need)?.running === undefined);
    if (missing !== undefined) throw new Error(`${component.name} needs ${missing}, which does not run`);
    this.#started.set(component.name, { config, running: await component.start(config, this.#context) });
  }

  async #restart(
    component: Component<Config, Context>,
    config: Config,
    before: Config | undefined,
  ): Promise<void> {
    try {
      await this.#start(component, config);
      return;
    } catch (error) {
      this.#logger.error(errorText(error));
    }
    if (before === undefined) return;
    try {
      await this.#start(component, before);
      this.#logger.error(`${component.name} goes on with its previous configuration`);
    } catch (error) {
      this.#logger.error(`${component.name} stays closed until the next reload: ${errorText(error)}`);
    }
  }

  async #reloadInPlace(component: Component<Config, Context>, config: Config): Promise<void> {
    const started = this.#started.get(component.name);
    if (started === undefined || !this.#differs(component, started, config)) return;
    try {
      await started.running?.reload?.(config);
      this.#started.set(component.name, { ...started, config });
    } catch (error) {
      this.#logger.error(`${component.name} keeps its previous configuration: ${errorText(error)}`);
    }
  }

  /** Closes one component; a fault on the way is logged, the others are closed all the same. */
  async #stop(name: string): Promise<void> {
    const running = this.#started.get(name)?.running;
    this.#started.delete(name);
    try {
      await running?.close();
    } catch (error) {
      this.#logger.error(`closing ${name}: ${errorText(error)}`);
    }
  }

  async #closeAll(): Promise<void> {
    for (const { name } of this.#components.toReversed()) await this.#stop(name);
  }
}
