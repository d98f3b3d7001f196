import { type ChildProcess, spawn } from "node:child_process";
import type { LogLevel, LogSink } from "../lib/log.ts";
import { LOG_LABELS } from "./log-lines.ts";
import { hasSyslogSockets, openSyslogSocket, type SyslogSocket } from "./syslog-socket.ts";

/** Paths of the syslog socket on different systems. */
const PATHS = ["/dev/log", "/var/run/syslog", "/var/run/log"];
/** The program that is used if the syslog socket is not available. */
const PROGRAM = "logger";
/** Severities (RFC 3164 §4.1.1). */
const SEVERITIES: Readonly<Record<LogLevel, number>> = { debug: 7, info: 6, warn: 4, error: 3 };
/** The facility of daemons, shifted. */
const DAEMON = 3 << 3;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/** Delay before connecting to syslog is retried, ms. */
const RETRY_MS = 1_000;
/** Most bytes buffered for the program. */
const PROGRAM_BYTES_MAX = 1024 * 1024;

export interface SyslogOptions {
  /** Name of this server in the log. */
  readonly tag: string;
  /** Called when the destination fails, and when it works again. */
  readonly onProblem: (text: string, level: LogLevel) => void;
  /** Sockets to try, in this order. */
  readonly paths?: readonly string[];
}

/** A connection to syslog. */
interface Taker {
  /** Never waits. @returns whether the message was accepted */
  send(severity: number, wall: number, text: string): boolean;
  close(): void;
}

/**
 * Sends lines to syslog, over its socket or through `logger`. Never waits: lines that are not accepted at once are dropped
 * and counted, and the count is reported when it works again.
 */
export class Syslog implements LogSink {
  readonly #options: SyslogOptions;
  #taker: Taker | undefined;
  #triedAt = Number.NEGATIVE_INFINITY;
  #lost = 0;
  #isFailing = false;

  constructor(options: SyslogOptions) {
    this.#options = options;
    this.#open();
  }

  write(level: LogLevel, wall: number, line: string): void {
    const text = `${LOG_LABELS[level]} ${line}`;
    if (this.#lost > 0 && this.#send(SEVERITIES.warn, wall, `WAR ${this.#lost} log lines dropped`))
      this.#lost = 0;
    if (!this.#send(SEVERITIES[level], wall, text)) this.#lost += 1;
  }

  close(): void {
    this.#taker?.close();
    this.#taker = undefined;
    this.#triedAt = Number.POSITIVE_INFINITY;
  }

  #send(severity: number, wall: number, text: string): boolean {
    if (this.#taker?.send(severity, wall, text) === true) return true;
    // syslog is slow, or was restarted
    if (performance.now() - this.#triedAt < RETRY_MS) return false;
    this.#open();
    return this.#taker?.send(severity, wall, text) ?? false;
  }

  #open(): void {
    const { tag, paths = PATHS, onProblem } = this.#options;
    this.#triedAt = performance.now();
    this.#taker?.close();
    if (!hasSyslogSockets()) {
      this.#taker = openProgram(tag, () => this.#ended());
      return;
    }
    this.#taker = openSocket(tag, paths);
    if (this.#taker === undefined) {
      this.#fail(`nothing is listening on ${paths.join(", ")}`);
      return;
    }
    if (this.#isFailing) onProblem("syslog is available again", "info");
    this.#isFailing = false;
  }

  #ended(): void {
    this.#taker = undefined;
    this.#fail(`'${PROGRAM}' does not accept lines`);
  }

  #fail(reason: string): void {
    if (!this.#isFailing) this.#options.onProblem(`syslog: ${reason}; retrying`, "error");
    this.#isFailing = true;
  }
}

function openSocket(tag: string, paths: readonly string[]): Taker | undefined {
  let socket: SyslogSocket | undefined;
  for (const path of paths) socket ??= openSyslogSocket(path);
  if (socket === undefined) return undefined;
  const { send, close } = socket;
  const head = `${tag}[${process.pid}]: `;
  return {
    send: (severity, wall, text) =>
      send(Buffer.from(`<${DAEMON | severity}>${formatStamp(wall)} ${head}${text}`)),
    close,
  };
}

/** `Jan  2 15:04:05`, local time (RFC 3164 §4.1.2). */
function formatStamp(wall: number): string {
  const date = new Date(wall);
  const pad = (value: number, fill = "0") => String(value).padStart(2, fill);
  const time = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
  return `${MONTHS[date.getMonth()]} ${pad(date.getDate(), " ")} ${time}`;
}

/** `logger` of util-linux, which reads a priority and a message per line. */
function openProgram(tag: string, onEnd: () => void): Taker {
  // detached from the terminal, so that Ctrl-C does not end it before the last lines; it ends with its input
  const child: ChildProcess = spawn(PROGRAM, ["--tag", tag, "--prio-prefix", "--priority", "daemon.info"], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  let isClosed = false;
  const end = () => {
    if (!isClosed) onEnd();
    isClosed = true;
  };
  child.on("error", end);
  child.on("exit", end);
  child.stdin?.on("error", end);
  return {
    send: (severity, _, text) => {
      const { stdin } = child;
      if (isClosed || stdin === null || stdin.writableLength > PROGRAM_BYTES_MAX) return false;
      stdin.write(`<${DAEMON | severity}>${text}\n`);
      return true;
    },
    close: () => {
      isClosed = true;
      child.stdin?.end();
    },
  };
}
