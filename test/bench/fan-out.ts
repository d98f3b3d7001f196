import { join } from "node:path";
import { SERVER_CPU } from "./cpus.ts";
import { startPublishers, startReaders } from "./load.ts";
import { countFaults, type Measured, measureReaders, requirePublishers } from "./measure.ts";
import { Relay } from "./relay.ts";
import { median, type Row, type Settings, spread } from "./row.ts";
import { BenchServer } from "./server.ts";
import { OUT } from "./tools.ts";
import { convertTrace, countRecords, type Trace } from "./trace.ts";

const READERS = [50, 200, 500, 1_000];
const RATIO_BAR = 1.25;
const USER_US_BAR = 1.5;
const TRACE_S = 4;

/** One publisher of 5 Mbit/s to 50, 200, 500 and 1,000 readers over RTSP/TCP. */
export async function fanOut(settings: Settings, only?: number): Promise<Row[]> {
  const rows: Row[] = [];
  for (const readers of READERS) {
    if (only === undefined || only === readers) rows.push(await fanOutRow(readers, settings));
  }
  return rows;
}

async function fanOutRow(readers: number, settings: Settings): Promise<Row> {
  settings.progress(`fan-out ${readers}: recording the server's writes`);
  const file = join(OUT, `fan-out-${readers}.trace`);
  const trace = await record(readers, settings, file);
  const ours: Measured[] = [];
  const theirs: Measured[] = [];
  for (let run = 1; run <= settings.runs; run++) {
    settings.progress(`fan-out ${readers}: run ${run} of ${settings.runs}`);
    ours.push(await runServer(readers, settings));
    theirs.push(await runYardstick(readers, settings, file));
  }
  return summarize(readers, trace, ours, theirs);
}

/** A short run of RTSP/TCP whose writes are recorded; its CPU time is not used, as recording costs some. */
export async function record(readers: number, settings: Settings, target: string): Promise<Trace> {
  const source = join(OUT, "writes.bin");
  await using server = await BenchServer.start({ cpu: SERVER_CPU, trace: source });
  await using publisher = startPublishers({ port: server.port, count: 1 });
  await requirePublishers(publisher, 1);
  const { warmup } = settings;
  await using load = startReaders({ port: server.port, count: readers, warmup, seconds: TRACE_S });
  await load.began();
  const from = countRecords(source);
  await load.over();
  return convertTrace(source, target, { from, to: countRecords(source), readers });
}

async function runServer(readers: number, { seconds, warmup }: Settings): Promise<Measured> {
  await using server = await BenchServer.start({ cpu: SERVER_CPU });
  await using publisher = startPublishers({ port: server.port, count: 1 });
  await requirePublishers(publisher, 1);
  await using load = startReaders({ port: server.port, count: readers, warmup, seconds });
  return await measureReaders(server.pid, load);
}

async function runYardstick(readers: number, { seconds, warmup }: Settings, file: string): Promise<Measured> {
  await using relay = await Relay.start(["replay", "--trace", file, "--readers", String(readers)]);
  await using publisher = startPublishers({ port: relay.ingestPort, count: 1, raw: true });
  await requirePublishers(publisher, 1);
  const unchecked = { raw: true, unchecked: true };
  await using load = startReaders({ port: relay.readerPort, count: readers, warmup, seconds, ...unchecked });
  return await measureReaders(relay.pid, load);
}

function summarize(
  readers: number,
  trace: Trace,
  ours: readonly Measured[],
  theirs: readonly Measured[],
): Row {
  const ratios = ours.map((run, index) => perGigabyte(run) / perGigabyte(theirs[index] ?? run));
  const ratio = median(ours.map(perGigabyte)) / median(theirs.map(perGigabyte));
  const writesPerS = trace.writes / trace.seconds;
  const userUs =
    (sum(ours, ({ userS }) => userS) * 1e6) / (writesPerS * sum(ours, ({ read }) => read.seconds));
  const faults = countFaults(
    ours.map(({ read }) => read),
    readers,
  );
  const clean = faults.gaps === 0 && faults.mismatches === 0;
  const rates = [median(ours.map(megabits)), median(theirs.map(megabits))];
  return {
    name: `RTSP/TCP 5 Mbit/s → ${readers}`,
    ours: median(ours.map(({ cpuS }) => cpuS)),
    yardstick: median(theirs.map(({ cpuS }) => cpuS)),
    unit: "CPU-s",
    ratio,
    spread: spread(ratios, 3),
    userUs,
    ...faults,
    bar: `ratio ≤ ${RATIO_BAR}, user ≤ ${USER_US_BAR} µs, no loss`,
    ok: clean && ratio <= RATIO_BAR && userUs <= USER_US_BAR,
    note:
      `${rates.map((rate) => rate.toFixed(0)).join(" and ")} Mbit/s delivered, ` +
      `${median(ours.map(perGigabyte)).toFixed(2)} and ${median(theirs.map(perGigabyte)).toFixed(2)} CPU-s per GB; ` +
      `${writesPerS.toFixed(0)} writes/s of ${(trace.bytes / trace.writes / 1_000).toFixed(1)} KB; ` +
      `user ${userShare(ours)} of our CPU, ${userShare(theirs)} of the yardstick's; ` +
      `p99 delay ${median(ours.map(({ read }) => read.delayMs.p99)).toFixed(1)} ms`,
    runs: ours.map((run, index) => ({ ours: run, yardstick: theirs[index] })),
  };
}

function perGigabyte({ cpuS, read }: Measured): number {
  return cpuS / (read.bytes / 1e9);
}

function megabits({ read }: Measured): number {
  return (read.bytes * 8) / read.seconds / 1e6;
}

/** The kernel samples the user part at its tick: only the sum of all runs has enough samples to be a figure. */
function sum(runs: readonly Measured[], part: (run: Measured) => number): number {
  return runs.reduce((total, run) => total + part(run), 0);
}

function userShare(runs: readonly Measured[]): string {
  return `${((100 * sum(runs, ({ userS }) => userS)) / sum(runs, ({ cpuS }) => cpuS)).toFixed(0)} %`;
}
