/** A value of a JSON document. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export type JsonObject = { readonly [key: string]: Json };

/** Packets and frames lost so far. */
export interface Losses {
  /** Packets of a publisher that never arrived. */
  readonly packetsLost: number;
  /** Packets and frames not sent to a reader because it is too slow. */
  readonly packetsDropped: number;
  readonly framesDropped: number;
}

/** An item of a list of the API: a connection, a session, a path. */
export interface Listed {
  /** Unique in its registry: a UUID, or the name of a path. */
  readonly id: string;
  /** Wall clock of its creation, ms since 1970. */
  readonly created: number;
  /** The fields the API shows, in the API's order. */
  describe(): JsonObject;
  /** The fields that the metrics read; `describe` if omitted. */
  measure?(): JsonObject;
  /** Omitted by items that carry no media. */
  losses?(): Losses;
  /** Called about once a second, at `now` (monotonic ms), while the API or the metrics are enabled, to compute rates. */
  sample?(now: number): void;
  /** Closes it; its log line has the reason. */
  close(reason: Error): void;
}

/**
 * A list of items of one kind. They may live in this thread, in another one, or on another machine. The API and the metrics
 * are written once over listings.
 */
export interface Listing {
  /** Name in API routes and metrics, such as `rtspconns`. */
  readonly name: string;
  /** All items, in the order of the API. */
  list(): Promise<readonly Listed[]>;
  find(id: string): Promise<Listed | undefined>;
}

/** The items of one kind that live in this thread. */
export class Registry<T extends Listed = Listed> implements Listing {
  readonly #items = new Map<string, T>();

  readonly name: string;
  readonly #order: "created" | "id";

  /** @param order how `values` sorts: by creation (the Map's own order) or by id */
  constructor(name: string, order: "created" | "id" = "created") {
    this.name = name;
    this.#order = order;
  }

  get size(): number {
    return this.#items.size;
  }

  add(item: T): void {
    this.#items.set(item.id, item);
  }

  delete(item: T): void {
    this.#items.delete(item.id);
  }

  get(id: string): T | undefined {
    return this.#items.get(id);
  }

  /** Calls `sample` of each item. */
  sample(now: number): void {
    for (const item of this.#items.values()) item.sample?.(now);
  }

  /** All items, in the order of the API. */
  values(): T[] {
    const items = [...this.#items.values()];
    if (this.#order === "id") items.sort((a, b) => (a.id < b.id ? -1 : 1));
    return items;
  }

  list(): Promise<readonly T[]> {
    return Promise.resolve(this.values());
  }

  find(id: string): Promise<T | undefined> {
    return Promise.resolve(this.#items.get(id));
  }
}
