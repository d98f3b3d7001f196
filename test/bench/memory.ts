import { SERVER_CPU } from "./cpus.ts";
import { startPublishers, startReaders } from "./load.ts";
import { countFaults, requirePublishers } from "./measure.ts";
import { median, type Row, type Settings, spread, times } from "./row.ts";
import { BenchServer } from "./server.ts";
import { readResident } from "./usage.ts";

const FEW = 200;
const MORE = 1_000;
const BITRATE = 200_000;
const BAR_KB = 12;
const SAMPLES = 15;
const SAMPLE_MS = 200;

/** Resident set per extra reader, from 200 to 1,200 readers of a stream of 200 kbit/s. */
export async function memory(settings: Settings): Promise<Row[]> {
  const runs = await times(settings.runs, async (run) => {
    settings.progress(`memory: run ${run + 1} of ${settings.runs}`);
    return await runServer(settings);
  });
  const perReader = runs.map(({ few, more }) => (more - few) / MORE / 1_000);
  const ours = median(perReader);
  const gaps = runs.reduce((sum, run) => sum + run.gaps, 0);
  const mismatches = runs.reduce((sum, run) => sum + run.mismatches, 0);
  const row: Row = {
    name: `memory per reader, ${FEW} → ${FEW + MORE}`,
    ours,
    unit: "KB",
    spread: spread(perReader, 1),
    gaps,
    mismatches,
    bar: `≤ ${BAR_KB} KB`,
    ok: ours <= BAR_KB && gaps === 0 && mismatches === 0,
    note: `resident set ${megabytes(runs.map(({ few }) => few))} and ${megabytes(runs.map(({ more }) => more))} MB`,
    runs,
  };
  return [row];
}

async function runServer({ warmup }: Settings) {
  await using server = await BenchServer.start({ cpu: SERVER_CPU });
  const { port } = server;
  await using publisher = startPublishers({ port, count: 1, bitrate: BITRATE });
  await requirePublishers(publisher, 1);
  await using first = startReaders({ port, count: FEW });
  await first.ready();
  const few = await settle(server.pid, warmup);
  await using second = startReaders({ port, count: MORE });
  await second.ready();
  const more = await settle(server.pid, warmup);
  const [a, b] = [await first.stop(), await second.stop()];
  return { few, more, ...sum(countFaults([a], FEW), countFaults([b], MORE)) };
}

/** Median of some seconds of samples: the collector makes the resident set breathe. */
async function settle(pid: number, warmup: number): Promise<number> {
  await Bun.sleep(warmup * 1_000);
  const samples = await times(SAMPLES, async () => {
    await Bun.sleep(SAMPLE_MS);
    return readResident(pid);
  });
  return median(samples);
}

function sum(a: ReturnType<typeof countFaults>, b: ReturnType<typeof countFaults>) {
  return { gaps: a.gaps + b.gaps, mismatches: a.mismatches + b.mismatches };
}

function megabytes(bytes: readonly number[]): string {
  return (median(bytes) / 1e6).toFixed(1);
}
