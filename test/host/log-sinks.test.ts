import { afterAll, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatLine } from "../../src/host/log-lines.ts";
import { openStdoutSink } from "../../src/host/log-sinks.ts";

const folder = mkdtempSync(join(tmpdir(), "sinks-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("lines have time, level and message, in command", async () => {
  const file = join(folder, "log");
  const descriptor = openSync(file, "w");
  const sink = openStdoutSink(descriptor);
  for (let turn = 0; turn < 1000; turn++) sink.write("info", Date.now(), `line ${turn}`);
  await sink.flush(5_000);
  closeSync(descriptor);
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  expect(lines).toHaveLength(1000);
  expect(lines[0]).toMatch(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d INF line 0$/);
  expect(lines[999]).toEndWith("INF line 999");
});

test("levels have their labels, and colours on a terminal alone", () => {
  expect(formatLine("T", "debug", "m", false)).toBe("T DEB m");
  expect(formatLine("T", "warn", "m", false)).toBe("T WAR m");
  expect(formatLine("T", "error", "m", true)).toBe("\x1b[90mT\x1b[0m \x1b[31mERR\x1b[0m m");
});

/** A process that logs without pause to a pipe, then says on stderr how that went. */
function noisy() {
  const sinks = new URL("../../src/host/log-sinks.ts", import.meta.url).pathname;
  const code = `
    import { openStdoutSink } from ${JSON.stringify(sinks)};
    const sink = openStdoutSink();
    const line = "x".repeat(1000);
    for (let turn = 0; turn < 50; turn++) {
      for (let i = 0; i < 100; i++) sink.write("info", Date.now(), line);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await sink.flush(100);
    console.error("alive, dropped " + sink.dropped);
    process.exit(0);`;
  return Bun.spawn([process.execPath, "-e", code], { stdout: "pipe", stderr: "pipe" });
}

test("a reader that has stopped costs lines, not the server", async () => {
  const child = noisy();
  const said = await new Response(child.stderr).text();
  expect(said).toMatch(/^alive, dropped [1-9]\d+/);
  expect(await child.exited).toBe(0);
}, 20_000);

test("a reader that is gone ends nothing", async () => {
  const child = noisy();
  await child.stdout.cancel();
  expect(await new Response(child.stderr).text()).toMatch(/^alive/);
  expect(await child.exited).toBe(0);
}, 20_000);
