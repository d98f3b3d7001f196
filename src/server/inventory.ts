import type { MetricValue } from "../lib/metric-value.ts";
import type { Registry } from "../lib/registry.ts";
import type { Running } from "../protocols/component.ts";

/** Registries, metric values and addresses of the running components, for the API, the metrics and the profiles. */
export class Inventory {
  readonly #registries = new Map<string, Registry>();
  readonly #values: MetricValue[] = [];
  readonly #addresses = new Map<string, string>();

  /** By name. Always the same map, updated as components start and stop. */
  get registries(): ReadonlyMap<string, Registry> {
    return this.#registries;
  }

  /** In start order. Always the same list, updated as components start and stop. */
  get values(): readonly MetricValue[] {
    return this.#values;
  }

  /** Where a component listens, `address:port`; undefined if it is not running. */
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
