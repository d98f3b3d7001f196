import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Child } from "./child.ts";
import { median, type Row, type Settings, spread, times } from "./row.ts";
import { RTSP_LINE, serverCommand, serverExecutable } from "./server.ts";

const STARTS = 10;
const BAR_MS = 100;

/** Time from exec to the line that says RTSP listens; warm, the executable when it is built. */
export async function start(settings: Settings): Promise<Row[]> {
  const executable = serverExecutable();
  const command = executable === undefined ? serverCommand() : [executable];
  settings.progress(`start: ${STARTS} times`);
  const folder = await mkdtemp(join(tmpdir(), "mediamtx-bench-"));
  const file = join(folder, "mediamtx.yml");
  await Bun.write(
    file,
    "rtspAddress: 127.0.0.1:0\nprotocols: [tcp]\nrtmp: no\nhls: no\nwebrtc: no\npaths: {all: {}}\n",
  );
  try {
    await startOnce(command, file);
    const runs = await times(STARTS, async () => await startOnce(command, file));
    const ours = median(runs);
    const row: Row = {
      name: "start",
      ours,
      unit: "ms",
      spread: spread(runs, 0),
      bar: `≤ ${BAR_MS} ms`,
      ok: ours <= BAR_MS,
      note: executable === undefined ? "from its sources, by bun" : executable,
      runs,
    };
    return [row];
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function startOnce(command: readonly string[], file: string): Promise<number> {
  const before = performance.now();
  await using child = new Child([...command, file]);
  await child.line(RTSP_LINE, 20_000);
  return performance.now() - before;
}
