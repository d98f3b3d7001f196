import { beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import {
  BudgetError,
  ConfigError,
  EndError,
  isExpected,
  ProtocolError,
  SystemError,
} from "../../src/lib/errors.ts";
import { internalErrors, reportFault, reportUnexpected } from "../../src/lib/faults.ts";
import type { Logger } from "../../src/lib/log.ts";
import { takeFaults } from "../support/faults.ts";
import { testLog } from "./test-log.ts";

let lines: string[];
let logger: Logger;

beforeEach(() => {
  ({ lines, logger } = testLog());
});

test.each([
  ["ProtocolError", new ProtocolError("x")],
  ["ConfigError", new ConfigError("x")],
  ["BudgetError", new BudgetError("x")],
  ["SystemError", new SystemError("x")],
  ["EndError", new EndError("x")],
  ["ECONNRESET", Object.assign(new Error("x"), { code: "ECONNRESET" })],
])("%s is no fault", (_, error) => {
  expect(isExpected(error)).toBe(true);
  reportUnexpected(logger, error, "a test");
  expect([takeFaults(), lines]).toEqual([0, []]);
});

test.each([
  ["Error", new Error("x")],
  ["TypeError", new TypeError("x")],
  ["ERR_INVALID_ARG_TYPE", Object.assign(new TypeError("x"), { code: "ERR_INVALID_ARG_TYPE" })],
  ["a text", "x"],
  ["undefined", undefined],
])("%s is a fault", (_, error) => {
  expect(isExpected(error)).toBe(false);
  reportUnexpected(logger, error, "a test");
  expect(takeFaults()).toBe(1);
  expect(lines[0]).toBe("ERR internal error: a test");
});

test("a fault is counted and logged with its stack, one line each, and that of its cause", () => {
  const before = internalErrors();
  reportFault(logger, new Error("outer", { cause: new TypeError("inner") }), "conn 1.2.3.4:5");
  expect(internalErrors() - before).toBe(1);
  expect(takeFaults()).toBe(1);
  expect(lines[0]).toBe("ERR internal error: conn 1.2.3.4:5");
  expect(lines[1]).toBe("ERR Error: outer");
  expect(lines).toContain("ERR caused by TypeError: inner");
  expect(lines.filter((line) => line.includes("faults.test.ts")).length).toBeGreaterThanOrEqual(2);
});

test("the same error is reported once, whoever it passes through", () => {
  const error = new TypeError("once");
  reportFault(logger, error, "the reader");
  reportFault(logger, error, "its session");
  expect(takeFaults()).toBe(1);
  expect(lines.filter((line) => line.startsWith("ERR internal error"))).toEqual([
    "ERR internal error: the reader",
  ]);
});

test("a fault that repeats is counted each time and logged ever less often", () => {
  for (let i = 0; i < 1_000; i++) reportFault(logger, new TypeError("again"), "a datagram");
  expect(takeFaults()).toBe(1_000);
  expect(lines.filter((line) => line.startsWith("ERR internal error"))).toEqual([
    "ERR internal error: a datagram",
    "ERR internal error: a datagram (10 times)",
    "ERR internal error: a datagram (100 times)",
    "ERR internal error: a datagram (1000 times)",
  ]);
});

test("errors that can be expected have a class that says so: plain ones are thrown by assertions alone", async () => {
  const src = join(import.meta.dir, "../../src");
  const plain: string[] = [];
  for await (const file of new Bun.Glob("**/*.ts").scan(src)) {
    if (/\bthrow new Error\(/.test(await Bun.file(join(src, file)).text())) plain.push(file);
  }
  expect(plain).toEqual(["lib/assert.ts"]);
});
