import { afterAll, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LogFile } from "../../src/host/log-file.ts";
import { jsonLines, textLines } from "../../src/host/log-lines.ts";

const folder = mkdtempSync(join(tmpdir(), "log-file-"));
afterAll(() => rmSync(folder, { recursive: true }));
const WALL = new Date(2023, 0, 2, 3, 4, 5).getTime();

/** A log file and what it said was wrong. */
function openLog(path: string, format = textLines(false)) {
  const problems: string[] = [];
  const log = new LogFile(path, format, (text, level) => problems.push(`${level} ${text}`));
  return { log, problems };
}

async function until(claim: () => boolean): Promise<void> {
  while (!claim()) await new Promise((resolve) => setTimeout(resolve, 20));
}

test("lines are appended, and after reopening they go into a new file", async () => {
  const path = join(folder, "rotated.log");
  writeFileSync(path, "before\n");
  const { log, problems } = openLog(path);
  log.write("info", WALL, "one");
  await log.flush(5_000);
  renameSync(path, `${path}.1`);
  log.write("warn", WALL, "two");
  await log.flush(5_000);
  log.reopen();
  await until(() => existsSync(path));
  log.write("error", WALL, "three");
  await log.close(5_000);
  expect(readFileSync(`${path}.1`, "utf8")).toBe(
    "before\n2023/01/02 03:04:05 INF one\n2023/01/02 03:04:05 WAR two\n",
  );
  expect(readFileSync(path, "utf8")).toBe("2023/01/02 03:04:05 ERR three\n");
  expect(statSync(path).mode & 0o777).toBe(0o644 & ~process.umask());
  expect(problems).toEqual([]);
});

test("a file that is reopened while it is written is there at once, without a line to come", async () => {
  const path = join(folder, "busy.log");
  const { log } = openLog(path);
  for (let turn = 0; turn < 20; turn++) {
    await log.flush(5_000);
    log.write("info", WALL, `line ${turn}`);
    renameSync(path, `${path}.1`);
    log.reopen();
    await until(() => existsSync(path));
  }
  await log.close(5_000);
}, 20_000);

test("lines as JSON", async () => {
  const path = join(folder, "structured.log");
  const { log } = openLog(path, jsonLines);
  log.write("debug", WALL + 0.25, 'say "hi" \\n');
  await log.close(5_000);
  const [line = "", rest] = readFileSync(path, "utf8").split("\n");
  expect(rest).toBe("");
  expect(Object.keys(JSON.parse(line))).toEqual(["timestamp", "level", "message"]);
  expect(JSON.parse(line)).toMatchObject({ level: "DEB", message: 'say "hi" \\n' });
  expect(JSON.parse(line).timestamp).toMatch(/^2023-01-02T03:04:05\.00025(Z|[+-]\d\d:\d\d)$/);
});

test("a file that cannot be opened is said once, and lines wait for it", async () => {
  const path = join(folder, "later", "log");
  const { log, problems } = openLog(path);
  log.write("info", WALL, "one");
  await until(() => problems.length > 0);
  log.reopen();
  log.write("info", WALL, "two");
  mkdirSync(join(folder, "later"));
  await until(() => problems.length > 1);
  await log.close(5_000);
  expect(problems).toEqual([
    `error log file ${path}: no such file or directory; retrying`,
    `info log file ${path} can be written again`,
  ]);
  expect(readFileSync(path, "utf8")).toEndWith("INF one\n2023/01/02 03:04:05 INF two\n");
}, 20_000);

test.skipIf(!existsSync("/dev/full"))(
  "a full disk is said once; lines beyond a megabyte are counted",
  async () => {
    const { log, problems } = openLog("/dev/full");
    log.write("info", WALL, "one");
    await until(() => problems.length > 0);
    for (let i = 0; i < 1_200; i++) log.write("info", WALL, "x".repeat(1_000));
    const start = performance.now();
    await log.close(1_200);
    expect(performance.now() - start).toBeLessThan(3_000);
    expect(problems).toEqual(["error log file /dev/full: no space left on device; retrying"]);
    expect(log.dropped).toBeGreaterThan(100);
  },
  20_000,
);
