import type { MetricValue } from "../lib/metric-value.ts";
import type { Registry } from "../lib/registry.ts";
import type { Running } from "../protocols/component.ts";

/** What the components that run have to show. API, metrics and profiles are made of it. */
export class Inventory {
  readonly #registries = new Map<string, Registry>();
  readonly #values: MetricValue[] = [];
  readonly #addresses = new Map<string, string>();

  /** By name. The map stays the same while components come and go. */
  get registries(): ReadonlyMap<string, Registry> {
    return this.#registries;
  }

  /** In the order in which their components have started. The list stays the same while they come and go. */
  get values(): readonly MetricValue[] {
    return this.#values;
  }

  /** Where a component listens, `address:port`; undefined while it does not run. */
  addressOf(component: string): string | undefined {
    return this.#addresses.get(component);
  }

  add(component: string, { registries = [], values = [], address }: Running): void {
    for (const registry of registries) this.#registries.set(registry.name, registry);
    this.#values.push(...values);
    if (address !== undefined) this.#addresses.set(component, address);
  }

  remove(component: string, { registries = [], values = [] }: Running): void {
    for (const { name } of registries) this.#registries.delete(name);
    for (const value of values) this.#values.splice(this.#values.indexOf(value), 1);
    this.#addresses.delete(component);
  }
}
