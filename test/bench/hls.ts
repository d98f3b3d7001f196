import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Child } from "./child.ts";
import { SERVER_CPU } from "./cpus.ts";
import { startPublishers, startViewers, type ViewResult } from "./load.ts";
import { requirePublishers } from "./measure.ts";
import { median, type Row, type Settings, spread } from "./row.ts";
import { BenchServer } from "./server.ts";
import { readUsage, type Usage, usedBetween } from "./usage.ts";

const VIEWERS = 1_000;
const SHARE_BAR = 0.6;
const RELEASE_BAR_MS = 50;
const CONSTANTS = join(import.meta.dir, "hls-constants.ts");

interface Watched extends Usage {
  readonly view: ViewResult;
}

/** What the yardstick answers: a playlist of the server, and a part of the usual size. */
interface Constants {
  readonly playlist: string;
  readonly partBytes: number;
  readonly periodMs: number;
}

/** One publisher of 5 Mbit/s to viewers that hold playlist requests and download every part. */
export async function hls(settings: Settings): Promise<Row[]> {
  const ours: Watched[] = [];
  const theirs: Watched[] = [];
  for (let run = 1; run <= settings.runs; run++) {
    settings.progress(`LL-HLS ${VIEWERS}: run ${run} of ${settings.runs}`);
    const { watched, playlist } = await runServer(settings);
    ours.push(watched);
    theirs.push(await runConstants(settings, constantsOf(watched.view, playlist)));
  }
  const shares = ours.map((run, index) => requestUs(theirs[index] ?? run) / requestUs(run));
  const ratio = median(theirs.map(requestUs)) / median(ours.map(requestUs));
  const release = median(ours.map(({ view }) => view.releaseMs.max));
  const faults = faultsOf(ours.map(({ view }) => view));
  const isClean = faults.gaps === 0 && faults.mismatches === 0;
  const runs = ours.map((run, index) => ({ ours: run, yardstick: theirs[index] }));
  return [
    {
      name: `LL-HLS 5 Mbit/s → ${VIEWERS}`,
      ours: 1_000 / median(ours.map(requestUs)),
      yardstick: 1_000 / median(theirs.map(requestUs)),
      unit: "k requests/CPU-s",
      ratio,
      spread: spread(shares),
      ...faults,
      bar: `≥ ${SHARE_BAR} × bare Bun.serve, no fault`,
      ok: ratio >= SHARE_BAR && isClean,
      note: `${median(ours.map(load)).toFixed(2)} and ${median(theirs.map(load)).toFixed(2)} CPUs busy; a part takes ${medianOf(ours, "p50")} ms, p99 ${medianOf(ours, "p99")} (yardstick ${medianOf(theirs, "p50")}, ${medianOf(theirs, "p99")})`,
      runs,
    },
    {
      name: `${VIEWERS} held playlists, first to last`,
      ours: release,
      yardstick: median(theirs.map(({ view }) => view.releaseMs.max)),
      unit: "ms, longest",
      spread: spread(
        ours.map(({ view }) => view.releaseMs.max),
        1,
      ),
      bar: `≤ ${RELEASE_BAR_MS} ms`,
      ok: release <= RELEASE_BAR_MS && isClean && ours.every(({ view }) => view.releases > 0),
      note: `p50 ${median(ours.map(({ view }) => view.releaseMs.p50)).toFixed(1)}, p99 ${median(ours.map(({ view }) => view.releaseMs.p99)).toFixed(1)} ms; ${median(ours.map(({ view }) => view.releases))} releases of ${median(ours.map(({ view }) => view.held)).toFixed(0)}`,
    },
  ];
}

async function runServer({ seconds, warmup }: Settings): Promise<{ watched: Watched; playlist: string }> {
  const config = { hls: "yes", hlsAddress: "127.0.0.1:0" };
  await using server = await BenchServer.start({ cpu: SERVER_CPU, config });
  await using publisher = startPublishers({ port: server.port, count: 1 });
  await requirePublishers(publisher, 1);
  const port = server.hlsPort ?? 0;
  const url = `http://127.0.0.1:${port}/bench0/stream.m3u8`;
  await (await fetch(url)).text();
  await using viewers = startViewers({ port, count: VIEWERS, warmup, seconds });
  const watched = await watch(server.pid, viewers);
  return { watched, playlist: await (await fetch(url)).text() };
}

async function runConstants({ seconds, warmup }: Settings, constants: Constants): Promise<Watched> {
  const folder = await mkdtemp(join(tmpdir(), "mediamtx-bench-"));
  try {
    const playlist = join(folder, "playlist");
    const part = join(folder, "part");
    await Bun.write(playlist, constants.playlist);
    await Bun.write(part, oneBox(constants.partBytes));
    const command = [process.execPath, CONSTANTS, playlist, part, String(constants.periodMs)];
    await using server = new Child(command, { cpu: SERVER_CPU });
    const port = Number((await server.line(/^listens on (\d+)/))[1]);
    await using viewers = startViewers({ port, count: VIEWERS, warmup, seconds, unchecked: true });
    return await watch(server.pid, viewers);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function watch(pid: number, viewers: ReturnType<typeof startViewers>): Promise<Watched> {
  await viewers.began();
  const before = readUsage(pid);
  await viewers.over();
  const used = usedBetween(before, readUsage(pid));
  return { ...used, view: await viewers.result() };
}

function constantsOf({ seconds, bytes, parts, releases }: ViewResult, playlist: string): Constants {
  return {
    playlist,
    partBytes: Math.round(bytes / Math.max(1, parts)),
    periodMs: Math.round((seconds * 1_000) / Math.max(1, releases)),
  };
}

/** An MP4 box, which is all that a viewer looks for. */
function oneBox(size: number): Uint8Array {
  const bytes = Buffer.alloc(Math.max(16, size));
  bytes.writeUInt32BE(bytes.length, 0);
  bytes.write("moof", 4);
  return bytes;
}

/** CPU time per request, µs. */
function requestUs({ cpuS, view }: Watched): number {
  return (1e6 * cpuS) / Math.max(1, view.playlists + view.parts);
}

function load({ cpuS, view }: Watched): number {
  return cpuS / view.seconds;
}

function medianOf(runs: readonly Watched[], which: "p50" | "p99"): string {
  return median(runs.map(({ view }) => view.partMs[which])).toFixed(1);
}

/** Parts not fetched in time, viewers refused or closed; and what was wrong. */
function faultsOf(views: readonly ViewResult[]): { gaps: number; mismatches: number } {
  let gaps = 0;
  let mismatches = 0;
  for (const view of views) {
    gaps += view.skipped + view.closed + Math.max(0, VIEWERS - view.playing);
    mismatches += view.mismatches;
  }
  return { gaps, mismatches };
}
