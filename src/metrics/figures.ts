import type { Histogram } from "../lib/histogram.ts";

/** A number of the server that belongs to no registry, read at each scrape. */
export interface NumberFigure {
  readonly kind: "gauge" | "counter";
  /** Name of the metric. */
  readonly name: string;
  /** What it says. */
  readonly help: string;
  /** The value now. */
  read(): number;
}

/** A distribution, read at each scrape. */
export interface HistogramFigure {
  readonly kind: "histogram";
  readonly name: string;
  readonly help: string;
  readonly histogram: Histogram;
}

export type Figure = NumberFigure | HistogramFigure;
