import { availableParallelism } from "node:os";

const many = process.platform === "linux" && availableParallelism() > 1;

/** Where the measured program runs; undefined on a machine with one CPU. */
export const SERVER_CPU = many ? 0 : undefined;
/** Where load and everything else runs. */
export const LOAD_CPU = many ? 1 : undefined;
