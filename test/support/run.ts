/**
 * Runs all tests, each file in a process of its own, so that one cannot break another. It ends with the slowest files,
 * what was skipped and failed by name, and one line that counts: `N passed, N failed, N skipped`.
 */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Glob } from "bun";
import { makeClips } from "./clips.ts";
import { killMarked, marked } from "./leftovers.ts";
import { has } from "./tools.ts";

type Lane = "alone" | "clients" | "servers" | "units";

interface Kind {
  /** Files below `test/`; the first kind that matches has the file. */
  readonly files: RegExp;
  readonly lane: Lane;
  /** Tests of a file that run at the same time, where they say that they may. */
  readonly atOnce: number;
}

/**
 * What loads the machine or measures it runs alone. The other lanes run beside each other, in each one file after the
 * other: most tests with foreign clients, and with servers of their own, wait for media in real time.
 */
const KINDS: readonly Kind[] = [
  { files: /^interop\/hls-latency\./, lane: "alone", atOnce: 1 },
  { files: /^integration\/(floods|hls-burst|hls-cache|hls-hostile)\./, lane: "alone", atOnce: 10 },
  { files: /^integration\/on-demand(-hooks)?\./, lane: "alone", atOnce: 10 },
  // its servers time out after two seconds: beside others, this process may stand still for as long
  { files: /^integration\/external-auth\./, lane: "alone", atOnce: 5 },
  // the longest begins at once: at the end the other lanes would wait for it
  { files: /^interop\/rtsps\./, lane: "clients", atOnce: 20 },
  // a browser takes a second of processor to start
  { files: /^interop\/hls-(pages|web-codecs)\./, lane: "clients", atOnce: 3 },
  { files: /^interop\//, lane: "clients", atOnce: 20 },
  // all on the same servers, waiting for media in real time
  { files: /^conformance\//, lane: "servers", atOnce: 20 },
  // as many servers start at the same time
  { files: /^integration\//, lane: "servers", atOnce: 10 },
  { files: /./, lane: "units", atOnce: 10 },
];
/** Those that run beside each other, the one that takes longest first. */
const BESIDE: readonly Lane[] = ["clients", "servers", "units"];

/** A test without a limit of its own may take that long, ms: it is there for those that hang. */
const TEST_LIMIT_MS = 30_000;
/** A file that takes longer hangs, and is killed, ms. */
const FILE_LIMIT_MS = 300_000;
const SLOWEST = 10;

function kindOf(file: string): Kind {
  const kind = KINDS.find(({ files }) => files.test(file));
  if (kind === undefined) throw new Error(`no lane takes ${file}`);
  return kind;
}

interface Outcome {
  readonly file: string;
  readonly output: string;
  readonly seconds: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Marks of the files that run now. */
const running = new Set<string>();

/** Runs one file. It prints into a file as well: what it leaves behind cannot hold that open, and is killed. */
async function runFile(folder: string, file: string): Promise<Outcome> {
  const start = performance.now();
  const path = join(folder, `${file.replaceAll("/", "-")}.txt`);
  const limits = [`--timeout=${TEST_LIMIT_MS}`, `--max-concurrency=${kindOf(file).atOnce}`];
  const log = openSync(path, "a");
  const child = Bun.spawn([process.execPath, "test", ...limits, `./test/${file}`], {
    env: marked(path),
    stdin: "ignore",
    stdout: log,
    stderr: log,
  });
  running.add(path);
  const timer = setTimeout(() => child.kill("SIGKILL"), FILE_LIMIT_MS);
  await child.exited;
  clearTimeout(timer);
  running.delete(path);
  killMarked(path);
  closeSync(log);
  const seconds = (performance.now() - start) / 1000;
  const output = readFileSync(path, "utf8");
  const count = (what: string) => Number(new RegExp(`^ *(\\d+) ${what}$`, "m").exec(output)?.[1] ?? 0);
  const failed = count("fail");
  // whoever crashes or hangs does not come to count
  const isBroken = !/^Ran \d+ tests? /m.test(output) || (child.exitCode !== 0 && failed === 0);
  return {
    file,
    output: isBroken
      ? `${output}\n(fail) its process ended with ${child.exitCode ?? child.signalCode}`
      : output,
    seconds,
    passed: count("pass"),
    failed: failed + (isBroken ? 1 : 0),
    skipped: count("skip"),
  };
}

function show({ file, output, seconds, passed, failed, skipped }: Outcome): void {
  const verdict = failed > 0 ? "FAIL" : "ok  ";
  console.log(`${verdict} ${file}  ${passed} passed, ${skipped} skipped, ${seconds.toFixed(1)} s`);
  if (failed > 0) console.log(output);
}

/** Runs the files of all lanes; a lane that is through helps the others, the first ones first. */
async function runLanes(queues: string[][], run: (file: string) => Promise<void>): Promise<void> {
  const next = (own: string[]) => own.shift() ?? queues.find(({ length }) => length > 0)?.shift();
  await Promise.all(
    queues.map(async (own) => {
      for (let file = next(own); file !== undefined; file = next(own)) await run(file);
    }),
  );
}

function sum(outcomes: readonly Outcome[], of: "passed" | "failed" | "skipped"): number {
  return outcomes.reduce((all, outcome) => all + outcome[of], 0);
}

function conclude(outcomes: readonly Outcome[], seconds: number): number {
  const slowest = outcomes.toSorted((a, b) => b.seconds - a.seconds).slice(0, SLOWEST);
  console.log(`${outcomes.length} files in ${seconds.toFixed(0)} s; the slowest:`);
  for (const { file, seconds: took } of slowest) console.log(`${took.toFixed(1).padStart(7)} s  ${file}`);
  const named = (verdict: string) => {
    // the runtime says twice what has failed
    const names = outcomes.flatMap(({ file, output }) =>
      [...output.matchAll(new RegExp(`^\\(${verdict}\\) (.*)$`, "gm"))].map(([, name]) => `${file}: ${name}`),
    );
    for (const name of new Set(names)) console.log(`${verdict}: ${name}`);
  };
  named("skip");
  named("fail");
  const [passed, failed, skipped] = [
    sum(outcomes, "passed"),
    sum(outcomes, "failed"),
    sum(outcomes, "skipped"),
  ];
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 || passed === 0 ? 1 : 0;
}

async function main(): Promise<number> {
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  if (has("ffmpeg")) {
    const made = await makeClips();
    if (made > 0) console.log(`made ${made} clips for the tests, ${seconds().toFixed(1)} s`);
  }
  const files = [...new Glob("**/*.test.ts").scanSync("test")].sort();
  const queue = (lane: Lane) =>
    KINDS.filter((kind) => kind.lane === lane).flatMap((kind) =>
      files.filter((file) => kindOf(file) === kind),
    );
  const folder = mkdtempSync(join(tmpdir(), "mediamtx-tests-"));
  const outcomes: Outcome[] = [];
  const run = async (file: string) => {
    const outcome = await runFile(folder, file);
    outcomes.push(outcome);
    show(outcome);
  };
  await runLanes([queue("alone")], run);
  await runLanes(BESIDE.map(queue), run);
  rmSync(folder, { recursive: true, force: true });
  return conclude(outcomes, seconds());
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => {
    for (const mark of running) killMarked(mark);
    process.exit(1);
  });
process.exit(await main());
