import { readFileSync } from "node:fs";

/** File descriptors that the server requests. */
const WANTED_DESCRIPTORS = 999_999;
/** Descriptors kept free for files, HTTP and what the runtime opens by itself. */
const RESERVED_DESCRIPTORS = 48;
/** Assumed if the limit cannot be read. */
const USUAL_LIMIT = 1024;

let soft: number | undefined;

/**
 * Raises the limit of open file descriptors to 999,999, or as far as the system allows.
 *
 * @returns the limit afterwards; undefined if unknown (no `/proc` and no ffi)
 */
export function raiseDescriptorLimit(): { readonly soft: number } | undefined {
  const before = readDescriptorLimit();
  soft = before;
  const { MEDIAMTX_NO_FFI } = process.env;
  if ((before ?? 0) < WANTED_DESCRIPTORS && MEDIAMTX_NO_FFI !== "1") soft = raiseByLibc() ?? before;
  return soft === undefined ? undefined : { soft };
}

/** Connections with this descriptor or a higher one must be rejected, so that descriptors stay free. */
export function descriptorCeiling(): number {
  soft ??= readDescriptorLimit() ?? USUAL_LIMIT;
  return Math.max(soft - RESERVED_DESCRIPTORS, RESERVED_DESCRIPTORS);
}

/** The soft limit, from `/proc`. */
function readDescriptorLimit(): number | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    const found = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "utf8"));
    if (found === null) return undefined;
    return found[1] === "unlimited" ? WANTED_DESCRIPTORS : Number(found[1]);
  } catch {
    return undefined; // /proc is not mounted: nothing is known, nothing is lost
  }
}

/** getrlimit and setrlimit of POSIX. @returns the soft limit afterwards, undefined without libc */
function raiseByLibc(): number | undefined {
  const libc = openLibc();
  if (libc === undefined) return undefined;
  const { symbols, pointer, close } = libc;
  const resource = process.platform === "darwin" ? 8 : 7; // RLIMIT_NOFILE
  const limits = new BigUint64Array(2); // soft, hard
  try {
    if (symbols.getrlimit(resource, pointer(limits)) !== 0) return undefined;
    const [hadSoft, hadHard] = limits as unknown as [bigint, bigint];
    const wanted = BigInt(WANTED_DESCRIPTORS);
    const hard = hadHard > wanted ? hadHard : wanted;
    // a privileged process may raise the hard limit too
    for (const attempt of [
      [wanted, hard] as const,
      [hadHard < wanted ? hadHard : wanted, hadHard] as const,
    ]) {
      limits.set(attempt);
      if (attempt[0] > hadSoft && symbols.setrlimit(resource, pointer(limits)) === 0)
        return Number(attempt[0]);
    }
    return Number(hadSoft < wanted ? hadSoft : wanted);
  } finally {
    close();
  }
}

/** libc with the functions that set limits. */
function openLibc() {
  const { ptr } = require("bun:ffi") as typeof import("bun:ffi");
  const library = openLibrary({
    getrlimit: { args: ["i32", "ptr"], returns: "i32" },
    setrlimit: { args: ["i32", "ptr"], returns: "i32" },
  });
  if (library === undefined) return undefined;
  const { symbols } = library;
  return { symbols, close: () => library.close(), pointer: (bytes: BigUint64Array) => ptr(bytes) };
}

/** libc, under its names in glibc, musl and macOS; undefined if none is found. */
export function openLibrary<const T extends Record<string, import("bun:ffi").FFIFunction>>(functions: T) {
  // loaded on first use: the module and its compiler slow down the start
  const { dlopen } = require("bun:ffi") as typeof import("bun:ffi");
  const machine = process.arch === "arm64" ? "aarch64" : "x86_64";
  for (const name of ["libc.so.6", `libc.musl-${machine}.so.1`, "libSystem.dylib"]) {
    try {
      return dlopen(name, functions);
    } catch {
      // not the name this system uses
    }
  }
  return undefined;
}

/** Finds addresses of views: the last one is remembered. A view must stay referenced as long as its address is used. */
export function addressFinder(): (bytes: Uint8Array) => number {
  const { ptr } = require("bun:ffi") as typeof import("bun:ffi");
  let known: Uint8Array | undefined;
  let base = 0;
  return (bytes) => {
    if (bytes !== known) {
      base = ptr(bytes);
      known = bytes;
    }
    return base;
  };
}

type Pointer = import("bun:ffi").Pointer;

/** Reads the error number of the last call, as a negative one. @param location `__errno_location` of libc */
export function errorReader(location: () => bigint | Pointer | null): () => number {
  const { read } = require("bun:ffi") as typeof import("bun:ffi");
  return () => {
    const where = location();
    return where === null ? -1 : -read.i32(where as Pointer);
  };
}

/** `send` of POSIX. */
export interface Send {
  /** Address of bytes. They must stay referenced as long as the address is used. */
  addressOf(bytes: Uint8Array): number;
  /** Never waits and raises no signal. @returns bytes taken, -1 on any error, a full buffer included */
  call(descriptor: number, address: number, length: number): number;
}

/** MSG_DONTWAIT and MSG_NOSIGNAL of Linux. */
const SEND_FLAGS = 0x40 | 0x4000;
let sender: Send | undefined | null = null;

/** `send` of libc; undefined if it cannot be called, or not without raising SIGPIPE. */
export function openSend(): Send | undefined {
  if (sender === null) sender = loadSend();
  return sender;
}

function loadSend(): Send | undefined {
  if (process.platform !== "linux" || process.env["MEDIAMTX_NO_FFI"] === "1") return undefined;
  const { FFIType } = require("bun:ffi") as typeof import("bun:ffi");
  const { i32, u64_fast } = FFIType;
  const library = openLibrary({ send: { args: [i32, FFIType.ptr, u64_fast, i32], returns: i32 } });
  if (library === undefined) return undefined;
  const { send } = library.symbols;
  return {
    addressOf: addressFinder(),
    call: (descriptor, address, length) => send(descriptor, address as Pointer, length, SEND_FLAGS),
  };
}
