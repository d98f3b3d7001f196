import { type Ingest, PUBLISHERS, perGigabyte, runServer } from "./ingest.ts";
import { median, type Row, type Settings, spread } from "./row.ts";

const RATIO_BAR = 0.5;

/** 200 publishers of 5 Mbit/s over RTSP/UDP without readers, with direct receiving and with the runtime's. */
export async function ingestUdp(settings: Settings): Promise<Row[]> {
  const direct: Ingest[] = [];
  const usual: Ingest[] = [];
  for (let run = 1; run <= settings.runs; run++) {
    settings.progress(`ingest over UDP ${PUBLISHERS}: run ${run} of ${settings.runs}`);
    direct.push(await runServer(settings, true));
    usual.push(await runServer(settings, true, { MEDIAMTX_DIRECT: "never" }));
  }
  const ratio = median(direct.map(perGigabyte)) / median(usual.map(perGigabyte));
  const gaps = lossOf(direct);
  const row: Row = {
    name: `ingest ${PUBLISHERS} × 5 Mbit/s by UDP`,
    ours: median(direct.map(({ cpuS }) => cpuS)),
    yardstick: median(usual.map(({ cpuS }) => cpuS)),
    unit: "CPU-s",
    ratio,
    spread: spread(
      direct.map((run, index) => perGigabyte(run) / perGigabyte(usual[index] ?? run)),
      3,
    ),
    gaps,
    bar: `ratio ≤ ${RATIO_BAR} to the runtime's sockets, no loss`,
    ok: ratio <= RATIO_BAR && gaps === 0,
    note: `${median(direct.map(perGigabyte)).toFixed(2)} CPU-s per GB; bytes missing with the runtime's sockets: ${lossOf(usual)}`,
    runs: direct.map((run, index) => ({ ours: run, yardstick: usual[index] })),
  };
  return [row];
}

/** Bytes missing by the metric, and sessions that ended early. */
function lossOf(runs: readonly Ingest[]): number {
  return runs.reduce((sum, { missing, publish }) => sum + missing + publish.closed, 0);
}
