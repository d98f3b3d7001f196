import type { Json, JsonObject } from "../lib/registry.ts";

/** What a registry contributes to the metrics. */
export interface Section {
  /** The registry's name. */
  readonly registry: string;
  /** Prefix of the names of its metrics, and the name of the first one. */
  readonly prefix: string;
  /** Name of one item in help texts. */
  readonly noun: string;
  /** Labels of the metrics that v1.0.3 has. */
  readonly labels: readonly Label[];
  /** Labels of the newer ones. */
  readonly newLabels: readonly Label[];
  readonly columns: readonly Column[];
}

/** A label of the metrics of an item. */
export interface Label {
  readonly name: string;
  readonly read: (item: JsonObject) => Json | undefined;
}

/** One metric of the items of a section. */
export interface Column {
  /** Ending of its name; empty for the metric that is 1 for each item. */
  readonly suffix: string;
  /** Help text, with `%` for the item. */
  readonly help: string;
  /** @returns undefined when the item has no such number */
  readonly read: (item: JsonObject) => number | undefined;
  /** Whether it is newer than v1.0.3, and has the newer labels. */
  readonly isNew: boolean;
  /** Whether it is written, as 0 without labels, while there are no items. */
  readonly zero: boolean;
  /** A further label that splits it: numbers by its values. */
  readonly split?: {
    readonly label: string;
    readonly read: (item: JsonObject) => ReadonlyMap<string, number>;
  };
}
