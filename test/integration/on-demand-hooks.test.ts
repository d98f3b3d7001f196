import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buildTools, canBuildTools, toolPath } from "../bench/tools.ts";
import { syntheticTracks } from "../support/media.ts";
import { Random } from "../support/random.ts";
import { RtspClient } from "../support/rtsp-client.ts";
import { TestServer } from "../support/server.ts";
import { Arena, descriptors } from "./arena.ts";
import { Marked } from "./hook-processes.ts";
import { TestPublisher } from "./publisher.ts";
import { TestReader } from "./reader.ts";

const LIMIT_MS = 60_000;
/** A publisher that can be started by a command. */
const PUBLISH = `${process.execPath} ${join(import.meta.dir, "publisher.ts")} rtsp://127.0.0.1:$RTSP_PORT/$MTX_PATH`;
const TRACKS = syntheticTracks({});

test.concurrent(
  "a reader starts the command, waits for the stream, and its end ends the command and the publisher",
  async () => {
    const marked = new Marked();
    await using server = await TestServer.start({
      config:
        "paths:\n  '~^some/(.+)$':\n    runOnDemandCloseAfter: 500ms\n" +
        `    runOnDemand: ${PUBLISH}\n` +
        "    runOnUnDemand: sh -c 'echo $MTX_PATH $MTX_QUERY $G1 > undemand.part; mv undemand.part undemand'\n",
      env: marked.env,
    });
    await using other = await TestServer.start();
    const url = server.rtsp("some/cam?x=y&z");
    await using reader = await TestReader.start(url, TRACKS);
    await using second = await TestReader.start(server.rtsp("some/cam"), TRACKS);
    await Promise.all([reader.more(), second.more()]);
    expect([...reader.faults, ...second.faults]).toEqual([]);
    const publishers = () => marked.matching(/publisher\.ts/).length;
    expect(publishers()).toBe(1);
    await reader[Symbol.asyncDispose]();
    await second.more();
    await second[Symbol.asyncDispose]();
    await server.until(() => publishers() === 0, "the publisher has ended");
    const file = join(server.folder, "undemand");
    await server.until(() => existsSync(file), "the other command ran");
    expect(readFileSync(file, "utf8")).toBe("some/cam x=y&z cam\n");
    expect(server.log.match(/\[path some\/cam\] runOnDemand command (\w+)/g)).toEqual([
      "[path some/cam] runOnDemand command started",
      "[path some/cam] runOnDemand command stopped",
    ]);
    await server.until(async () => {
      const { items } = await server.api<{ items: unknown[] }>("/v2/paths/list");
      return items.length === 0;
    }, "the path is gone");
    expect((await other.api<{ items: unknown[] }>("/v2/paths/list")).items).toEqual([]);
  },
  LIMIT_MS,
);

test.concurrent(
  "a command that brings nothing: who waits is refused in time, over HLS as well, and it is ended",
  async () => {
    const marked = new Marked();
    await using server = await TestServer.start({
      config: "paths:\n  cam:\n    runOnDemand: sleep 100007\n    runOnDemandStartTimeout: 1s\n",
      env: marked.env,
    });
    await using client = await RtspClient.connect(server.rtsp("cam"));
    await using client2 = await RtspClient.connect(server.rtsp("cam"));
    const asked = performance.now();
    const [a, b, hls] = await Promise.all([
      client.request("DESCRIBE"),
      client2.request("SETUP", { url: "/trackID=0", headers: { Transport: "RTP/AVP/TCP" } }),
      fetch(server.hls("cam/index.m3u8")),
    ]);
    expect(performance.now() - asked).toBeGreaterThan(900);
    expect([a.status, b.status, hls.status]).toEqual([400, 400, 404]);
    await server.waitForLog(/closed \(source of path 'cam' has timed out\)/);
    await server.until(() => marked.matching(/sleep 100007/).length === 0, "it has ended");
    expect(server.log.match(/runOnDemand command started/g)).toHaveLength(1);
  },
  LIMIT_MS,
);

