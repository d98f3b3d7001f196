import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** The repository's top folder. */
export const ROOT = join(import.meta.dir, "../..");
/** Where compiled tools, traces and results go; never committed. */
export const OUT = join(import.meta.dir, "out");

const SOURCES = join(ROOT, "native/bench");
const TOOLS = {
  load: ["load.c", "publish.c", "read.c", "view.c", "rtsp.c", "pattern.c", "net.c", "tls.c"],
  relay: ["relay.c", "net.c", "tls.c"],
  "trace.so": ["trace.c"],
} as const;

/** A program of `native/bench`. */
export type ToolName = keyof typeof TOOLS;

/** True when this machine can compile and run the tools: Linux with a C compiler. */
export function canBuildTools(): boolean {
  return process.platform === "linux" && Bun.which("cc") !== null;
}

/** True when they can be built with TLS: OpenSSL's headers are there. */
export function hasTls(): boolean {
  if (!canBuildTools()) return false;
  const probe = ["cc", "-E", "-include", "openssl/ssl.h", "-x", "c", "/dev/null"];
  return Bun.spawnSync(probe, { stdout: "ignore" }).success;
}

/** Path of a compiled tool; it exists after {@link buildTools}. */
export function toolPath(name: ToolName): string {
  return join(OUT, name);
}

/**
 * Compiles what is missing or older than its sources.
 *
 * @throws {Error} with the compiler's words
 */
export function buildTools(): void {
  mkdirSync(OUT, { recursive: true });
  for (const [name, sources] of Object.entries(TOOLS)) build(join(OUT, name), sources);
}

function build(target: string, sources: readonly string[]): void {
  const inputs = sources.map((name) => join(SOURCES, name));
  const headers = ["net.h", "pattern.h", "rtsp.h", "load.h", "tls.h"].map((name) => join(SOURCES, name));
  if (age(target) >= Math.max(...[...inputs, ...headers].map(age))) return;
  const flags = ["-O2", "-Wall", "-Wextra", ...(target.endsWith(".so") ? ["-shared", "-fPIC"] : [])];
  const tls = sources.includes("tls.c") && hasTls();
  const libraries = tls ? ["-DBENCH_TLS", "-lssl", "-lcrypto", "-ldl"] : ["-ldl"];
  const part = `${target}.${process.pid}`;
  const { success, stderr } = Bun.spawnSync(["cc", ...flags, "-o", part, ...inputs, ...libraries]);
  if (!success) throw new Error(`cc: ${stderr.toString()}`);
  Bun.spawnSync(["mv", part, target]);
}

function age(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
