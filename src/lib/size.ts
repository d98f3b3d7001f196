import { ConfigError } from "./errors.ts";

const UNITS = ["B", "K", "M", "G", "T", "P", "E"] as const;
const PATTERN = /^\s*(\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})\s*(?:B|([KMGTPE])(?:B|iB)?)\s*$/i;

/**
 * Reads an amount of bytes: a number and a unit, base 1024, in any letter case: `512K`, `50MB`, `1.5GiB`.
 *
 * @returns whole bytes, ≥ 1 and < 2^53
 * @throws {ConfigError} when there is no unit, or the amount is zero, negative or too large
 */
export function parseSize(text: string): number {
  const match = PATTERN.exec(text.slice(0, 100));
  const exponent = UNITS.findIndex((unit) => unit === (match?.[2] ?? "B").toUpperCase());
  const bytes = Math.floor(Number(match?.[1] ?? 0) * 1024 ** exponent);
  if (bytes < 1 || !Number.isSafeInteger(bytes) || text.length > 100) {
    throw new ConfigError(
      "byte quantity must be a positive integer with a unit of measurement like M, MB, MiB, G, GiB, or GB",
    );
  }
  return bytes;
}

/** Formats bytes in the largest unit of which there is at least one, rounded to one decimal: `50M`, `1.5G`. */
export function formatSize(bytes: number): string {
  let exponent = 0;
  while (bytes >= 1024 ** (exponent + 1) && exponent < UNITS.length - 1) exponent += 1;
  const amount = (bytes / 1024 ** exponent).toFixed(1).replace(/\.0$/, "");
  return `${amount}${UNITS[exponent]}`;
}
