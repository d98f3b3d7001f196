import type { Histogram } from "./histogram.ts";

/** A metric that belongs to no registry, read at each scrape. */
export interface NumberValue {
  readonly kind: "gauge" | "counter";
  /** Name of the metric. */
  readonly name: string;
  /** Help text. */
  readonly help: string;
  /** The current value. */
  read(): number;
}

/** A histogram, read at each scrape. */
export interface HistogramValue {
  readonly kind: "histogram";
  readonly name: string;
  readonly help: string;
  readonly histogram: Histogram;
}

/** A metric of the server as a whole. */
export type MetricValue = NumberValue | HistogramValue;

/** A gauge. */
export function gauge(name: string, help: string, read: () => number): NumberValue {
  return { kind: "gauge", name, help, read };
}
