import type { LogLevel } from "../lib/log.ts";
import { formatLogTime, formatRfc3339 } from "./rfc3339.ts";

/** Formats a line, with its line break. */
export type LineFormat = (level: LogLevel, wall: number, message: string) => string;

export const LOG_LABELS: Readonly<Record<LogLevel, string>> = {
  debug: "DEB",
  info: "INF",
  warn: "WAR",
  error: "ERR",
};
const COLOURS: Readonly<Record<LogLevel, number>> = { debug: 36, info: 32, warn: 33, error: 31 };

/** One line, without its line break. */
export function formatLine(time: string, level: LogLevel, message: string, coloured: boolean): string {
  if (!coloured) return `${time} ${LOG_LABELS[level]} ${message}`;
  return `\x1b[90m${time}\x1b[0m \x1b[${COLOURS[level]}m${LOG_LABELS[level]}\x1b[0m ${message}`;
}

/** `2006/01/02 15:04:05 LVL message`, local time. */
export function textLines(coloured: boolean): LineFormat {
  let second = -1;
  let time = "";
  return (level, wall, message) => {
    const now = Math.floor(wall / 1000);
    if (now !== second) {
      second = now;
      time = formatLogTime(wall);
    }
    return `${formatLine(time, level, message, coloured)}\n`;
  };
}

/** A JSON object per line, with `timestamp` (RFC 3339), `level` and `message`. */
export const jsonLines: LineFormat = (level, wall, message) =>
  `${JSON.stringify({ timestamp: formatRfc3339(wall), level: LOG_LABELS[level], message })}\n`;
