import { isDeepStrictEqual } from "node:util";
import { errorText, RefusedError } from "../lib/errors.ts";
import { reportUnexpected } from "../lib/faults.ts";
import type { Logger } from "../lib/log.ts";
import type { Component, Provided, Running } from "../protocols/component.ts";
import type { Inventory } from "./inventory.ts";

export interface AppOptions<Deps extends object, Whole> {
  /** In the order in which they start. */
  readonly components: readonly Component<unknown, Deps, Whole>[];
  /** What every component gets, in addition to what the components it needs provide. */
  readonly deps: Omit<Deps, keyof Provided>;
  /** Kept up to date with what runs. */
  readonly inventory: Inventory;
  readonly logger: Logger;
}

/** A component that was started, or that is switched off. */
interface Started {
  /** The slice of the configuration that it runs with; undefined when it is switched off. */
  readonly slice: unknown;
  readonly running: Running | undefined;
}

/** Starts, reloads and stops the components, one operation at a time; others are queued. */
export class App<Deps extends object, Whole> {
  readonly #options: AppOptions<Deps, Whole>;
  /** By name. A component that is missing failed to start, and is retried by the next reload. */
  readonly #started = new Map<string, Started>();
  #queue: Promise<void> = Promise.resolve();

  constructor(options: AppOptions<Deps, Whole>) {
    this.#options = options;
  }

  /**
   * Starts all components in order.
   *
   * @throws the error of the first one that failed, after closing those before it
   */
  start(config: Whole): Promise<void> {
    return this.#enqueue(async () => {
      try {
        for (const component of this.#options.components) {
          await this.#start(component, component.slice(config));
        }
      } catch (error) {
        await this.#closeAll();
        throw error;
      }
    });
  }

  /**
   * Applies `config` to every component whose slice changed, with a restart if it cannot change while running. Never
   * rejects: a component that cannot start is logged and started again with its previous slice.
   */
  reload(config: Whole): Promise<void> {
    return this.#enqueue(async () => {
      const { components } = this.#options;
      const restarts = this.#restarts(config);
      for (const { name } of components.toReversed()) if (restarts.has(name)) await this.#stop(name);
      for (const component of components) {
        const slice = component.slice(config);
        if (restarts.has(component.name)) {
          await this.#restart(component, slice, restarts.get(component.name));
        } else {
          await this.#reloadInPlace(component, slice);
        }
      }
    });
  }

  /** Closes all components, the last one first. */
  close(): Promise<void> {
    return this.#enqueue(() => this.#closeAll());
  }

  #enqueue(job: () => Promise<void>): Promise<void> {
    const result = this.#queue.then(job);
    this.#queue = result.catch(() => {}); // the caller of this job gets the error, the next job does not
    return result;
  }

  /** Components that `config` restarts, each with its current state. */
  #restarts(config: Whole): Map<string, Started | undefined> {
    const restarts = new Map<string, Started | undefined>();
    for (const component of this.#options.components) {
      const { name, needs } = component;
      const started = this.#started.get(name);
      const slice = component.slice(config);
      const changed = started === undefined || !isDeepStrictEqual(started.slice, slice);
      const inPlace = started?.running?.reload !== undefined && slice !== undefined;
      if ((changed && !inPlace) || needs.some((need) => restarts.has(need))) restarts.set(name, started);
    }
    return restarts;
  }

  async #start(component: Component<unknown, Deps, Whole>, slice: unknown): Promise<void> {
    const { name, needs } = component;
    if (slice === undefined) {
      this.#started.set(name, { slice, running: undefined });
      return;
    }
    const missing = needs.find((need) => this.#started.get(need)?.running === undefined);
    if (missing !== undefined) throw new RefusedError(`${name} needs ${missing}, which is not running`);
    const running = await component.start(slice, this.#deps());
    this.#started.set(name, { slice, running });
    this.#options.inventory.add(name, running);
  }

  /** Includes everything provided so far. A component starts after those it needs. */
  #deps(): Deps {
    const provided = [...this.#started.values()].map(({ running }) => running?.provides);
    return Object.assign({}, this.#options.deps, ...provided) as Deps;
  }

  async #restart(
    component: Component<unknown, Deps, Whole>,
    slice: unknown,
    before: Started | undefined,
  ): Promise<void> {
    const { logger } = this.#options;
    try {
      await this.#start(component, slice);
      return;
    } catch (error) {
      reportUnexpected(logger, error, `starting ${component.name}`);
      logger.error(errorText(error));
    }
    if (before === undefined) return;
    try {
      await this.#start(component, before.slice);
      logger.error(`${component.name} continues with its previous configuration`);
    } catch (error) {
      reportUnexpected(logger, error, `starting ${component.name}`);
      logger.error(`${component.name} stays stopped until the next reload: ${errorText(error)}`);
    }
  }

  async #reloadInPlace({ name }: Component<unknown, Deps, Whole>, slice: unknown): Promise<void> {
    const started = this.#started.get(name);
    if (started === undefined || isDeepStrictEqual(started.slice, slice)) return;
    try {
      await started.running?.reload?.(slice);
      this.#started.set(name, { ...started, slice });
    } catch (error) {
      reportUnexpected(this.#options.logger, error, `reloading ${name}`);
      this.#options.logger.error(`${name} keeps its previous configuration: ${errorText(error)}`);
    }
  }

  /** Closes one component. An error is logged and does not stop the others from closing. */
  async #stop(name: string): Promise<void> {
    const running = this.#started.get(name)?.running;
    this.#started.delete(name);
    if (running === undefined) return;
    this.#options.inventory.remove(name, running);
    try {
      await running.close();
    } catch (error) {
      reportUnexpected(this.#options.logger, error, `closing ${name}`);
      this.#options.logger.error(`failed to close ${name}: ${errorText(error)}`);
    }
  }

  async #closeAll(): Promise<void> {
    for (const { name } of this.#options.components.toReversed()) await this.#stop(name);
  }
}
