import { parseArgs } from "node:util";
import { Arena, residentMegabytes, vitals } from "../integration/arena.ts";
import { Random } from "../support/random.ts";
import { misbehaveForever, pause, publishForever, readForever, type Stage } from "./actors.ts";
import { drift, type Sample } from "./drift.ts";

/** Growth of the resident set over the last 80 % of the time that is a leak. */
const MAX_DRIFT = 0.02;
const SAMPLES = 200;
const ROWS = 20;
/** The collector takes back at any moment: the resident set is looked at this often, ms. */
const LOOK_MS = 200;

await main();

/** `bun test/soak/main.ts [--minutes 10] [--warm-up 5] [--streams 20] [--readers 150] [--seed 1]` */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "10" },
      // until then the runtime compiles, and its heap finds its size
      "warm-up": { type: "string", default: "5" },
      streams: { type: "string", default: "20" },
      readers: { type: "string", default: "150" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
    },
  });
  const [minutes, streams, readers, seed] = [values.minutes, values.streams, values.readers, values.seed].map(
    Number,
  );
  const warmUp = Number(values["warm-up"]);
  console.log(
    `soak of ${minutes} minutes after ${warmUp} of warm-up: ${streams} streams, ${readers} readers, seed ${seed}`,
  );
  const over = new AbortController();
  await using arena = await Arena.start({ timeouts: "4s", peakMb: 400 });
  const stage: Stage = {
    origin: arena.url("").slice(0, -1),
    random: new Random(seed!),
    streams: streams!,
    over: over.signal,
    counts: { readers: 0, publishers: 0, faults: 0, packets: 0 },
    wrong: [],
  };
  const actors = Promise.all([
    ...Array.from({ length: streams! }, (_, i) => publishForever(stage, i)),
    ...Array.from({ length: readers! }, () => readForever(stage)),
    ...Array.from({ length: 10 }, () => misbehaveForever(stage)),
  ]);
  await pause(over.signal, warmUp * 60_000);
  const samples = await Promise.race([watch(arena, stage, minutes! * 60_000), actors.then(() => [])]);
  over.abort();
  await actors;
  await judge(arena, stage, samples);
}

/** Samples the server, and prints a row now and then. */
async function watch(arena: Arena, stage: Stage, lengthMs: number): Promise<Sample[]> {
  const { pid, metricsUrl } = arena.server;
  const start = performance.now();
  const samples: Sample[] = [];
  console.log("  min    least to MB     blocks   fds   readers  publishers  faults   packets");
  for (let i = 1; i <= SAMPLES; i++) {
    const megabytes = await leastUntil(start + (i * lengthMs) / SAMPLES, pid, stage.over);
    const held = await vitals(arena.server, metricsUrl);
    samples.push({ minute: (performance.now() - start) / 60_000, megabytes, ...held });
    if (i % (SAMPLES / ROWS) === 0) printRow(samples.slice(-SAMPLES / ROWS), stage);
  }
  return samples;
}

/** The smallest resident set from now until `end`, MB. */
async function leastUntil(end: number, pid: number, over: AbortSignal): Promise<number> {
  let least = residentMegabytes(pid);
  while (performance.now() < end && !over.aborted) {
    await pause(over, Math.min(LOOK_MS, end - performance.now()));
    least = Math.min(least, residentMegabytes(pid));
  }
  return least;
}

/** @param recent the samples since the last row */
function printRow(recent: readonly Sample[], { counts }: Stage): void {
  const { minute, blocks, descriptors } = recent.at(-1)!;
  const sizes = recent.map((sample) => sample.megabytes);
  const { readers, publishers, faults, packets } = counts;
  const cells: [string, number][] = [
    [minute.toFixed(2), 5],
    [Math.min(...sizes).toFixed(1), 9],
    [Math.max(...sizes).toFixed(1), 9],
    [String(blocks), 8],
    [String(descriptors), 6],
    [String(readers), 10],
    [String(publishers), 12],
    [String(faults), 8],
    [String(packets), 10],
  ];
  console.log(cells.map(([text, width]) => text.padStart(width)).join(""));
}

/** Says what was wrong; the exit code is 1 when anything was. */
async function judge(arena: Arena, stage: Stage, samples: readonly Sample[]): Promise<void> {
  const problems = [...new Set(stage.wrong)].slice(0, 20);
  const { first, last, share } = drift(samples);
  const percent = (100 * share).toFixed(2);
  const range = `${first.toFixed(1)} → ${last.toFixed(1)} MB`;
  console.log(`resident set over the last 80 % of the time, least of each stretch: ${range}, ${percent} %`);
  if (share > MAX_DRIFT) problems.push(`the resident set drifts by ${percent} %`);
  try {
    await arena.settle();
  } catch (error) {
    problems.push(String(error));
  }
  for (const problem of problems) console.log(`FAILED: ${problem}`);
  if (problems.length === 0) console.log("passed: no gap, blocks and descriptors are back, memory is flat");
  process.exitCode = problems.length === 0 ? 0 : 1;
}
