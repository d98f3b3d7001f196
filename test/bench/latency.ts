import { SERVER_CPU } from "./cpus.ts";
import { type ReadResult, startPublishers, startReaders } from "./load.ts";
import { countFaults, requirePublishers } from "./measure.ts";
import { Relay } from "./relay.ts";
import { median, type Row, type Settings, spread } from "./row.ts";
import { BenchServer } from "./server.ts";

const READERS = 200;
/** Longest time a stream waits for more before it is flushed, ms (design: flush). */
const WINDOW_MS = 10;
const ALLOWANCE_MS = 5;

/** Delay of packets through the server beside a relay that forwards each as it comes. */
export async function latency(settings: Settings): Promise<Row[]> {
  const ours: ReadResult[] = [];
  const theirs: ReadResult[] = [];
  for (let run = 1; run <= settings.runs; run++) {
    settings.progress(`latency ${READERS}: run ${run} of ${settings.runs}`);
    ours.push(await runServer(settings));
    theirs.push(await runYardstick(settings));
  }
  const p99 = median(ours.map(({ delayMs }) => delayMs.p99));
  const yardstick = median(theirs.map(({ delayMs }) => delayMs.p99));
  const faults = countFaults(ours, READERS);
  const row: Row = {
    name: `latency added, ${READERS} readers, p99`,
    ours: p99,
    yardstick,
    unit: "ms",
    spread: spread(ours.map(({ delayMs }) => delayMs.p99)),
    ...faults,
    bar: `≤ yardstick + ${WINDOW_MS} + ${ALLOWANCE_MS} ms`,
    ok: p99 <= yardstick + WINDOW_MS + ALLOWANCE_MS && faults.gaps === 0 && faults.mismatches === 0,
    note: `p50 ${figures(ours, "p50")} and ${figures(theirs, "p50")} ms, max ${figures(ours, "max")} and ${figures(theirs, "max")} ms`,
    runs: ours.map((run, index) => ({ ours: run, yardstick: theirs[index] })),
  };
  return [row];
}

async function runServer({ seconds, warmup }: Settings): Promise<ReadResult> {
  await using server = await BenchServer.start({ cpu: SERVER_CPU });
  await using publisher = startPublishers({ port: server.port, count: 1 });
  await requirePublishers(publisher, 1);
  await using load = startReaders({ port: server.port, count: READERS, warmup, seconds });
  return await load.result();
}

async function runYardstick({ seconds, warmup }: Settings): Promise<ReadResult> {
  await using relay = await Relay.start(["forward", "--readers", String(READERS)]);
  await using publisher = startPublishers({ port: relay.ingestPort, count: 1, raw: true });
  await requirePublishers(publisher, 1);
  await using load = startReaders({ port: relay.readerPort, count: READERS, warmup, seconds, raw: true });
  return await load.result();
}

function figures(runs: readonly ReadResult[], name: "p50" | "max"): string {
  return median(runs.map(({ delayMs }) => delayMs[name])).toFixed(1);
}
