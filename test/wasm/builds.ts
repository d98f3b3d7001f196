import { BLOCK_SIZE } from "../../assembly/abi.ts";
import { MediaMemory } from "../../wasm/core.ts";
import { corePath } from "../support/build-core.ts";

/** The builds of the core, which must behave alike. */
export const BUILDS = ["debug", "release", "fuzz"] as const;
export type Build = (typeof BUILDS)[number];

/** Seed of the random tests; another one is given as TEST_SEED. It is part of each test's name. */
export const SEED = Number(process.env["TEST_SEED"] ?? 1);

/** A media memory of its own with `blocks` blocks. */
export function loadBuild(build: Build, blocks: number): MediaMemory {
  return MediaMemory.load(blocks * BLOCK_SIZE, corePath(build));
}
