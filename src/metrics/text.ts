import { Counter, Gauge, Registry as Prometheus } from "prom-client";
import type { HistogramValue, MetricValue, NumberValue } from "../lib/metric-value.ts";
import type { JsonObject, Listing } from "../lib/registry.ts";
import type { Column, Label, Section } from "../protocols/section.ts";

/** Values written before the event loop runs again: about a millisecond's work. */
const VALUES_AT_ONCE = 500;

export interface MetricsSource {
  /** The lists, in the order of the output. */
  readonly sections: readonly Section[];
  /** Registries by name; a section whose registry is missing is left out. */
  readonly registries: ReadonlyMap<string, Listing>;
  /** Metrics of the server itself; they follow the sections. */
  readonly values: readonly MetricValue[];
  /** Calls back after other events: a scrape of many items is made in pieces. */
  readonly soon: (call: () => void) => void;
}

/** All metrics in the text format of Prometheus. */
export async function metricsText({ sections, registries, values, soon }: MetricsSource): Promise<string> {
  const parts: string[] = [];
  let written = 0;
  const write = async (metric: Metric, count: number) => {
    parts.push(await textOf(metric));
    written += count;
    if (written < VALUES_AT_ONCE) return;
    written = 0;
    await new Promise<void>(soon);
  };
  for (const section of sections) {
    const registry = registries.get(section.registry);
    if (registry === undefined) continue;
    const items = (await registry.list()).map((item) => item.measure?.() ?? item.describe());
    for (const column of section.columns) await write(columnMetric(section, column, items), items.length);
  }
  for (const value of values) {
    await write(value.kind === "histogram" ? new HistogramMetric(value) : numberMetric(value), 1);
  }
  return parts.join("");
}

/** A metric of prom-client, made for one scrape, as scrapes can overlap. */
type Metric = Gauge | Counter | HistogramMetric;

function columnMetric(section: Section, column: Column, items: readonly JsonObject[]): Metric {
  const { prefix, noun, labels, newLabels } = section;
  const { suffix, help, split, isNew, zero, read } = column;
  const own = isNew ? newLabels : labels;
  const metric = new Gauge({
    name: suffix === "" ? prefix : `${prefix}_${suffix}`,
    help: help.replace("%", noun),
    labelNames: [...own.map(({ name }) => name), ...(split === undefined ? [] : [split.label])],
    registers: [],
  });
  for (const item of items) {
    const values = labelsOf(own, item);
    if (split !== undefined) {
      for (const [value, count] of split.read(item))
        metric.set(sorted({ ...values, [split.label]: value }), count);
      continue;
    }
    const value = read(item);
    if (value !== undefined) metric.set(values, value);
  }
  if (items.length === 0 && zero) metric.set(0);
  return metric;
}

function labelsOf(labels: readonly Label[], item: JsonObject): Record<string, string> {
  const values: Record<string, string> = {};
  for (const { name, read } of labels) values[name] = String(read(item) ?? "");
  return values;
}

/** By name, as newer releases write them. */
function sorted(labels: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function numberMetric({ kind, name, help, read }: NumberValue): Metric {
  const options = { name, help, registers: [] };
  if (kind === "gauge") {
    const gauge = new Gauge(options);
    gauge.set(read());
    return gauge;
  }
  const counter = new Counter(options);
  counter.inc(read());
  return counter;
}

/** A histogram that was counted elsewhere, in the shape that prom-client writes. */
class HistogramMetric {
  readonly #value: HistogramValue;

  constructor(value: HistogramValue) {
    this.#value = value;
  }

  get() {
    const { name, help, histogram } = this.#value;
    const { cumulative, bounds, sum } = histogram;
    const buckets = cumulative.map((value, i) => ({
      metricName: `${name}_bucket`,
      labels: { le: bounds[i] ?? "+Inf" },
      value,
    }));
    const count = cumulative.at(-1) ?? 0;
    const totals = [
      { metricName: `${name}_sum`, labels: {}, value: sum },
      { metricName: `${name}_count`, labels: {}, value: count },
    ];
    return Promise.resolve({ name, help, type: "histogram", values: [...buckets, ...totals] });
  }
}

const writer = new Prometheus();

/** The lines of a metric; none, not even its description, if it has no values. */
async function textOf(metric: Metric): Promise<string> {
  // this method is missing in the types of prom-client
  const text = await (writer as unknown as MetricWriter).getMetricsAsString(metric);
  return /^[^#\n]/m.test(text) ? `${text.trimEnd()}\n` : "";
}

interface MetricWriter {
  getMetricsAsString(metric: Metric): Promise<string>;
}
