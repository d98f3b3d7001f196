import type { Clock } from "./clock.ts";

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

/**
 * Writes lines with the prefixes of its ancestors in front. Text from outside can never forge a line: control
 * characters are escaped.
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
    return new Logger(this.#output, this.#clock, `${this.#prefix}[${prefix}] `);
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
    const line = printable(this.#prefix + message);
    const wall = this.#clock.wall();
    for (const sink of this.#output.sinks) sink.write(level, wall, line);
  }
}

/** Escapes control characters as `\xNN`, as a terminal or a log reader would act on them. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, (c) => {
    const code = c.charCodeAt(0);
    return code > 0xff ? `\\u${code.toString(16)}` : `\\x${code.toString(16).padStart(2, "0")}`;
  });
}
