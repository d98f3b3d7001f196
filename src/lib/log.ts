import type { Clock } from "./clock.ts";
import { withoutCredentials } from "./redact.ts";

const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** An output of log lines. `line` has neither time nor level; each sink adds them in its own format. */
export interface LogSink {
  write(level: LogLevel, wall: number, line: string): void;
}

/** Shared by all loggers of a process; a reload changes it in place. */
export interface LogOutput {
  level: LogLevel;
  sinks: readonly LogSink[];
}

/** Longest message, in characters: a client must not fill the log. Dumps of whole requests may be longer. */
const MESSAGE_MAX = 2_000;
const DEBUG_MESSAGE_MAX = 8_000;
/** Longest prefix, in characters. */
const PREFIX_MAX = 300;

/**
 * Writes log lines with the prefixes of its ancestors. Text from outside cannot forge a line: control characters are escaped,
 * and long text is cut. Credentials are masked.
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

  /** A logger that adds `[prefix]` to the prefixes of this one. */
  child(prefix: string): Logger {
    const text = clipped(printable(withoutCredentials(prefix)), PREFIX_MAX);
    // `join`: a template string would keep its parts in memory for each connection
    return new Logger(this.#output, this.#clock, [this.#prefix, "[", text, "] "].join(""));
  }

  /** Whether lines of this level are written; checked before expensive lines are formatted. */
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
 * Escapes what a terminal or a log reader would interpret: control characters as `\r`, `\n`, `\t` or `\xNN`; other line
 * separators, zero-width characters, bidirectional controls and lone surrogates as `\u{N}`.
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