test.concurrent(
  "a command that fails or is missing: who waits is refused at once, over HLS as well; one that is restarted goes on",
  async () => {
    await using server = await TestServer.start({
      config: [
        "paths:",
        "  fails:\n    runOnDemand: sh -c 'exit 3'\n    runOnDemandStartTimeout: 50s",
        "  missing:\n    runOnDemand: /no/such/program x\n    runOnDemandStartTimeout: 50s",
        '  malformed:\n    runOnDemand: "sh -c \'exit"\n    runOnDemandStartTimeout: 50s',
        "  again:\n    runOnDemand: sh -c 'exit 3'\n    runOnDemandRestart: yes\n    runOnDemandStartTimeout: 7s",
        "  hands-over:\n    runOnDemand: 'true'\n    runOnDemandStartTimeout: 2s",
      ].join("\n"),
    });
    const ask = async (path: string) => {
      await using client = await RtspClient.connect(server.rtsp(path));
      const start = performance.now();
      const [rtsp, hls] = await Promise.all([
        client.request("DESCRIBE"),
        fetch(server.hls(`${path}/index.m3u8`)),
      ]);
      return { answers: [rtsp.status, hls.status], ms: performance.now() - start };
    };
    for (const path of ["fails", "missing", "malformed"]) {
      const { answers, ms } = await ask(path);
      expect([path, ...answers]).toEqual([path, 400, 404]);
      expect(ms).toBeLessThan(20_000);
    }
    await server.waitForLog(/closed \(runOnDemand command of path 'fails' exited: command returned code 3\)/);
    const [again, handsOver] = await Promise.all([ask("again"), ask("hands-over")]);
    expect(again.ms).toBeGreaterThan(6_900);
    expect(handsOver.ms).toBeGreaterThan(1_900); // what it has started elsewhere may publish
    const told = (verb: string) => server.log.split(`runOnDemand command ${verb}`).length - 1;
    await server.until(() => told("started") === told("stopped"), "all are stopped");
    expect(server.log.split("[path again] runOnDemand command exited").length - 1).toBe(2);
  },
  LIMIT_MS,
);

test.concurrent(
  "a publisher that goes while its command runs on: readers come back to a new one, and no command is left",
  async () => {
    const marked = new Marked();
    await using server = await TestServer.start({
      config: `paths:\n  cam:\n    runOnDemand: ${PUBLISH}\n    runOnDemandRestart: yes\n    runOnDemandCloseAfter: 1s\n    runOnDemandStartTimeout: 20s\n`,
      env: marked.env,
    });
    await using reader = await TestReader.start(server.rtsp("cam"), TRACKS);
    await reader.more();
    const [pid = 0] = marked.matching(/publisher\.ts/);
    process.kill(pid, "SIGKILL");
    await reader.client.closed;
    await using again = await TestReader.start(server.rtsp("cam"), TRACKS); // within the time of the restart
    await again.more();
    expect(server.log).toContain("runOnDemand command exited: command returned code -1 (SIGKILL)");
    expect(server.log.match(/runOnDemand command started/g)).toHaveLength(1);
    await again[Symbol.asyncDispose]();
    await server.until(() => marked.matching(/publisher\.ts/).length === 0, "the publisher has ended");
  },
  LIMIT_MS,
);

test.concurrent(
  "a command that has ended for good starts again with the next request",
  async () => {
    await using server = await TestServer.start({
      config: `paths:\n  cam:\n    runOnDemand: ${PUBLISH}\n    runOnDemandCloseAfter: 20s\n`,
    });
    for (let i = 1; i <= 2; i++) {
      await using reader = await TestReader.start(server.rtsp("cam"), TRACKS);
      await reader.more();
      const { items } = await server.api<{ items: { state: string; id: string }[] }>("/v2/rtspsessions/list");
      const { id = "" } = items.find(({ state }) => state === "publish") ?? {};
      await fetch(`${server.apiUrl}/v2/rtspsessions/kick/${id}`, { method: "POST" });
      await reader.client.closed;
      await server.until(() => server.log.match(/runOnDemand command exited/g)?.length === i, "it has ended");
    }
    expect(server.log.match(/runOnDemand command started/g)).toHaveLength(2);
  },
  LIMIT_MS,
);

test.concurrent(
  "a publisher nobody asked for stays, with and without readers",
  async () => {
    await using server = await TestServer.start({
      config: "paths:\n  cam:\n    runOnDemand: sleep 100008\n    runOnDemandCloseAfter: 100ms\n",
    });
    await using publisher = await TestPublisher.start(server.rtsp("cam"), { bytesPerSecond: 20_000 });
    const reader = await TestReader.start(server.rtsp("cam"), publisher.tracks);
    await reader.more();
    await reader[Symbol.asyncDispose]();
    await Bun.sleep(500);
    await using late = await TestReader.start(server.rtsp("cam"), publisher.tracks);
    await late.more();
    expect(server.log).not.toContain("runOnDemand");
  },
  LIMIT_MS,
);

/** `TEST_SECONDS=60` for a long run. */
const SECONDS = Number(process.env["TEST_SECONDS"] ?? 10);
const SEED = Number(process.env["TEST_SEED"] ?? 1);
const PATHS = 300;
/** Two cores carry 60, beside all the commands that they start; TEST_CLIENTS=100 asks for more. */
const CLIENTS = Number(process.env["TEST_CLIENTS"] ?? 60);
/** How long clients wait for a command that brings nothing, and for one that does on a busy machine, ms. */
const VAIN_TIMEOUT_MS = 3_000;
const START_TIMEOUT_MS = 15_000;
/** What an answer may take beyond that, ms. */
const MARGIN_MS = 5_000;

/** What a command does: eight of ten publish, by themselves or through a shell that waits for them. */
function kindOf(path: number): "publish" | "shell" | "crash" | "idle" {
  if (path % 10 === 3) return "crash";
  if (path % 10 === 7) return "idle";
  return path % 2 === 0 ? "publish" : "shell";
}

