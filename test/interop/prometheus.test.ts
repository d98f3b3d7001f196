import { expect } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestPublisher } from "../integration/publisher.ts";
import { TestReader } from "../integration/reader.ts";
import { TestServer } from "../support/server.ts";
import { clientTest, programOf } from "../support/tools.ts";

const CONFIG = "readTimeout: 60s\npaths:\n  all:\n";
const READERS = 5;
const START_MS = 20_000;

/** A Prometheus that scrapes one server each second. */
class Prometheus implements AsyncDisposable {
  readonly #folder: string;
  readonly #process: Bun.Subprocess;
  #url = "";

  private constructor(folder: string) {
    this.#folder = folder;
    const options = [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      "--web.listen-address=127.0.0.1:0",
    ];
    this.#process = Bun.spawn([programOf("prometheus") as string, ...options], {
      cwd: folder,
      stdin: "ignore",
      stdout: "ignore",
      stderr: Bun.file(join(folder, "log.txt")),
    });
  }

  /** @param metrics `host:port` of the server's metrics */
  static async start(metrics: string): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), "mediamtx-prometheus-"));
    const job = { job_name: "mediamtx", static_configs: [{ targets: [metrics] }] };
    const config = { global: { scrape_interval: "1s" }, scrape_configs: [job] };
    writeFileSync(join(folder, "prometheus.yml"), JSON.stringify(config));
    const prometheus = new Prometheus(folder);
    await prometheus.#listening();
    return prometheus;
  }

  async #listening(): Promise<void> {
    const end = performance.now() + START_MS;
    for (;;) {
      const log = readFileSync(join(this.#folder, "log.txt"), "utf8");
      const address = /msg="Listening on" address=(\S+)/.exec(log)?.[1];
      if (address !== undefined) {
        this.#url = `http://${address}`;
        return;
      }
      if (performance.now() > end) throw new Error(`Prometheus does not listen:\n${log}`);
      await Bun.sleep(20);
    }
  }

  /** Value of a query with one result; undefined when there is none. */
  async query(text: string): Promise<number | undefined> {
    const response = await fetch(`${this.#url}/api/v1/query?query=${encodeURIComponent(text)}`);
    const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
    const value = data.result[0]?.value[1];
    return value === undefined ? undefined : Number(value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGTERM");
    await this.#process.exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Publishes, and counts the bytes of packets sent. */
async function publish(server: TestServer) {
  const publisher = await TestPublisher.start(server.rtsp("cam"));
  const bytes = () =>
    publisher.tracks.reduce((sum, track, i) => sum + track.options.packetBytes * (publisher.sent[i] ?? 0), 0);
  return { publisher, bytes };
}

/** Reads, and counts the bytes of RTP and RTCP received. */
async function read(server: TestServer, publisher: TestPublisher) {
  const reader = await TestReader.setUp(server.rtsp("cam"), publisher.tracks);
  const count = { bytes: 0 };
  const take = reader.client.onFrame;
  reader.client.onFrame = (channel, payload) => {
    count.bytes += payload.length;
    take(channel, payload);
  };
  await reader.play();
  return { reader, count };
}

clientTest(
  "a real Prometheus has the bytes that were sent and received",
  ["prometheus"],
  120_000,
  async () => {
    await using server = await TestServer.start({ config: CONFIG });
    await using prometheus = await Prometheus.start(new URL(server.metricsUrl).host);
    const { publisher, bytes } = await publish(server);
    await using _ = publisher;
    const readers = await Promise.all(Array.from({ length: READERS }, () => read(server, publisher)));
    await using stack = new AsyncDisposableStack();
    for (const { reader } of readers) stack.use(reader);
    await readers[0]?.reader.more(500);
    publisher.fallSilent();
    const received = () => readers.reduce((sum, { count }) => sum + count.bytes, 0);
    const expected: [string, () => number][] = [
      ['rtsp_sessions_bytes_received{state="publish"}', bytes],
      ['rtsp_sessions_inbound_bytes{state="publish",path="cam"}', bytes],
      ['paths_bytes_received{name="cam",state="ready"}', bytes],
      ['sum(rtsp_sessions_bytes_sent{state="read"})', received],
      ['paths_outbound_bytes{name="cam"}', received],
      ['paths_readers{readerType="rtspSession"}', () => READERS],
      ["sum(rtsp_conns)", () => READERS + 1],
    ];
    for (const [query, wanted] of expected) {
      let value: number | undefined;
      const agrees = async () => {
        value = await prometheus.query(query);
        return value === wanted();
      };
      await server
        .until(agrees, `${query}`, 20_000)
        .catch(() => expect([query, value]).toEqual([query, wanted()]));
    }
    expect(bytes()).toBeGreaterThan(100_000);
    expect(await prometheus.query("up")).toBe(1);
  },
);

async function lint(text: string): Promise<string> {
  const tool = Bun.spawn([programOf("promtool") as string, "check", "metrics"], {
    stdin: new Blob([text]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([
    new Response(tool.stdout).text(),
    new Response(tool.stderr).text(),
    tool.exited,
  ]);
  // `remoteAddr` and `readerType` are what v1.20.1 calls them, and its dashboards
  return `${stdout}${stderr}`.replace(
    /^\w+ label names should be written in 'snake_case' not 'camelCase'\n/gm,
    "",
  );
}

clientTest("promtool has nothing to say of the metrics", ["promtool"], 60_000, async () => {
  await using server = await TestServer.start({ config: `encryption: "no"\n${CONFIG}` });
  const scrape = async () => await (await fetch(server.metricsUrl)).text();
  expect(await lint(await scrape())).toBe("");
  const { publisher } = await publish(server);
  await using _ = publisher;
  const { reader } = await read(server, publisher);
  await using __ = reader;
  await reader.more(100);
  await server.until(async () => (await server.metric("paths_frame_rate")) !== 0, "there is a rate");
  const text = await scrape();
  expect(text).toContain("rtsp_sessions_frame_rate{");
  expect(await lint(text)).toBe("");
});
