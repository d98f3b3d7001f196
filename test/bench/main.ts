import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { LOAD_CPU } from "./cpus.ts";
import { fanOut } from "./fan-out.ts";
import { hls } from "./hls.ts";
import { ingest } from "./ingest.ts";
import { ingestUdp } from "./ingest-udp.ts";
import { latency } from "./latency.ts";
import { memory } from "./memory.ts";
import { pulled } from "./pulled.ts";
import { formatTable, type Row, type Settings } from "./row.ts";
import { start } from "./start.ts";
import { tls } from "./tls.ts";
import { buildTools, canBuildTools, OUT } from "./tools.ts";
import { udp } from "./udp.ts";

const GROUPS: Readonly<Record<string, (settings: Settings) => Promise<Row[]>>> = {
  fanout: fanOut,
  fanout50: (settings) => fanOut(settings, 50),
  fanout200: (settings) => fanOut(settings, 200),
  fanout500: (settings) => fanOut(settings, 500),
  fanout1000: (settings) => fanOut(settings, 1_000),
  udp,
  tls,
  hls,
  ingest,
  "ingest-udp": ingestUdp,
  pulled,
  memory,
  latency,
  start,
};
const DEFAULT_GROUPS = [
  "fanout",
  "udp",
  "tls",
  "hls",
  "ingest",
  "ingest-udp",
  "pulled",
  "memory",
  "latency",
  "start",
];

const USAGE = `usage: bun test/bench/main.ts [--quick] [--only ${Object.keys(GROUPS).join(",")}]
                             [--seconds S] [--runs N] [--json FILE]`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      seconds: { type: "string" },
      runs: { type: "string" },
      json: { type: "string", default: join(OUT, "bench.json") },
      help: { type: "boolean", default: false },
    },
  });
  const names = values.only?.split(",") ?? DEFAULT_GROUPS;
  if (values.help || names.some((name) => GROUPS[name] === undefined)) {
    console.error(USAGE);
    return values.help ? 0 : 1;
  }
  if (!canBuildTools()) {
    console.error("the benchmark needs Linux and a C compiler (cc)");
    return 1;
  }
  buildTools();
  if (LOAD_CPU !== undefined) Bun.spawnSync(["taskset", "-pc", String(LOAD_CPU), String(process.pid)]);
  const settings: Settings = {
    seconds: Number(values.seconds ?? (values.quick ? 10 : 30)),
    warmup: 3,
    runs: Number(values.runs ?? 3),
    progress: (text) => console.error(text),
  };
  const rows: Row[] = [];
  for (const name of names) rows.push(...(await runGroup(name, settings)));
  console.log(formatTable(rows));
  await mkdir(dirname(values.json), { recursive: true });
  await Bun.write(values.json, `${JSON.stringify({ settings, rows }, undefined, 2)}\n`);
  return rows.every(({ ok }) => ok) ? 0 : 1;
}

/** A group that fails is a row that says why: the others still run. */
async function runGroup(name: string, settings: Settings): Promise<Row[]> {
  try {
    return (await GROUPS[name]?.(settings)) ?? [];
  } catch (error) {
    return [{ name, unit: "", bar: "runs", ok: false, note: String(error) }];
  }
}

process.exitCode = await main();
