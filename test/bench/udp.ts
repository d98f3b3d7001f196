import { join } from "node:path";
import { SERVER_CPU } from "./cpus.ts";
import { startPublishers, startReaders } from "./load.ts";
import { countFaults, type Measured, measureReaders, requirePublishers } from "./measure.ts";
import { Relay } from "./relay.ts";
import { median, type Row, type Settings, spread } from "./row.ts";
import { BenchServer } from "./server.ts";

const READERS = 200;
/** Packets per CPU-second, to those of a program with one vector per flush, or with one that the kernel cuts. */
const PLAIN_BAR = 2.2;
const SEGMENTED_BAR = 0.8;
const SEND_MANY = join(import.meta.dir, "send-many.ts");

/** One publisher of 5 Mbit/s to 200 readers over RTSP/UDP, with what the system's calls offer and without. */
export async function udp(settings: Settings): Promise<Row[]> {
  const ours: Measured[] = [];
  const plain: Measured[] = [];
  const segmented: Measured[] = [];
  const portable: Measured[] = [];
  const sendMany: Measured[] = [];
  for (let run = 1; run <= settings.runs; run++) {
    settings.progress(`UDP ${READERS}: run ${run} of ${settings.runs}`);
    ours.push(await runServer(settings, {}));
    plain.push(await runYardstick(settings, ["send"]));
    segmented.push(await runYardstick(settings, ["send", "--segment"]));
    portable.push(await runServer(settings, { MEDIAMTX_NO_FFI: "1" }));
    sendMany.push(await runYardstick(settings, [], [process.execPath, SEND_MANY]));
  }
  const toSegmented = medianRate(ours) / medianRate(segmented);
  const best = row("RTSP/UDP 5 Mbit/s → 200", ours, plain);
  const fallback = row("the same without offload", portable, sendMany);
  return [
    {
      ...best,
      bar: `≥ ${PLAIN_BAR} × sendmmsg or ≥ ${SEGMENTED_BAR} × UDP_SEGMENT, no loss`,
      ok: isClean(ours) && ((best.ratio ?? 0) >= PLAIN_BAR || toSegmented >= SEGMENTED_BAR),
      note: `${toSegmented.toFixed(2)} × the packets of a C program with UDP_SEGMENT (${spread(ratios(ours, segmented))}); ${delay(ours)}`,
    },
    {
      ...fallback,
      bar: "≥ 1 × one sendMany per flush, no loss",
      ok: isClean(portable) && (fallback.ratio ?? 0) >= 1,
      note: delay(portable),
    },
  ];
}

async function runServer(
  { seconds, warmup }: Settings,
  env: Readonly<Record<string, string>>,
): Promise<Measured> {
  await using server = await BenchServer.start({ cpu: SERVER_CPU, env, config: { protocols: "[tcp, udp]" } });
  await using publisher = startPublishers({ port: server.port, count: 1 });
  await requirePublishers(publisher, 1);
  await using load = startReaders({ port: server.port, count: READERS, warmup, seconds, udp: true });
  return await measureReaders(server.pid, load);
}

async function runYardstick(
  { seconds, warmup }: Settings,
  mode: readonly string[],
  program?: string[],
): Promise<Measured> {
  await using relay = await Relay.start([...mode, "--readers", String(READERS)], program);
  await using publisher = startPublishers({ port: relay.ingestPort, count: 1, raw: true });
  await requirePublishers(publisher, 1);
  const raw = { raw: true, unchecked: true, udp: true };
  await using load = startReaders({ port: relay.readerPort, count: READERS, warmup, seconds, ...raw });
  return await measureReaders(relay.pid, load);
}

function row(name: string, ours: readonly Measured[], theirs: readonly Measured[]): Omit<Row, "bar" | "ok"> {
  return {
    name,
    ours: medianRate(ours) / 1_000,
    yardstick: medianRate(theirs) / 1_000,
    unit: "k packets/CPU-s",
    ratio: medianRate(ours) / medianRate(theirs),
    spread: spread(ratios(ours, theirs)),
    ...countFaults(
      ours.map(({ read }) => read),
      READERS,
    ),
    runs: ours.map((run, index) => ({ ours: run, yardstick: theirs[index] })),
  };
}

function ratios(ours: readonly Measured[], theirs: readonly Measured[]): number[] {
  return ours.map((run, index) => rate(run) / rate(theirs[index] ?? run));
}

/** Packets delivered per CPU-second. */
function rate({ cpuS, read }: Measured): number {
  return read.packets / cpuS;
}

function medianRate(runs: readonly Measured[]): number {
  return median(runs.map(rate));
}

function isClean(runs: readonly Measured[]): boolean {
  const { gaps, mismatches } = countFaults(
    runs.map(({ read }) => read),
    READERS,
  );
  return gaps === 0 && mismatches === 0;
}

function delay(runs: readonly Measured[]): string {
  return `p99 delay ${median(runs.map(({ read }) => read.delayMs.p99)).toFixed(1)} ms`;
}
