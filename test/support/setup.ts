import { afterEach } from "bun:test";
import { buildCore } from "./build-core.ts";
import { takeFaults } from "./faults.ts";

buildCore();

afterEach(() => {
  const faults = takeFaults();
  if (faults > 0) throw new Error(`${faults} internal errors were reported`);
});
