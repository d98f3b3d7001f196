import { expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TestServer } from "../support/server.ts";
import { Marked } from "./hook-processes.ts";
import { TestPublisher } from "./publisher.ts";
import { TestReader } from "./reader.ts";

const LIMIT_MS = 60_000;
const STREAM = { bytesPerSecond: 20_000 };

/** Writes the variables that the server gives into a file of its folder, when that is whole. */
const DUMP = (file: string) =>
  `sh -c 'env | grep -E "^(MTX|RTSP|G[0-9])" | grep -v CONFKEY | sort > ${file}.part; mv ${file}.part ${file}'`;

async function dumped(server: TestServer, file: string): Promise<Record<string, string>> {
  const path = join(server.folder, file);
  await server.until(() => existsSync(path), `${file} is written`);
  const lines = readFileSync(path, "utf8").trim().split("\n");
  return Object.fromEntries(lines.map((line) => line.split(/=(.*)/s, 2) as [string, string]));
}

test(
  "every hook starts, has its variables and ends; what runs after it too",
  async () => {
    const paths = ["Init", "Ready", "NotReady", "Read", "Unread"].map(
      (name) => `    runOn${name}: ${DUMP(name)}\n`,
    );
    await using server = await TestServer.start({
      config:
        `runOnConnect: ${DUMP("Connect")}\nrunOnDisconnect: ${DUMP("Disconnect")}\npaths:\n` +
        `  cam:\n${paths.join("")}`,
    });
    const RTSP_PORT = String(server.rtspPort);
    const path = { MTX_PATH: "cam", RTSP_PATH: "cam", RTSP_PORT };
    expect(await dumped(server, "Init")).toEqual(path);
    const publisher = await TestPublisher.start(server.rtsp("cam?a=1&b='2'"), STREAM);
    const connect = await dumped(server, "Connect");
    expect(connect).toMatchObject({ MTX_PATH: "", RTSP_PORT, MTX_CONN_TYPE: "rtspConn" });
    const source = await dumped(server, "Ready");
    expect(source).toMatchObject({ ...path, MTX_QUERY: "a=1&b=%272%27", MTX_SOURCE_TYPE: "rtspSession" });
    const reader = await TestReader.start(server.rtsp("cam"), publisher.tracks);
    const read = await dumped(server, "Read");
    type Listed = { items: { id: string; state: string }[] };
    const { items } = await server.api<Listed>("/v2/rtspsessions/list");
    const idOf = (state: string) => items.find((item) => item.state === state)?.id ?? "";
    expect(source["MTX_SOURCE_ID"]).toBe(idOf("publish"));
    expect(read).toEqual({
      ...path,
      MTX_QUERY: "",
      MTX_READER_TYPE: "rtspSession",
      MTX_READER_ID: idOf("read"),
    });
    await reader.client.must("PAUSE", { url: "/" });
    expect(await dumped(server, "Unread")).toEqual(read);
    await reader[Symbol.asyncDispose]();
    expect(await dumped(server, "Disconnect")).toMatchObject({ MTX_CONN_TYPE: "rtspConn" });
    await publisher[Symbol.asyncDispose]();
    expect(await dumped(server, "NotReady")).toEqual(source);
    for (const line of [
      /\[path cam\] runOnInit command started\n/,
      /\[path cam\] runOnInit command exited: command returned code 0\n/,
      /\[RTSP\] \[conn 127.0.0.1:\d+\] runOnConnect command started\n/,
      /\[RTSP\] \[conn 127.0.0.1:\d+\] runOnConnect command exited: command returned code 0\n/,
      /\[RTSP\] \[conn 127.0.0.1:\d+\] runOnConnect command stopped\n/,
      /\[RTSP\] \[conn 127.0.0.1:\d+\] runOnDisconnect command launched\n/,
      /\[path cam\] runOnReady command started\n/,
      /\[path cam\] runOnReady command stopped\n/,
      /\[path cam\] runOnNotReady command launched\n/,
      /\[RTSP\] \[session \w{8}\] runOnRead command started\n/,
      /\[RTSP\] \[session \w{8}\] runOnRead command stopped\n/,
      /\[RTSP\] \[session \w{8}\] runOnUnread command launched\n/,
    ]) {
      await server.waitForLog(line);
    }
  },
  LIMIT_MS,
);

