import { systemClock } from "../../src/host/clock.ts";
import { Logger, type LogLevel, type LogOutput } from "../../src/lib/log.ts";

const LABELS: Readonly<Record<LogLevel, string>> = { debug: "DEB", info: "INF", warn: "WAR", error: "ERR" };

/** A logger that keeps its lines, without time: `INF message`. */
export function testLog(level: LogLevel = "info") {
  const lines: string[] = [];
  const write = (of: LogLevel, _wall: number, line: string) => void lines.push(`${LABELS[of]} ${line}`);
  const output: LogOutput = { level, sinks: [{ write }] };
  return { logger: new Logger(output, systemClock), output, lines };
}
