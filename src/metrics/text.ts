import { Registry as Prometheus, Gauge as PrometheusGauge } from "prom-client";
import type { JsonObject, Registry } from "../lib/registry.ts";
import { SECTIONS, type Section } from "./collectors.ts";

/** A number of our own, read at each scrape. */
export interface Gauge {
  /** Name of the metric. */
  readonly name: string;
  /** The value now. */
  read(): number;
}

/**
 * All metrics, in the order of v1.0.3: section by section, the lines of one item together, no comments.
 *
 * @param registries a section whose registry is missing is left out
 * @param gauges appended after the sections
 */
export async function metricsText(
  registries: ReadonlyMap<string, Registry>,
  gauges: readonly Gauge[],
): Promise<string> {
  const parts: string[] = [];
  for (const section of SECTIONS) {
    const registry = registries.get(section.registry);
    if (registry !== undefined) parts.push(...(await sectionLines(section, registry)));
  }
  for (const { name, read } of gauges) {
    const metric = newGauge(name, []);
    metric.set(read());
    parts.push(...(await linesOf(metric)));
  }
  return parts.map((line) => `${line}\n`).join("");
}

async function sectionLines(section: Section, registry: Registry): Promise<string[]> {
  const items = registry.values().map((item) => item.describe());
  const names = section.labels.map(({ name }) => name);
  const present = newGauge(section.prefix, names);
  const fields = section.fields.map(({ name, suffix }) => ({
    name,
    metric: newGauge(`${section.prefix}_${suffix}`, names),
  }));
  for (const item of items) {
    const labels = labelsOf(section, item);
    present.set(labels, 1);
    for (const { name, metric } of fields) metric.set(labels, numberOf(item, name));
  }
  if (items.length === 0) {
    present.set(0);
    if (section.zeroFields) for (const { metric } of fields) metric.set(0);
  }
  const columns = await Promise.all([present, ...fields.map(({ metric }) => metric)].map(linesOf));
  return interleave(columns);
}

/** The first of each, then the second of each: columns of one metric become rows of one item. */
function interleave(columns: readonly string[][]): string[] {
  const rows = Math.max(...columns.map(({ length }) => length));
  const lines: string[] = [];
  for (let row = 0; row < rows; row++) {
    for (const column of columns) {
      const line = column[row];
      if (line !== undefined) lines.push(line);
    }
  }
  return lines;
}

function labelsOf(section: Section, item: JsonObject): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const { name, read } of section.labels) labels[name] = String(read(item) ?? "");
  return labels;
}

function numberOf(item: JsonObject, field: string): number {
  const value = item[field];
  return typeof value === "number" ? value : 0;
}

/** A metric for one scrape alone: scrapes can overlap. */
function newGauge(name: string, labelNames: readonly string[]): PrometheusGauge {
  return new PrometheusGauge({ name, help: name, labelNames: [...labelNames], registers: [] });
}

const writer = new Prometheus();

async function linesOf(metric: PrometheusGauge): Promise<string[]> {
  // the writer knows this method, its types do not
  const text = await (writer as unknown as MetricWriter).getMetricsAsString(metric);
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

interface MetricWriter {
  getMetricsAsString(metric: PrometheusGauge): Promise<string>;
}