/** Grandchildren of all kinds, each a `sleep` that says what it is by its length. */
const FAMILY = [
  "#!/bin/sh",
  "trap '' INT TERM",
  "sleep 100001 &", // of the same group
  "setsid sleep 100002 &", // of a session of its own
  "(setsid sh -c 'sleep 100003; true' &)", // without a parent as well
  "sleep 100004 > /dev/null 2>&1 < /dev/null",
  "sleep 100005",
].join("\n");

async function withFamily(config: (file: string) => string, env: Record<string, string> = {}) {
  const marked = new Marked();
  const server = await TestServer.start({ config: "paths: {}\n", env: { ...marked.env, ...env } });
  const file = join(server.folder, "family.sh");
  writeFileSync(file, FAMILY, { mode: 0o755 });
  server.writeConfig(config(file));
  await server.until(() => marked.matching(/sleep 10000[1-4]/).length >= 4, "the family is there", 30_000);
  return { marked, server };
}

async function gone(marked: Marked, pattern: RegExp, limitMs: number): Promise<void> {
  const end = performance.now() + limitMs;
  while (marked.matching(pattern).length > 0) {
    if (performance.now() > end) throw new Error(`alive: ${JSON.stringify([...marked.living()])}`);
    await Bun.sleep(10);
  }
}

test(
  "SIGKILL of the server: within 2 s no hook, no grandchild and no supervisor is alive",
  async () => {
    const { marked, server } = await withFamily(
      (file) => `paths:\n  a:\n    runOnInit: ${file}\n  b:\n    runOnInit: ${file}\n`,
    );
    await using _ = server;
    server.kill("SIGKILL");
    await gone(marked, /./, 2_000);
  },
  LIMIT_MS,
);

test(
  "the same while the supervisor is starting",
  async () => {
    for (const ms of [0, 10, 30, 60, 100]) {
      const marked = new Marked();
      await using server = await TestServer.start({
        config: "paths:\n  a:\n    runOnInit: sleep 100010\n",
        env: marked.env,
      });
      await Bun.sleep(ms); // there is nothing to wait for: any moment is to be a good one
      server.kill("SIGKILL");
      await gone(marked, /./, 2_000);
    }
  },
  LIMIT_MS,
);

test(
  "a reload of runOnConnect drops nobody",
  async () => {
    await using server = await TestServer.start({ config: "runOnConnect: 'true 1'\npaths:\n  all:\n" });
    await using publisher = await TestPublisher.start(server.rtsp("cam"), STREAM);
    const config = "runOnConnect: sh -c 'echo second'\npaths:\n  all:\n";
    await using reader = await TestReader.start(server.rtsp("cam"), publisher.tracks);
    server.writeConfig(config);
    await server.waitForLog(/reloading configuration/);
    await server.until(async () => {
      await using _ = await TestReader.start(server.rtsp("cam"), publisher.tracks);
      return /\[runOnConnect\] second/.test(server.log);
    }, "the new command runs");
    await reader.more();
    expect(server.log).not.toContain("listener is closing");
  },
  LIMIT_MS,
);

test(
  "without ffi too",
  async () => {
    const env = { MEDIAMTX_NO_FFI: "1" };
    const { marked, server } = await withFamily((file) => `paths:\n  a:\n    runOnInit: ${file}\n`, env);
    await using _ = server;
    server.kill("SIGKILL");
    await gone(marked, /./, 2_000);
  },
  LIMIT_MS,
);

test.concurrent(
  "a hook that ignores SIGINT is killed 5 s later with its group; the path is gone at once",
  async () => {
    const { marked, server } = await withFamily((file) => `paths:\n  a:\n    runOnInit: ${file}\n`);
    await using _ = server;
    server.writeConfig("paths: {}\n");
    await server.waitForLog(/\[path a\] runOnInit command stopped/);
    const start = performance.now();
    expect(marked.matching(/10000[145]/)).not.toEqual([]);
    await gone(marked, /family|10000[145]/, 6_500);
    expect(performance.now() - start).toBeGreaterThan(4_000);
    expect(await server.stop()).toBe(0);
    await gone(marked, /./, 1_000);
  },
  LIMIT_MS,
);

