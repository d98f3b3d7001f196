import { close, open, write } from "node:fs";
import type { LogLevel } from "../lib/log.ts";
import type { LineFormat } from "./log-lines.ts";
import { type FlushableSink, LogQueue } from "./log-queue.ts";
import { systemReason } from "./system-reason.ts";

/** Delay before opening or writing the file is retried, ms. */
const RETRY_MS = 1_000;

const NOTHING = Buffer.alloc(0);

/**
 * Appends lines to a file. If it cannot be opened or written, that is reported once and retried every second; up to a
 * megabyte of lines is kept meanwhile.
 */
export class LogFile implements FlushableSink {
  readonly #path: string;
  /** Called when the destination fails, and when it works again. */
  readonly #onProblem: (text: string, level: LogLevel) => void;
  readonly #queue: LogQueue;
  #descriptor: number | undefined;
  /** Whether the file must be reopened before the next write. */
  #isStale = false;
  #isFailing = false;
  #isClosed = false;

  constructor(path: string, format: LineFormat, onProblem: (text: string, level: LogLevel) => void) {
    this.#path = path;
    this.#onProblem = onProblem;
    this.#queue = new LogQueue(format, (bytes, done) => this.#put(bytes, done));
    this.#queue.touch(); // a file that cannot be had is said at once
  }

  get dropped(): number {
    return this.#queue.dropped;
  }

  write(level: LogLevel, wall: number, line: string): void {
    this.#queue.write(level, wall, line);
  }

  flush(timeoutMs: number): Promise<void> {
    return this.#queue.flush(timeoutMs);
  }

  /** Reopens the file, which may have been rotated. */
  reopen(): void {
    this.#isStale = true;
    this.#queue.touch();
  }

  /** Writes pending lines, within `timeoutMs`, and closes the file. */
  async close(timeoutMs: number): Promise<void> {
    await this.flush(timeoutMs);
    this.#isClosed = true;
    this.#release();
  }

  #release(): void {
    if (this.#descriptor !== undefined) close(this.#descriptor, () => {}); // there is nobody left to tell
    this.#descriptor = undefined;
  }

  #put(bytes: Buffer, done: (goesOn: boolean) => void): void {
    if (this.#isStale || this.#isClosed) this.#release();
    this.#isStale = false;
    if (this.#isClosed) done(false);
    else if (this.#descriptor === undefined) this.#openAndPut(bytes, done);
    else if (bytes.length === 0) this.#written(done);
    else {
      write(this.#descriptor, bytes, (error, taken) => {
        if (error !== null && error !== undefined) this.#retry(error, bytes, done);
        else if (taken < bytes.length) this.#put(bytes.subarray(taken), done);
        else this.#written(done);
      });
    }
  }

  #openAndPut(bytes: Buffer, done: (goesOn: boolean) => void): void {
    open(this.#path, "a", 0o644, (error, descriptor) => {
      if (error !== null) {
        this.#retry(error, bytes, done);
        return;
      }
      this.#descriptor = descriptor;
      this.#put(bytes, done);
    });
  }

  #written(done: (goesOn: boolean) => void): void {
    if (this.#isFailing) this.#onProblem(`log file ${this.#path} can be written again`, "info");
    this.#isFailing = false;
    if (this.#isStale) this.#put(NOTHING, done);
    else done(true);
  }

  #retry(error: Error, bytes: Buffer, done: (goesOn: boolean) => void): void {
    if (!this.#isFailing)
      this.#onProblem(`log file ${this.#path}: ${systemReason(error)}; retrying`, "error");
    this.#isFailing = true;
    this.#isStale = true; // it may be another one by then
    setTimeout(() => this.#put(bytes, done), RETRY_MS).unref();
  }
}
