import { readFileSync } from "node:fs";
import { openLibrary } from "./libc.ts";

/**
 * Importing this first starts the executable once more, in the same process, with an allocator that keeps the pages
 * it has. Received bytes come in fresh buffers; by default the allocator gives their pages back to the system within
 * 10 ms and faults them in again, which makes receiving half as expensive again (200 publishers at 5 Mbit/s: 34 % of a
 * core instead of 20 %). It reads its options before any code of ours runs, hence the second start, 10 ms.
 *
 * Only on Linux, and only for the compiled executable; without ffi or `/proc`, or where the option is set already,
 * nothing happens.
 */
const OPTION = "MIMALLOC_PURGE_DELAY";

function isCompiled(): boolean {
  return Bun.main.startsWith("/$bunfs/");
}

function startAnew(): void {
  const { FFIType, ptr } = require("bun:ffi") as typeof import("bun:ffi");
  const kept: (Buffer | BigUint64Array)[] = [];
  const text = (value: string) => {
    const bytes = Buffer.from(`${value}\0`);
    kept.push(bytes);
    return ptr(bytes);
  };
  const list = (values: readonly string[]) => {
    const pointers = new BigUint64Array(values.length + 1);
    values.forEach((value, i) => {
      pointers[i] = BigInt(text(value));
    });
    kept.push(pointers);
    return ptr(pointers);
  };
  const { ptr: pointer, i32 } = FFIType;
  const library = openLibrary({ execve: { args: [pointer, pointer, pointer], returns: i32 } });
  const argv = readFileSync("/proc/self/cmdline", "utf8").split("\0").slice(0, -1);
  const environment = Object.entries({ ...process.env, [OPTION]: "-1" });
  library?.symbols.execve(
    text("/proc/self/exe"),
    list(argv),
    list(environment.map(([name, value]) => `${name}=${value}`)),
  );
}

if (process.platform === "linux" && isCompiled() && process.env["MEDIAMTX_NO_FFI"] !== "1") {
  if (process.env[OPTION] === undefined) {
    try {
      startAnew();
    } catch {
      // no such C library, or no /proc: the server works, receiving costs more
    }
  } else {
    delete process.env[OPTION]; // not for the processes we start
  }
}
