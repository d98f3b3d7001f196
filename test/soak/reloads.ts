import { parseArgs } from "node:util";
import { Arena } from "../integration/arena.ts";
import { TestPublisher } from "../integration/publisher.ts";
import { TestReader } from "../integration/reader.ts";
import { pause } from "./actors.ts";

/** A change is written this often, ms: the server reads no sooner. */
const EVERY_MS = 1_000;
const STREAM = { bytesPerSecond: 40_000, audio: true };

await main();

/** `bun test/soak/reloads.ts [--minutes 5] [--readers 200]` */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { minutes: { type: "string", default: "5" }, readers: { type: "string", default: "200" } },
  });
  const [minutes, count] = [Number(values.minutes), Number(values.readers)];
  console.log(`a reload every second for ${minutes} minutes under ${count} readers`);
  await using arena = await Arena.start({
    timeouts: "60s",
    peakMb: 400,
    errors: /previous configuration stays/,
    config: settings(1),
  });
  const publishers = await Promise.all(
    ["cam-a", "cam-b", "fixed", "other"].map((name) => TestPublisher.start(arena.url(name), STREAM)),
  );
  const readers = await Promise.all(
    Array.from({ length: count }, (_, i) => {
      const publisher = publishers[i % publishers.length] as TestPublisher;
      return TestReader.start(publisher.client.url, publisher.tracks);
    }),
  );
  const written = await storm(arena, minutes * 60_000);
  await Promise.all(readers.map((reader) => reader.more(50)));
  const reloads = arena.server.log.match(/reloading configuration \(file changed\)/g)?.length ?? 0;
  const closed = [...readers, ...publishers].filter(({ client }) => client.isClosed).length;
  const faults = readers.flatMap((reader) => reader.faults);
  const lost = readers.flatMap(({ checks }) => checks.map((check) => check?.lost ?? 0));
  const packets = readers.reduce((sum, reader) => sum + reader.packets, 0);
  console.log(
    `${written} changes written, ${reloads} reloads; ${packets} packets read; ` +
      `${closed} clients dropped, ${faults.length} faults, ${lost.reduce((a, b) => a + b, 0)} packets lost`,
  );
  for (const reader of readers) await reader[Symbol.asyncDispose]();
  for (const publisher of publishers) await publisher[Symbol.asyncDispose]();
  const wrong = closed > 0 || faults.length > 0 || lost.some((packets) => packets > 0);
  process.exitCode = wrong || reloads < written ? 1 : 0;
  console.log(process.exitCode === 1 ? "FAILED" : "passed");
}

/** Writes change after change, each when the one before has been read; gives their number. */
async function storm(arena: Arena, lengthMs: number): Promise<number> {
  const never = new AbortController().signal;
  const start = performance.now();
  let written = 0;
  while (performance.now() - start < lengthMs) {
    written += 1;
    const due = performance.now() + EVERY_MS;
    const from = arena.server.log.length;
    arena.server.writeConfig(`readTimeout: 60s\nwriteTimeout: 60s\n${settings(written)}`);
    await arena.logged(/reloading configuration \(file changed\)|previous configuration stays/, from);
    await pause(never, due - performance.now());
  }
  return written;
}

/** Everything that can change without touching the streams that are there; every tenth one is broken. */
function settings(turn: number): string {
  return [
    turn % 10 === 9 ? "readTimeuot: 1s" : "",
    `logLevel: ${turn % 2 === 0 ? "info" : "debug"}`,
    `metricsAddress: '${turn % 5 === 0 ? "[::1]" : "127.0.0.1"}:0'`,
    `hlsSegmentCount: ${7 + (turn % 3)}`,
    `pathDefaults: {${turn % 2 === 0 ? "sourceProtocol: automatic" : ""}}`,
    "paths:",
    `  turn${turn}:`,
    `  gone${turn % 7}: {maxReaders: ${turn}}`,
    "  fixed:",
    turn % 6 < 3 ? "  '~^never(.*)$': {maxReaders: 1}" : "",
    turn % 8 < 4 ? "  '~^cam-(.*)$':" : "  '~^(cam)-':",
    "  all:",
    "",
  ].join("\n");
}
