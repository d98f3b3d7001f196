import { expect, test } from "bun:test";
import { ConfigError } from "../../src/lib/errors.ts";
import { formatSize, parseSize } from "../../src/lib/size.ts";

test.each([
  ["1B", 1, "1B"],
  ["512K", 524_288, "512K"],
  ["50M", 52_428_800, "50M"],
  ["50 mb", 52_428_800, "50M"],
  ["1.5GiB", 1_610_612_736, "1.5G"],
  ["1024K", 1_048_576, "1M"],
  [".5k", 512, "512B"],
  ["2T", 2_199_023_255_552, "2T"],
  ["1P", 1_125_899_906_842_624, "1P"],
])("%s is %d bytes, written %s", (text, bytes, written) => {
  expect(parseSize(text)).toBe(bytes);
  expect(formatSize(bytes)).toBe(written);
});

test.each(["", "0M", "-1M", "10", "M", "1X", "1KiBs", "1.2.3M", "1E", "0.1B", `${"9".repeat(200)}M`])(
  "'%s' is refused",
  (text) => {
    expect(() => parseSize(text)).toThrow(ConfigError);
    expect(() => parseSize(text)).toThrow("byte quantity must be a positive integer with a unit");
  },
);