function commandOf(path: number): string {
  const publish = `${toolPath("load")} publish --port $RTSP_PORT --prefix c${path}- --count 1 --bitrate 20000`;
  return {
    publish,
    shell: `sh -c '${publish}; true'`,
    crash: "sh -c 'exit 1'",
    idle: "sleep 100009",
  }[kindOf(path)];
}

function publishes(path: number): boolean {
  return kindOf(path) === "publish" || kindOf(path) === "shell";
}

/** Reads a stream until that many packets have come, none of them missing. */
async function readSome(url: string, packets: number): Promise<void> {
  await using client = await RtspClient.connect(url);
  await client.must("DESCRIBE");
  await client.must("SETUP", {
    url: "/trackID=0",
    headers: { Transport: "RTP/AVP/TCP;unicast;interleaved=0-1" },
  });
  const enough = Promise.withResolvers<void>();
  let last: number | undefined;
  let count = 0;
  client.onFrame = (channel, payload) => {
    if (channel !== 0) return;
    const sequence = (payload[2]! << 8) | payload[3]!;
    if (last !== undefined && sequence !== ((last + 1) & 0xffff))
      enough.reject(new Error("packets are missing"));
    last = sequence;
    count += 1;
    if (count >= packets) enough.resolve();
  };
  await client.must("PLAY", { url: "/" });
  const closed = client.closed.then(() => Promise.reject(new Error(`${url}: closed after ${count} packets`)));
  closed.catch(() => {});
  await Promise.race([enough.promise, closed]);
}

test.skipIf(!canBuildTools())(
  `${PATHS} paths with runOnDemand, ${CLIENTS} clients at random: all are answered, nothing is left (seed ${SEED})`,
  async () => {
    buildTools();
    const marked = new Marked();
    const entries = Array.from({ length: PATHS }, (_, i) =>
      [
        `  c${i}-0:`,
        `    runOnDemand: ${commandOf(i)}`,
        `    runOnDemandRestart: ${i % 3 === 0 ? "yes" : "no"}`,
        `    runOnDemandStartTimeout: ${publishes(i) ? START_TIMEOUT_MS : VAIN_TIMEOUT_MS}ms`,
        "    runOnDemandCloseAfter: 300ms",
      ].join("\n"),
    );
    await using arena = await Arena.start({
      // the first command brings the supervisor, which stays
      config: `paths:\n  first:\n    runOnInit: 'true'\n${entries.join("\n")}\n  all:\n`,
      timeouts: "10s",
      peakMb: 300,
      env: marked.env,
    });
    await arena.logged(/runOnInit command exited/);
    const supervisor = marked.supervisor() ?? 0;
    const before = descriptors(supervisor);
    const random = new Random(SEED);
    const end = performance.now() + SECONDS * 1_000;
    const counts = { played: 0, refused: 0, left: 0 };

    async function ask(): Promise<void> {
      const path = random.below(PATHS);
      const url = arena.url(`c${path}-0`);
      const comes = publishes(path);
      if (comes && random.chance(0.8)) {
        await readSome(url, random.between(1, 40));
        counts.played += 1;
        return;
      }
      await using client = await RtspClient.connect(url);
      const start = performance.now();
      const asked = client.request("DESCRIBE");
      if (random.chance(0.3)) {
        await Promise.race([asked, Bun.sleep(random.below(300))]).catch(() => {});
        void asked.catch(() => {});
        counts.left += 1;
        return;
      }
      const { status } = await asked;
      expect(performance.now() - start).toBeLessThan(
        (comes ? START_TIMEOUT_MS : VAIN_TIMEOUT_MS) + MARGIN_MS,
      );
      expect([path, status]).toEqual([path, comes ? 200 : 400]);
      if (!comes) counts.refused += 1;
    }

    const client = async () => {
      while (performance.now() < end) {
        await ask().catch((error: unknown) => {
          const name = /\bc\d+-0\b/.exec(String(error))?.[0] ?? "-";
          const lines = arena.server.log.split("\n").filter((line) => line.includes(`path ${name}]`));
          throw new Error(`${error}\n${lines.slice(-40).join("\n")}`);
        });
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
    for (const count of Object.values(counts)) expect(count).toBeGreaterThan(SECONDS);
    const { server } = arena;
    const told = (verb: string) =>
      server.log.match(new RegExp(`runOnDemand command ${verb}`, "g"))?.length ?? 0;
    await server.until(
      () => told("started") === told("stopped"),
      "every command that was started is stopped",
    );
    await server.until(() => marked.living().size === 2, "server and supervisor alone are left");
    expect([...marked.living().keys()].sort()).toEqual([server.pid, supervisor].sort());
    await server.until(() => descriptors(supervisor) === before, "descriptors of the supervisor are back");
    await arena.settle();
    expect(told("stopped")).toBe(told("started"));
    expect(told("started")).toBeGreaterThan(PATHS / 3);
    if (SECONDS > 10) console.log(counts, { started: told("started") });
  },
  SECONDS * 1_000 + 60_000,
);
