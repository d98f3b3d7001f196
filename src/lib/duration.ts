import { ConfigError } from "./errors.ts";

const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

const NS_PER_MS = 1_000_000n;
/** Largest duration: 2^63 − 1 ns, about 292 years. */
const MAX_NS = 0x7fff_ffff_ffff_ffffn;
const MAX_CHARS = 100;
/** Most significant decimals: an hour has 3.6 × 10^12 ns. */
const MAX_FRACTION_DIGITS = 18;

/**
 * Reads a duration: pairs of a decimal number and a unit (`ns`, `us`, `ms`, `s`, `m`, `h`), an optional sign in
 * front, or `0` alone. `1m30s`, `1.5h`, `200ms`.
 *
 * @returns ms, exact to the nanosecond up to 104 days; may be negative
 * @throws {ConfigError} that says what is wrong with the text
 */
export function parseDuration(text: string): number {
  const negative = text.startsWith("-");
  const body = /^[+-]/.test(text) ? text.slice(1) : text;
  if (body === "0") return 0;
  if (body === "" || text.length > MAX_CHARS) throw invalid(text);
  let total = 0n;
  for (let rest = body; rest !== ""; ) {
    const term = /^(\d*)(?:\.(\d*))?([^\d.]*)/.exec(rest);
    const [all = "", whole = "", fraction = "", unit = ""] = term ?? [];
    if (whole === "" && fraction === "") throw invalid(text);
    total += termNs(whole, fraction, unitNs(unit, text));
    if (total > MAX_NS) throw invalid(text);
    rest = rest.slice(all.length);
  }
  const ms = Number(total / NS_PER_MS) + Number(total % NS_PER_MS) / 1e6;
  return negative && ms !== 0 ? -ms : ms;
}

function termNs(whole: string, fraction: string, unit: bigint): bigint {
  const digits = fraction.slice(0, MAX_FRACTION_DIGITS);
  return BigInt(whole || "0") * unit + (BigInt(digits || "0") * unit) / 10n ** BigInt(digits.length);
}

function unitNs(unit: string, text: string): bigint {
  if (unit === "") throw new ConfigError(`time: missing unit in duration ${quote(text)}`);
  if (!Object.hasOwn(UNITS, unit)) {
    throw new ConfigError(`time: unknown unit ${quote(unit)} in duration ${quote(text)}`);
  }
  return UNITS[unit] as bigint;
}

function invalid(text: string): ConfigError {
  return new ConfigError(`time: invalid duration ${quote(text)}`);
}

function quote(text: string): string {
  return JSON.stringify(text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS)}…` : text);
}

/**
 * Writes a duration the way the API shows it: `1h0m0s`, `1m30s`, `2.5s`, `200ms`, `0s`.
 *
 * @param ms finite; fractions are kept to the nanosecond
 */
export function formatDuration(ms: number): string {
  if (ms < 0) return `-${formatDuration(-ms)}`;
  let whole = Math.trunc(ms);
  let ns = Math.round((ms - whole) * 1e6);
  if (ns === 1e6) {
    whole += 1;
    ns = 0;
  }
  if (whole === 0) return formatSmall(ns);
  if (whole < 1_000) return `${decimal(whole, ns, 6)}ms`;
  const seconds = `${decimal(Math.floor(whole / 1_000) % 60, (whole % 1_000) * 1e6 + ns, 9)}s`;
  const minutes = Math.floor(whole / 60_000);
  if (minutes === 0) return seconds;
  if (minutes < 60) return `${minutes}m${seconds}`;
  return `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`;
}

function formatSmall(ns: number): string {
  if (ns === 0) return "0s";
  return ns < 1_000 ? `${ns}ns` : `${decimal(Math.floor(ns / 1_000), ns % 1_000, 3)}µs`;
}

/** `whole.fraction`, where `fraction` counts units of 10^-digits; without trailing zeros. */
function decimal(whole: number, fraction: number, digits: number): string {
  const tail = String(fraction).padStart(digits, "0").replace(/0+$/, "");
  return tail === "" ? String(whole) : `${whole}.${tail}`;
}
