import { LOAD_CPU, SERVER_CPU } from "./cpus.ts";
import { startPublishers } from "./load.ts";
import { requirePublishers } from "./measure.ts";
import { Relay } from "./relay.ts";
import { median, type Row, type Settings, spread } from "./row.ts";
import { BenchServer } from "./server.ts";
import { readUsage, usedBetween } from "./usage.ts";

const CAMERAS = 200;
const READY_MS = 60_000;
/** Cameras may be that much behind when the counting ends. */
const TOLERANCE = 0.01;

interface Pulled {
  /** CPU-seconds per GB of media. */
  readonly cost: number;
  readonly cpuS: number;
  /** Packets that the server missed, in lines of its log, and cameras that it gave up. */
  readonly faults: number;
}

/** 200 cameras of 5 Mbit/s that the server fetches by RTSP/TCP, beside a program that only receives and counts. */
export async function pulled(settings: Settings): Promise<Row[]> {
  const ours: Pulled[] = [];
  const theirs: Pulled[] = [];
  for (let run = 1; run <= settings.runs; run++) {
    settings.progress(`pulled ${CAMERAS}: run ${run} of ${settings.runs}`);
    ours.push(await runServer(settings));
    theirs.push(await runYardstick(settings));
  }
  const gaps = ours.reduce((sum, { faults }) => sum + faults, 0);
  const row: Row = {
    name: `${CAMERAS} pulled cameras × 5 Mbit/s`,
    ours: median(ours.map(({ cpuS }) => cpuS)),
    yardstick: median(theirs.map(({ cpuS }) => cpuS)),
    unit: "CPU-s",
    ratio: median(ours.map(({ cost }) => cost)) / median(theirs.map(({ cost }) => cost)),
    spread: spread(
      ours.map(({ cost }, index) => cost / (theirs[index]?.cost ?? cost)),
      3,
    ),
    gaps,
    bar: "no loss",
    ok: gaps === 0,
    note: `${median(ours.map(({ cost }) => cost)).toFixed(2)} CPU-s per GB; gaps are warnings and errors of the log`,
    runs: ours.map((run, index) => ({ ours: run, yardstick: theirs[index] })),
  };
  return [row];
}

async function runServer({ seconds, warmup }: Settings): Promise<Pulled> {
  await using cameras = await BenchServer.start({ cpu: LOAD_CPU });
  await using publishers = startPublishers({ port: cameras.port, count: CAMERAS });
  await requirePublishers(publishers, CAMERAS);
  const paths = Array.from({ length: CAMERAS }, (_, i) => {
    const url = `rtsp://127.0.0.1:${cameras.port}/bench${i}`;
    return `bench${i}: {source: '${url}', sourceProtocol: tcp}`;
  });
  await using server = await BenchServer.start({
    cpu: SERVER_CPU,
    config: { paths: `{${paths.join(", ")}}` },
  });
  const patience = performance.now() + READY_MS;
  while ((await server.metric("paths", 'state="ready"')) < CAMERAS) {
    if (performance.now() > patience) throw new Error(`not all cameras are there\n${server.output}`);
    await Bun.sleep(200);
  }
  await Bun.sleep(warmup * 1_000);
  const sent = await cameras.metric("paths_bytes_received");
  const taken = await server.metric("paths_bytes_received");
  const before = readUsage(server.pid);
  await Bun.sleep(seconds * 1_000);
  const { cpuS } = usedBetween(before, readUsage(server.pid));
  const bytes = (await server.metric("paths_bytes_received")) - taken;
  const published = (await cameras.metric("paths_bytes_received")) - sent;
  const log = server.output.match(/ (WAR|ERR) /g)?.length ?? 0;
  const isShort = bytes < published * (1 - TOLERANCE);
  return { cpuS, cost: cpuS / (bytes / 1e9), faults: log + (isShort ? 1 : 0) };
}

async function runYardstick({ seconds, warmup }: Settings): Promise<Pulled> {
  await using relay = await Relay.start(["count"]);
  await using load = startPublishers({ port: relay.ingestPort, count: CAMERAS, raw: true, seconds, warmup });
  await requirePublishers(load, CAMERAS);
  await Bun.sleep(warmup * 1_000);
  const before = readUsage(relay.pid);
  await load.over();
  const { cpuS } = usedBetween(before, readUsage(relay.pid));
  const { rtpBytes } = await load.result();
  // the warm-up is published too, at the same rate
  return { cpuS, cost: cpuS / ((rtpBytes * seconds) / (seconds + warmup) / 1e9), faults: 0 };
}
