import { SERVER_CPU } from "./cpus.ts";
import { type Load, type PublishResult, startPublishers } from "./load.ts";
import { requirePublishers } from "./measure.ts";
import { Relay } from "./relay.ts";
import { median, type Row, type Settings, spread } from "./row.ts";
import { BenchServer } from "./server.ts";
import { readUsage, type Usage, usedBetween } from "./usage.ts";

export const PUBLISHERS = 200;
const RATIO_BAR = 1.2;
const LINGER_S = 2;

export interface Ingest extends Usage {
  readonly publish: PublishResult;
  /** Bytes of RTP and RTCP that did not arrive. */
  readonly missing: number;
}

/** 200 publishers of 5 Mbit/s without readers, beside a program that only receives and counts. */
export async function ingest(settings: Settings): Promise<Row[]> {
  const ours: Ingest[] = [];
  const theirs: Ingest[] = [];
  for (let run = 1; run <= settings.runs; run++) {
    settings.progress(`ingest ${PUBLISHERS}: run ${run} of ${settings.runs}`);
    ours.push(await runServer(settings));
    theirs.push(await runYardstick(settings));
  }
  const ratio = median(ours.map(perGigabyte)) / median(theirs.map(perGigabyte));
  const gaps = ours.reduce((sum, { missing, publish }) => sum + missing + publish.closed, 0);
  const skipped = ours.reduce((sum, { publish }) => sum + publish.skipped, 0);
  const row: Row = {
    name: `ingest ${PUBLISHERS} × 5 Mbit/s`,
    ours: median(ours.map(({ cpuS }) => cpuS)),
    yardstick: median(theirs.map(({ cpuS }) => cpuS)),
    unit: "CPU-s",
    ratio,
    spread: spread(
      ours.map((run, index) => perGigabyte(run) / perGigabyte(theirs[index] ?? run)),
      3,
    ),
    gaps,
    bar: `ratio ≤ ${RATIO_BAR}, no loss`,
    ok: ratio <= RATIO_BAR && gaps === 0 && skipped === 0,
    note: `${median(ours.map(perGigabyte)).toFixed(2)} CPU-s per GB; ${skipped} frames late; gaps are bytes missing by the metric`,
    runs: ours.map((run, index) => ({ ours: run, yardstick: theirs[index] })),
  };
  return [row];
}

/** @param udp whether packets come in datagrams */
export async function runServer(
  settings: Settings,
  udp = false,
  env: Readonly<Record<string, string>> = {},
): Promise<Ingest> {
  const config = { protocols: udp ? "[udp, tcp]" : "[tcp]" };
  await using server = await BenchServer.start({ cpu: SERVER_CPU, config, env });
  await using load = start(server.port, settings, { udp });
  const used = await measure(server.pid, load, settings);
  await Bun.sleep(500); // the last frames are on their way into the server; the publishers linger
  const arrived = await server.metric("paths_bytes_received");
  const publish = await load.result();
  return { ...used, publish, missing: Math.max(0, publish.rtpBytes - arrived) };
}

async function runYardstick(settings: Settings): Promise<Ingest> {
  await using relay = await Relay.start(["count"]);
  await using load = start(relay.ingestPort, settings, { raw: true });
  const used = await measure(relay.pid, load, settings);
  const publish = await load.result();
  const { taken } = await relay.stop();
  return { ...used, publish, missing: publish.wireBytes - taken };
}

function start(
  port: number,
  { seconds, warmup }: Settings,
  carrier: { readonly raw?: boolean; readonly udp?: boolean },
): Load<PublishResult> {
  return startPublishers({ port, count: PUBLISHERS, seconds, warmup, linger: LINGER_S, ...carrier });
}

/** The warm-up is left out, so that neither handshakes nor compilation count. */
async function measure(pid: number, load: Load<PublishResult>, { warmup }: Settings): Promise<Usage> {
  await requirePublishers(load, PUBLISHERS);
  await Bun.sleep(warmup * 1_000);
  const before = readUsage(pid);
  await load.over();
  return usedBetween(before, readUsage(pid));
}

export function perGigabyte({ cpuS, publish }: Ingest): number {
  return cpuS / (publish.wireBytes / 1e9);
}
