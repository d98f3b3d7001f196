import { write } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import type { LogLevel, LogOutput, LogSink } from "../lib/log.ts";
import { LogFile } from "./log-file.ts";
import { jsonLines, type LineFormat, textLines } from "./log-lines.ts";
import type { LogQueue } from "./log-queue.ts";
import { openStdoutSink } from "./log-sinks.ts";
import { Syslog } from "./syslog.ts";

/** How long a destination that is left may take for its last lines, ms. */
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
  /** What it was opened with; another value opens it anew. */
  readonly slice: unknown;
  readonly sink: LogSink;
  readonly file?: LogFile;
  flush(timeoutMs: number): Promise<void>;
  /** Leaves it, in the background. */
  leave(): void;
}

/**
 * Where the log goes. `apply` changes the output that all loggers share, in place and at once; a destination whose
 * settings stay as they are goes on undisturbed. What is wrong with one is said in the others, or on standard error.
 */
export class LogOutputs {
  readonly output: LogOutput = { level: "info", sinks: [] };
  readonly #open = new Map<LogDestination, Open>();
  readonly #hangUp = () => this.#open.get("file")?.file?.reopen();
  #isHearing = false;
  /** Stays once it is there: two that write to one descriptor would get in each other's lines. */
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
    // said once all destinations are there
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

  /** SIGHUP means to open the file again, as long as there is one; else it ends the process, as it always does. */
  #hear(wanted: boolean): void {
    if (wanted === this.#isHearing) return;
    this.#isHearing = wanted;
    if (wanted) process.on("SIGHUP", this.#hangUp);
    else process.off("SIGHUP", this.#hangUp);
  }

  /** Says what is wrong with a destination in all others. */
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
