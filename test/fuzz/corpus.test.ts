import { describe, expect, test } from "bun:test";
import { FuzzSession } from "./session.ts";
import { TARGETS } from "./targets.ts";

/** Another seed is given as TEST_SEED. */
const SEED = Number(process.env["TEST_SEED"] ?? 1);
const EXPLORE_MS = 700;

describe("every input that is known, and some that are not, end in an answer or a clean error", () => {
  for (const target of TARGETS) {
    test(`${target.name} (seed ${SEED})`, () => {
      const session = new FuzzSession(target, SEED);
      expect(session.replay()).toBeUndefined();
      expect(session.executions).toBeGreaterThan(0);
      const finding = session.explore(EXPLORE_MS);
      if (finding === undefined) return;
      const input = Buffer.from(finding.input).toString("base64");
      throw new Error(`base64 ${input}: ${finding.error.message}`, { cause: finding.error });
    }, 60_000);
  }
});
