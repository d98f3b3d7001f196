import { expect, test } from "bun:test";
import { LineBudget, OutputLines } from "../../src/lib/output-lines.ts";

function cut(...chunks: (string | Uint8Array)[]): [string, boolean][] {
  const lines: [string, boolean][] = [];
  const output = new OutputLines(
    () => true,
    (text, overwritten) => lines.push([text, overwritten]),
  );
  for (const chunk of chunks)
    output.push(typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk);
  output.flush();
  return lines;
}

test("lines end wherever the chunks do, and blank ones are none", () => {
  expect(cut("a", "\tb\n\n", "c\r", "\nd")).toEqual([
    ["a b", false],
    ["c", false],
    ["d", false],
  ]);
});

test("what a lone carriage return ends would be written over", () => {
  expect(cut("1 %\r2 %\r", "3 %\n")).toEqual([
    ["1 %", true],
    ["2 %", true],
    ["3 %", false],
  ]);
});

test("a long line is cut, also without an end", () => {
  expect(cut("x".repeat(1_000), "\n")).toEqual([["x".repeat(1_000), false]]);
  expect(cut("x".repeat(900), "y".repeat(100_000))).toEqual([
    [`${"x".repeat(900)}${"y".repeat(100)}…`, false],
  ]);
});

test("what is no UTF-8 comes through as something", () => {
  expect(cut(new Uint8Array([0xff, 0x41, 0x0a]))).toEqual([["\ufffdA", false]]);
});

test("a budget is a burst and a rate", () => {
  const budget = new LineBudget();
  const taken = (now: number) => Array.from({ length: 1_000 }, () => budget.take(now)).filter(Boolean).length;
  expect(taken(0)).toBe(LineBudget.burst);
  expect(taken(0)).toBe(0);
  expect(taken(1_000)).toBe(LineBudget.perSecond);
  expect(taken(100_000)).toBe(LineBudget.burst);
});
