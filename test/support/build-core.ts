import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const TARGETS = ["release", "debug", "fuzz"] as const;

/** File of a build of the core. */
export function corePath(target: (typeof TARGETS)[number]): string {
  return join(ROOT, "wasm", target === "release" ? "core.wasm" : `core.${target}.wasm`);
}

function newest(folder: string): number {
  let time = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    time = Math.max(time, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs);
  }
  return time;
}

/** Builds what is missing or older than its sources. */
export function buildCore(): void {
  const sources = Math.max(newest(join(ROOT, "assembly")), statSync(join(ROOT, "asconfig.json")).mtimeMs);
  for (const target of TARGETS) {
    const path = corePath(target);
    if (existsSync(path) && statSync(path).mtimeMs >= sources) continue;
    const asc = join(ROOT, "node_modules/assemblyscript/bin/asc.js");
    const build = Bun.spawnSync(
      [process.execPath, asc, "assembly/index.ts", "--config", "asconfig.json", "--target", target],
      { cwd: ROOT },
    );
    if (build.exitCode !== 0)
      throw new Error(`the ${target} core was not built:\n${build.stdout}${build.stderr}`);
  }
}

if (import.meta.main) buildCore();
