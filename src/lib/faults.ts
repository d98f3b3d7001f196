import { errorText, isExpected } from "./errors.ts";
import type { Logger } from "./log.ts";

/** Most distinct faults that are remembered; beyond that, all are forgotten. */
const KNOWN_MAX = 200;
/** Causes shown with an error. */
const CAUSES_MAX = 3;

let count = 0;
/** How often each fault was reported, by its text. */
const known = new Map<string, number>();
/** Errors that were reported: one that several owners report is one fault. */
const reported = new WeakSet<object>();

/** Number of internal errors since the process started. */
export function internalErrors(): number {
  return count;
}

/**
 * Reports a bug: counts it and logs it with its stack. A repeated one is logged the 10th time, the 100th and so on, so
 * that it cannot flood the log.
 *
 * @param where what failed, for the first line
 */
export function reportFault(logger: Logger, error: unknown, where: string): void {
  if (isReported(error)) return;
  count += 1;
  const text = faultText(error);
  const times = countOf(text);
  if (!/^10*$/.test(String(times))) return;
  const again = times === 1 ? "" : ` (${times} times)`;
  for (const line of `internal error: ${where}${again}\n${text}`.split("\n")) logger.error(line);
}

/** Reports an error unless a peer, the configuration or the system can cause it. */
export function reportUnexpected(logger: Logger, error: unknown, where: string): void {
  if (!isExpected(error)) reportFault(logger, error, where);
}

/** The stack of an error and of its causes; the text of anything that is not an error. */
export function faultText(error: unknown): string {
  const texts: string[] = [];
  for (let at = error; at !== undefined && texts.length <= CAUSES_MAX; at = causeOf(at)) {
    texts.push((at instanceof Error ? at.stack : undefined) ?? errorText(at));
  }
  return texts.join("\ncaused by ");
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

function isReported(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  if (reported.has(error)) return true;
  reported.add(error);
  return false;
}

function countOf(text: string): number {
  if (known.size >= KNOWN_MAX && !known.has(text)) known.clear();
  const times = (known.get(text) ?? 0) + 1;
  known.set(text, times);
  return times;
}