test.concurrent(
  "the end of the server waits for hooks that ignore it, and no longer than 6 s",
  async () => {
    const { marked, server } = await withFamily((file) => `paths:\n  a:\n    runOnInit: ${file}\n`);
    await using _ = server;
    const start = performance.now();
    const { log } = server;
    expect(log).not.toContain("waiting for external commands");
    expect(await server.stop()).toBe(0);
    expect(performance.now() - start).toBeGreaterThan(4_000);
    expect(performance.now() - start).toBeLessThan(8_000);
    expect(server.log).toContain("INF waiting for external commands");
    expect(marked.living()).toEqual(new Map());
  },
  LIMIT_MS,
);

test.concurrent(
  "what runs once at the end of the server comes to its end",
  async () => {
    await using server = await TestServer.start({
      config: `paths:\n  all:\n    runOnNotReady: sh -c 'sleep 0.5; echo the end of $MTX_PATH'\n`,
    });
    await using _ = await TestPublisher.start(server.rtsp("cam"), STREAM);
    expect(await server.stop()).toBe(0);
    expect(server.log).toContain("INF [path cam] [runOnNotReady] the end of cam");
  },
  LIMIT_MS,
);

test.concurrent(
  "a hook that crashes in a loop costs its backoff; one that is missing is said to be once",
  async () => {
    await using server = await TestServer.start({
      config:
        "paths:\n  a:\n    runOnInit: sh -c 'exit 7'\n    runOnInitRestart: yes\n" +
        "  b:\n    runOnInit: /no/such/program $MTX_PATH\n    runOnInitRestart: yes\n",
    });
    const crash = /\[path a\] runOnInit command exited: command returned code 7/g;
    await server.waitForLog(/\[path a\] runOnInit command exited/);
    const start = performance.now();
    await server.until(() => server.log.match(crash)?.length === 3, "it crashed three times", 20_000);
    expect(performance.now() - start).toBeGreaterThan(9_500);
    expect(server.log.match(/\[path a\] runOnInit command started/g)).toHaveLength(1);
    expect(server.log.match(/\[path b\].*exited: .*/g)).toEqual([
      "[path b] runOnInit command exited: fork/exec /no/such/program: no such file or directory",
    ]);
  },
  LIMIT_MS,
);

test.concurrent(
  "the supervisor is killed: its commands are gone, and those that are to go on start under another one",
  async () => {
    const marked = new Marked();
    await using server = await TestServer.start({
      config: "paths:\n  a:\n    runOnInit: sleep 100006\n    runOnInitRestart: yes\n",
      env: marked.env,
    });
    await server.until(() => marked.matching(/sleep 100006/).length === 1, "it runs");
    const [first] = marked.matching(/sleep 100006/);
    process.kill(marked.supervisor() ?? 0, "SIGKILL");
    await server.waitForLog(/ERR the command supervisor has exited/);
    await server.until(() => marked.matching(/sleep 100006/).some((pid) => pid !== first), "it runs again");
    expect(marked.matching(/sleep 100006/)).toHaveLength(1);
    expect(marked.matching(/ --supervise$/)).toHaveLength(1);
  },
  LIMIT_MS,
);

test(
  "orphans of a command are taken back when they end; the supervisor is not ended by who ends all",
  async () => {
    const marked = new Marked();
    const orphans =
      "i=0; while [ $i -lt 50 ]; do (sleep 0.1 & exec true); i=$((i+1)); done; echo made; sleep 100011";
    await using server = await TestServer.start({
      config: `paths:\n  a:\n    runOnInit: sh -c '${orphans}'\n`,
      env: marked.env,
    });
    await server.waitForLog(/\[runOnInit\] made/);
    const supervisor = marked.supervisor() ?? 0;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.kill(supervisor, signal);
    const isClean = () => marked.zombies(supervisor) === 0 && marked.matching(/^sleep 0.1/).length === 0;
    await server.until(isClean, "no zombie is left");
    expect(marked.supervisor()).toBe(supervisor);
    expect(marked.matching(/sleep 100011/).length).toBeGreaterThan(0);
  },
  LIMIT_MS,
);

test(
  "a server without commands has no supervisor",
  async () => {
    const marked = new Marked();
    await using server = await TestServer.start({ env: marked.env });
    await using _ = await TestPublisher.start(server.rtsp("cam"), STREAM);
    expect([...marked.living().keys()]).toEqual([server.pid]);
  },
  LIMIT_MS,
);
