import type { LogLevel, LogSink } from "../lib/log.ts";
import type { LineFormat } from "./log-lines.ts";

/** Most text that is buffered while the output is slow; further lines are dropped and counted. */
const MAX_PENDING_CHARS = 1024 * 1024;

/** A sink that can be flushed and closed. */
export interface FlushableSink extends LogSink {
  /** Lines lost so far because they could not be written in time. */
  readonly dropped: number;
  /** Settles when everything is written, the output is closed, or after `timeoutMs`. */
  flush(timeoutMs: number): Promise<void>;
}

/** Writes a piece of whole lines, and calls back when it is done; with `false` if the output is closed for good. */
export type WriteLines = (bytes: Buffer, done: (goesOn: boolean) => void) => void;

/** Buffers lines and writes them off the event loop, one piece at a time. */
export class LogQueue implements FlushableSink {
  /** Of the lines from now on. */
  format: LineFormat;
  readonly #put: WriteLines;
  #pending = "";
  #writing = false;
  #gone = false;
  #dropped = 0;
  #droppedTold = 0;
  #idle: (() => void)[] = [];

  constructor(format: LineFormat, put: WriteLines) {
    this.format = format;
    this.#put = put;
  }

  get dropped(): number {
    return this.#dropped;
  }

  write(level: LogLevel, wall: number, line: string): void {
    if (this.#gone) return;
    if (this.#pending.length + line.length > MAX_PENDING_CHARS) {
      this.#dropped++;
      return;
    }
    const fresh = this.#dropped - this.#droppedTold;
    this.#droppedTold = this.#dropped;
    if (fresh > 0)
      this.#pending += this.format("warn", wall, `${fresh} log lines dropped: the output is too slow`);
    this.#pending += this.format(level, wall, line);
    if (!this.#writing) this.#next();
  }

  /** Schedules a call of `put`, even if there is nothing to write. */
  touch(): void {
    if (!this.#writing) this.#start(Buffer.alloc(0));
  }

  async flush(timeoutMs: number): Promise<void> {
    if (!this.#writing) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#idle.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #next(): void {
    if (this.#pending === "" || this.#gone) {
      this.#writing = false;
      for (const call of this.#idle.splice(0)) call();
      return;
    }
    const bytes = Buffer.from(this.#pending);
    this.#pending = "";
    this.#start(bytes);
  }

  #start(bytes: Buffer): void {
    this.#writing = true;
    this.#put(bytes, (goesOn) => {
      if (!goesOn) {
        this.#gone = true;
        this.#pending = "";
      }
      this.#next();
    });
  }
}
