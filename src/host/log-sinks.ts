import { fstatSync, write } from "node:fs";
import { textLines } from "./log-lines.ts";
import { LogQueue } from "./log-queue.ts";

/** Delay before a write to a non-blocking descriptor is retried, ms. */
const AGAIN_MS = 10;

/**
 * Writes lines to a descriptor, standard output by default, coloured on a terminal.
 *
 * Writes happen off the event loop, one piece at a time, so that a slow or closed reader loses lines and never blocks the
 * server.
 */
export function openStdoutSink(descriptor = 1, coloured = isTerminal(descriptor)): LogQueue {
  const put = (bytes: Buffer, done: (goesOn: boolean) => void) =>
    write(descriptor, bytes, (error, taken) => {
      if (error?.code === "EAGAIN") setTimeout(() => put(bytes, done), AGAIN_MS);
      else if (error !== null && error !== undefined) done(false);
      else if (taken < bytes.length) put(bytes.subarray(taken), done);
      else done(true);
    });
  return new LogQueue(textLines(coloured), put);
}

/** Checks the cheap conditions first: the runtime's own check takes tens of milliseconds to load. */
function isTerminal(descriptor: number): boolean {
  const { rdev, mode } = fstatSync(descriptor);
  const isCharacterDevice = (mode & 0o170_000) === 0o020_000;
  if (!isCharacterDevice || rdev === NULL_DEVICE) return false;
  return (require("node:tty") as typeof import("node:tty")).isatty(descriptor);
}

/** `/dev/null` of Linux. */
const NULL_DEVICE = 0x103;
