import { fstatSync, write } from "node:fs";
import type { LogLevel, LogSink } from "../lib/log.ts";
import { formatLogTime } from "./rfc3339.ts";

/** Text held for a reader that does not keep up; lines beyond are dropped and counted. */
const MAX_PENDING_CHARS = 1024 * 1024;

const LABELS: Readonly<Record<LogLevel, string>> = { debug: "DEB", info: "INF", warn: "WAR", error: "ERR" };
const COLOURS: Readonly<Record<LogLevel, number>> = { debug: 36, info: 32, warn: 33, error: 31 };

/** A sink that can be brought to an end. */
export interface FlushableSink extends LogSink {
  /** Lines lost so far because the reader was too slow. */
  readonly dropped: number;
  /** Settles when everything is written, the reader is gone, or after `timeoutMs`. */
  flush(timeoutMs: number): Promise<void>;
}

/**
 * Lines on a descriptor, standard output by default: `2006/01/02 15:04:05 LVL message`, coloured on a terminal.
 *
 * Writing happens off the event loop, one piece at a time, so that a reader that is slow or gone costs lines but
 * never holds up the server.
 */
export function openStdoutSink(descriptor = 1, coloured = isTerminal(descriptor)): FlushableSink {
  return new DescriptorSink(descriptor, coloured);
}

/** Asked so that what decides for "no" comes first: the runtime's own answer takes tens of milliseconds to load. */
function isTerminal(descriptor: number): boolean {
  const { rdev, mode } = fstatSync(descriptor);
  const isCharacterDevice = (mode & 0o170_000) === 0o020_000;
  if (!isCharacterDevice || rdev === NULL_DEVICE) return false;
  return (require("node:tty") as typeof import("node:tty")).isatty(descriptor);
}

/** `/dev/null` of Linux. */
const NULL_DEVICE = 0x103;

/** One line, without its end. */
export function formatLine(time: string, level: LogLevel, message: string, coloured: boolean): string {
  if (!coloured) return `${time} ${LABELS[level]} ${message}`;
  return `\x1b[90m${time}\x1b[0m \x1b[${COLOURS[level]}m${LABELS[level]}\x1b[0m ${message}`;
}

class DescriptorSink implements FlushableSink {
  readonly #descriptor: number;
  readonly #coloured: boolean;
  #pending = "";
  #writing = false;
  #gone = false;
  #dropped = 0;
  #droppedTold = 0;
  #second = -1;
  #time = "";
  #idle: (() => void)[] = [];

  constructor(descriptor: number, coloured: boolean) {
    this.#descriptor = descriptor;
    this.#coloured = coloured;
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
    this.#tellDropped(wall);
    this.#append(level, wall, line);
    if (!this.#writing) this.#start();
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

  #append(level: LogLevel, wall: number, line: string): void {
    const second = Math.floor(wall / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#time = formatLogTime(wall);
    }
    this.#pending += `${formatLine(this.#time, level, line, this.#coloured)}\n`;
  }

  #tellDropped(wall: number): void {
    const fresh = this.#dropped - this.#droppedTold;
    if (fresh === 0) return;
    this.#droppedTold = this.#dropped;
    this.#append("warn", wall, `${fresh} log lines lost, their reader is too slow`);
  }

  #start(): void {
    if (this.#pending === "" || this.#gone) {
      this.#writing = false;
      for (const call of this.#idle.splice(0)) call();
      return;
    }
    this.#writing = true;
    const bytes = Buffer.from(this.#pending);
    this.#pending = "";
    this.#put(bytes);
  }

  #put(bytes: Buffer): void {
    write(this.#descriptor, bytes, (error, taken) => {
      if (error?.code === "EAGAIN") {
        setTimeout(() => this.#put(bytes), 10); // somebody made the descriptor non-blocking
        return;
      }
      if (error !== null && error !== undefined) {
        this.#gone = true;
        this.#pending = "";
      } else if (taken < bytes.length) {
        this.#put(bytes.subarray(taken));
        return;
      }
      this.#start();
    });
  }
}
