import { expect, test } from "bun:test";
import { formatDuration, parseDuration } from "../../src/lib/duration.ts";
import { ConfigError } from "../../src/lib/errors.ts";

test.each([
  ["0", 0, "0s"],
  ["10s", 10_000, "10s"],
  ["1m", 60_000, "1m0s"],
  ["1m30s", 90_000, "1m30s"],
  ["90s", 90_000, "1m30s"],
  ["1.5h", 5_400_000, "1h30m0s"],
  ["24h", 86_400_000, "24h0m0s"],
  ["200ms", 200, "200ms"],
  ["1.1s", 1_100, "1.1s"],
  [".5s", 500, "500ms"],
  ["1.s", 1_000, "1s"],
  ["1500us", 1.5, "1.5ms"],
  ["2µs", 0.002, "2µs"],
  ["1500ns", 0.0015, "1.5µs"],
  ["7ns", 0.000_007, "7ns"],
  ["-1.5s", -1_500, "-1.5s"],
  ["+3s", 3_000, "3s"],
  ["2540400h10m10.5s", 9_145_440_610_500, "2540400h10m10.5s"],
])("%s is %d ms, written %s", (text, ms, written) => {
  expect(parseDuration(text)).toBe(ms);
  expect(formatDuration(ms)).toBe(written);
  expect(parseDuration(written)).toBe(ms);
});

test.each([
  ["10", 'time: missing unit in duration "10"'],
  ["1d", 'time: unknown unit "d" in duration "1d"'],
  ["1toString", 'time: unknown unit "toString" in duration "1toString"'],
  ["x", 'time: invalid duration "x"'],
  ["", 'time: invalid duration ""'],
  ["-", 'time: invalid duration "-"'],
  [".s", 'time: invalid duration ".s"'],
  ["10s ", 'time: unknown unit "s " in duration "10s "'],
  ["3000000h", 'time: invalid duration "3000000h"'],
])("'%s' is refused", (text, message) => {
  expect(() => parseDuration(text)).toThrow(new ConfigError(message));
});

test("a text that is far too long is refused and not repeated whole", () => {
  const act = () => parseDuration("1".repeat(1_000_000));
  expect(act).toThrow(ConfigError);
  expect(act).toThrow(/^.{100,200}$/);
});

test("a fraction that rounds up to the next millisecond carries over", () => {
  expect(formatDuration(0.999_999_9)).toBe("1ms");
});
