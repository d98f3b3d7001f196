import type { Clock } from "./clock.ts";
import { withoutCredentials } from "./redact.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Where lines go. `line` has neither time nor level: each sink writes them its own way. */
export interface LogSink {
  write(level: LogLevel, wall: number, line: string): void;
}

/** What all loggers of a process share; changed in place by a reload, so that nobody is restarted. */
export interface LogOutput {
  level: LogLevel;
  sinks: readonly LogSink[];
}

/** Longest message, in characters: what a client sends must not fill the log. Dumps of whole requests may be longer. */
const MESSAGE_MAX = 2_000;
const DEBUG_MESSAGE_MAX = 8_000;
/** Longest prefix, in characters. */
const PREFIX_MAX = 300;

/**
 * Writes lines with the prefixes of its ancestors in front. Text from outside can never forge or flood a line: control
 * characters are escaped, and what is too long is cut. No credential gets into a line.
 */
export class Logger {
  readonly #output: LogOutput;
  readonly #clock: Clock;
  readonly #prefix: string;

  constructor(output: LogOutput, clock: Clock, prefix = "") {
    this.#output = output;
    this.#clock = clock;
    this.#prefix = prefix;
  }

  /** A logger whose lines begin with `[prefix]` after ours. */
  child(prefix: string): Logger {
    const text = clipped(printable(withoutCredentials(prefix)), PREFIX_MAX);
    // joined: a template string keeps its parts in memory too, for each connection
    return new Logger(this.#output, this.#clock, [this.#prefix, "[", text, "] "].join(""));
  }

  /** Whether lines of this level are written at all: what is expensive to word asks first. */
  writes(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(this.#output.level);
  }

  debug(message: string): void {
    this.#write("debug", message);
  }

  info(message: string): void {
    this.#write("info", message);
  }

  warn(message: string): void {
    this.#write("warn", message);
  }

  error(message: string): void {
    this.#write("error", message);
  }

  #write(level: LogLevel, message: string): void {
    if (!this.writes(level)) return;
    const most = level === "debug" ? DEBUG_MESSAGE_MAX : MESSAGE_MAX;
    const line = this.#prefix + clipped(printable(withoutCredentials(message)), most);
    const wall = this.#clock.wall();
    for (const sink of this.#output.sinks) sink.write(level, wall, line);
  }
}

/**
 * Escapes what a terminal or a log reader would act on: control characters as `\r`, `\n`, `\t` or `\xNN`, and as `\u{N}`
 * what ends a line elsewhere, has no width, turns the direction of writing, or is half a character.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (c) => {
    const code = c.codePointAt(0) ?? 0;
    if (code > 0xff) return `\\u{${code.toString(16)}}`;
    return ESCAPES[c] ?? `\\x${code.toString(16).padStart(2, "0")}`;
  });
}

const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;
const ESCAPES: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function clipped(text: string, most: number): string {
  return text.length <= most
    ? text
    : `${text.slice(0, most).toWellFormed()}… (${text.length - most} more characters)`;
}
