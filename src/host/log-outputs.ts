import { write } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import type { LogLevel, LogOutput, LogSink } from "../lib/log.ts";
import { LogFile } from "./log-file.ts";
import { jsonLines, type LineFormat, textLines } from "./log-lines.ts";
import type { LogQueue } from "./log-queue.ts";
import { openStdoutSink } from "./log-sinks.ts";
import { Syslog } from "./syslog.ts";

/** Time that a closed destination has for its last lines, ms. */
const CLOSE_MS = 5_000;

export type LogDestination = "stdout" | "file" | "syslog";

/** The parameters of the log. */
export interface LogSettings {
  readonly logLevel: LogLevel;
  readonly logDestinations: readonly LogDestination[];
  readonly logFile: string;
  readonly logStructured: boolean;
  readonly sysLogPrefix: string;
}

/** A destination in use. */
interface Open {
  /** Its settings; it is reopened when they change. */
  readonly slice: unknown;
  readonly sink: LogSink;
  readonly file?: LogFile;
  flush(timeoutMs: number): Promise<void>;
  /** Closes it, in the background. */
  leave(): void;
}

/**
 * The destinations of the log. `apply` changes the output that all loggers share, in place; a destination whose settings
 * are unchanged stays open. Errors of a destination are logged to the others, or to standard error.
 */
export class LogOutputs {
  readonly output: LogOutput = { level: "info", sinks: [] };
  readonly #open = new Map<LogDestination, Open>();
  readonly #hangUp = () => this.#open.get("file")?.file?.reopen();
  #isHearing = false;
  /** Never closed: two writers on one descriptor would mix their lines. */
  #stdout: LogQueue | undefined;
  #stdoutText: LineFormat | undefined;

  apply(settings: LogSettings): void {
    const { logLevel, logDestinations } = settings;
    this.output.level = logLevel;
    for (const [name, open] of this.#open) {
      if (logDestinations.includes(name) && isDeepStrictEqual(open.slice, sliceOf(name, settings))) continue;
      this.#open.delete(name);
      open.leave();
    }
    for (const name of logDestinations) {
      if (!this.#open.has(name)) this.#open.set(name, this.#enter(name, settings));
    }
    this.output.sinks = logDestinations.flatMap((name) => this.#open.get(name)?.sink ?? []);
    this.#hear(this.#open.has("file"));
  }

  /** Settles when everything is written, or after `timeoutMs`. */
  async flush(timeoutMs: number): Promise<void> {
    await Promise.all([...this.#open.values()].map((open) => open.flush(timeoutMs)));
  }

  #enter(name: LogDestination, settings: LogSettings): Open {
    const slice = sliceOf(name, settings);
    // logged once all destinations are open
    const onProblem = (text: string, level: LogLevel) => queueMicrotask(() => this.#tell(name, text, level));
    const { logFile, logStructured, sysLogPrefix: tag } = settings;
    if (name === "syslog") {
      const sink = new Syslog({ tag, onProblem });
      return { slice, sink, flush: () => Promise.resolve(), leave: () => sink.close() };
    }
    if (name === "stdout") {
      this.#stdout ??= openStdoutSink();
      this.#stdoutText ??= this.#stdout.format;
      const sink = this.#stdout;
      sink.format = logStructured ? jsonLines : this.#stdoutText;
      return { slice, sink, flush: (timeoutMs) => sink.flush(timeoutMs), leave: () => {} };
    }
    const file = new LogFile(logFile, logStructured ? jsonLines : textLines(false), onProblem);
    const flush = (timeoutMs: number) => file.flush(timeoutMs);
    return { slice, sink: file, file, flush, leave: () => void file.close(CLOSE_MS) };
  }

  /** SIGHUP reopens the log file, if there is one; otherwise it ends the process, as usual. */
  #hear(wanted: boolean): void {
    if (wanted === this.#isHearing) return;
    this.#isHearing = wanted;
    if (wanted) process.on("SIGHUP", this.#hangUp);
    else process.off("SIGHUP", this.#hangUp);
  }

  /** Logs the error of a destination to all others. */
  #tell(name: LogDestination, text: string, level: LogLevel): void {
    const others = [...this.#open].filter(([other]) => other !== name);
    const wall = Date.now();
    if (others.length === 0) write(2, textLines(false)(level, wall, text), () => {}); // nowhere left to complain
    for (const [, { sink }] of others) sink.write(level, wall, text);
  }
}

function sliceOf(name: LogDestination, settings: LogSettings): unknown {
  const { logFile, logStructured, sysLogPrefix } = settings;
  if (name === "syslog") return { sysLogPrefix };
  return name === "file" ? { logFile, logStructured } : { logStructured };
}
