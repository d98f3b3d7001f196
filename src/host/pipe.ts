import { openLibrary } from "./libc.ts";

/** O_CLOEXEC of Linux. */
const CLOSE_ON_EXEC = 0o2_000_000;

/** The two ends of a pipe, as descriptors. */
export interface Pipe {
  readonly read: number;
  readonly write: number;
}

let open: (() => Pipe | undefined) | undefined;

/**
 * Makes a pipe whose ends no other process inherits. The runtime gives its children sockets instead, which
 * `/dev/stdout` and `/dev/stderr` cannot be opened on.
 *
 * @returns undefined if that is not possible
 */
export function openPipe(): Pipe | undefined {
  open ??= load();
  return open();
}

function load(): () => Pipe | undefined {
  if (process.platform !== "linux" || process.env["MEDIAMTX_NO_FFI"] === "1") return () => undefined;
  const { FFIType, ptr } = require("bun:ffi") as typeof import("bun:ffi");
  const library = openLibrary({ pipe2: { args: [FFIType.ptr, FFIType.i32], returns: FFIType.i32 } });
  if (library === undefined) return () => undefined;
  const { pipe2 } = library.symbols;
  const ends = new Int32Array(2);
  return () => {
    if (pipe2(ptr(ends), CLOSE_ON_EXEC) !== 0) return undefined;
    return { read: ends[0] as number, write: ends[1] as number };
  };
}
