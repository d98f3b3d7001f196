import type { Histogram } from "./histogram.ts";

/** A number of the server that belongs to no registry, read at each scrape. */
export interface NumberValue {
  readonly kind: "gauge" | "counter";
  /** Name of the metric. */
  readonly name: string;
  /** What it says. */
  readonly help: string;
  /** The value now. */
  read(): number;
}

/** A distribution, read at each scrape. */
export interface HistogramValue {
  readonly kind: "histogram";
  readonly name: string;
  readonly help: string;
  readonly histogram: Histogram;
}

/** A metric of the server as a whole. */
export type MetricValue = NumberValue | HistogramValue;

/** A number that goes up and down. */
export function gauge(name: string, help: string, read: () => number): NumberValue {
  return { kind: "gauge", name, help, read };
}
