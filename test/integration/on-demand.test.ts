import { expect, test } from "bun:test";
import { Random } from "../support/random.ts";
import { RtspClient } from "../support/rtsp-client.ts";
import { TestServer } from "../support/server.ts";
import { Arena } from "./arena.ts";
import { TestPublisher } from "./publisher.ts";
import { TestReader } from "./reader.ts";

/** `TEST_SECONDS=60` for a long run. */
const SECONDS = Number(process.env["TEST_SECONDS"] ?? 10);
const SEED = Number(process.env["TEST_SEED"] ?? 1);
const LIMIT_MS = SECONDS * 1_000 + 60_000;
const SOURCES = 300;
const CLIENTS = 100;
const STREAMS = 20;
const START_TIMEOUT_MS = 4_000;
/** What an answer may take beyond that on a busy machine, ms. */
const MARGIN_MS = 3_000;

/** What stands behind a source: nine of ten are live. */
function kindOf(source: number): "live" | "refused" | "silent" {
  if (source % 20 === 7) return "refused";
  return source % 20 === 13 ? "silent" : "live";
}

test(
  `${SOURCES} sources on demand, ${CLIENTS} clients at random: every request is answered, nothing is left (seed ${SEED})`,
  async () => {
    await using origin = await TestServer.start({ config: "paths:\n  all:\n" });
    await using publishers = new AsyncDisposableStack();
    const streams: TestPublisher[] = [];
    for (let i = 0; i < STREAMS; i++) {
      streams.push(
        publishers.use(await TestPublisher.start(origin.rtsp(`s${i}`), { bytesPerSecond: 10_000 })),
      );
    }
    const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    publishers.defer(() => silent.stop(true));
    const urls = {
      live: (i: number) => origin.rtsp(`s${i % STREAMS}`),
      refused: () => "rtsp://127.0.0.1:1/none",
      silent: () => `rtsp://127.0.0.1:${silent.port}/none`,
    };
    const paths = Array.from({ length: SOURCES }, (_, i) =>
      [
        `  cam${i}:`,
        `    source: ${urls[kindOf(i)](i)}`,
        `    sourceProtocol: ${i % 2 === 0 ? "tcp" : "udp"}`,
        "    sourceOnDemand: yes",
        `    sourceOnDemandStartTimeout: ${START_TIMEOUT_MS}ms`,
        "    sourceOnDemandCloseAfter: 500ms",
      ].join("\n"),
    );
    await using arena = await Arena.start({
      config: `paths:\n${paths.join("\n")}\n  all:\n`,
      timeouts: "10s",
      peakMb: 300,
      errors: /connection refused/,
    });
    const random = new Random(SEED);
    const end = performance.now() + SECONDS * 1_000;
    const counts = { played: 0, described: 0, refused: 0, left: 0 };

    async function ask(): Promise<void> {
      const source = random.below(SOURCES);
      const url = arena.url(`cam${source}`);
      const isLive = kindOf(source) === "live";
      if (isLive && random.chance(0.5)) {
        await using reader = await TestReader.start(url, streams[source % STREAMS]!.tracks);
        await reader.more(random.below(60));
        expect(reader.faults).toEqual([]);
        counts.played += 1;
        return;
      }
      await using client = await RtspClient.connect(url);
      const start = performance.now();
      const asked = client.request("DESCRIBE");
      if (random.chance(0.2)) {
        await Promise.race([asked, Bun.sleep(random.below(300))]).catch(() => {});
        void asked.catch(() => {});
        counts.left += 1;
        return;
      }
      const { status } = await asked;
      expect(performance.now() - start).toBeLessThan(START_TIMEOUT_MS + MARGIN_MS);
      expect([source, status]).toEqual([source, isLive ? 200 : 400]);
      counts[isLive ? "described" : "refused"] += 1;
    }

    const client = async () => {
      while (performance.now() < end) await ask();
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
    for (const count of Object.values(counts)) expect(count).toBeGreaterThan(SECONDS);
    if (SECONDS > 10) console.log(counts);
    await arena.settle();
    type Listed = { items: { name: string; ready: boolean }[] };
    const { items } = await arena.server.api<Listed>("/v2/paths/list?itemsPerPage=1000");
    expect(items.filter(({ ready }) => ready)).toEqual([]);
    const told = (verb: string) =>
      arena.server.log.match(new RegExp(`RTSP source\\] ${verb}`, "g"))?.length ?? 0;
    await arena.server.until(() => told("stopped") === told("started"), "all that were started are stopped");
    expect(told("started")).toBeGreaterThan(SOURCES / 2);
  },
  LIMIT_MS,
);
