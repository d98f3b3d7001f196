import { parseArgs } from "node:util";
import { buildCore } from "../support/build-core.ts";
import { FuzzSession, type FuzzTarget, writeCorpus } from "./session.ts";

/** How often the state is printed, ms. */
const REPORT_MS = 60_000;
/** Inputs kept per target and run with `--keep`. */
const KEEP_MAX = 24;
const KEEP_BYTES_MAX = 2_048;

const { values } = parseArgs({
  options: {
    target: { type: "string" },
    seconds: { type: "string", default: "600" },
    seed: { type: "string" },
    keep: { type: "boolean", default: false },
  },
});

buildCore();
const { TARGETS } = await import("./targets.ts");
const seed = Number(values.seed ?? Math.floor(Math.random() * 0x1_0000_0000));
const chosen = TARGETS.filter(({ name }) => values.target === undefined || values.target === name);
if (chosen.length === 0) {
  console.error(`no target named ${values.target}; there are ${TARGETS.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}
let broken = false;
for (const target of chosen) broken = !fuzz(target, Number(values.seconds) * 1000) || broken;
process.exit(broken ? 1 : 0);

/** Runs a target for `ms`; false when it broke. */
function fuzz(target: FuzzTarget, ms: number): boolean {
  console.log(`${target.name}: seed ${seed}`);
  const session = new FuzzSession(target, seed);
  const start = performance.now();
  let finding = session.replay();
  while (finding === undefined) {
    const left = start + ms - performance.now();
    if (left <= 0) break;
    finding = session.explore(Math.min(left, REPORT_MS));
    report(target, session, performance.now() - start);
  }
  if (values.keep) keep(target, session);
  if (finding === undefined) return true;
  console.log(`${target.name}: ${writeCorpus(target, finding.input)} breaks it`);
  console.log(finding.error.stack ?? finding.error.message);
  return false;
}

function report(target: FuzzTarget, { executions, behaviours }: FuzzSession, ms: number): void {
  const rate = Math.round((executions / ms) * 1000);
  const seconds = Math.round(ms / 1000);
  console.log(
    `${target.name}: ${executions} executions in ${seconds} s, ${rate} a second, ${behaviours} behaviours`,
  );
}

function keep(target: FuzzTarget, session: FuzzSession): void {
  const small = session.fresh.filter(({ length }) => length <= KEEP_BYTES_MAX);
  for (const input of small.slice(0, KEEP_MAX)) writeCorpus(target, input);
}
