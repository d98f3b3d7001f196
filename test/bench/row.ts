/** One line of the benchmark's table. Figures that a row has no use for are left out. */
export interface Row {
  readonly name: string;
  /** Medians over the runs, in `unit`. */
  readonly ours?: number;
  readonly yardstick?: number;
  readonly unit: string;
  /** `ours` to `yardstick`, per byte delivered where the work is bytes. */
  readonly ratio?: number;
  /** Smallest and largest figure of one alternation, in words. */
  readonly spread?: string;
  /** User CPU per reader and flush, µs. */
  readonly userUs?: number;
  readonly gaps?: number;
  readonly mismatches?: number;
  /** What must hold, in words. */
  readonly bar: string;
  readonly ok: boolean;
  readonly note?: string;
  /** The figures of each run, for the JSON file. */
  readonly runs?: readonly unknown[];
}

/** How long and how often rows measure. */
export interface Settings {
  /** Length of one measurement, s. */
  readonly seconds: number;
  /** Load before it that is not measured, s. */
  readonly warmup: number;
  /** Alternations of server and yardstick. */
  readonly runs: number;
  /** Told what is being done. */
  readonly progress: (text: string) => void;
}

/** The middle value; the mean of the two middle ones when their number is even. 0 of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[half - 1] ?? upper)) / 2;
}

/** Smallest to largest, with `digits` decimals. */
export function spread(values: readonly number[], digits = 2): string {
  if (values.length === 0) return "";
  return `${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)}`;
}

/** Calls in turn, so that no process of one run meets one of another. */
export async function times<T>(count: number, call: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let index = 0; index < count; index++) results.push(await call(index));
  return results;
}

/** The table as text. */
export function formatTable(rows: readonly Row[]): string {
  const cells = [HEAD, ...rows.map(rowCells)];
  const widths = HEAD.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? "").length)));
  const lines = cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const notes = rows.flatMap(({ name, note }) => (note === undefined ? [] : [`${name}: ${note}`]));
  return [...lines, "", ...notes].join("\n");
}

const HEAD = ["work", "ours", "yardstick", "unit", "ratio", "spread", "user µs", "gaps", "wrong", "bar", ""];

function rowCells(row: Row): string[] {
  return [
    row.name,
    figure(row.ours, 2),
    figure(row.yardstick, 2),
    row.unit,
    figure(row.ratio, 3),
    row.spread ?? "",
    figure(row.userUs, 2),
    figure(row.gaps, 0),
    figure(row.mismatches, 0),
    row.bar,
    row.ok ? "ok" : "MISSED",
  ];
}

function figure(value: number | undefined, digits: number): string {
  return value === undefined ? "" : value.toFixed(digits);
}
