import { expect, test } from "bun:test";
import { join } from "node:path";
import { TestServer } from "../support/server.ts";
import { TestCamera } from "./camera.ts";
import { TestPublisher } from "./publisher.ts";
import { TestReader } from "./reader.ts";

const LIMIT_MS = 30_000;
const env = { BUN_OPTIONS: `--preload=${join(import.meta.dir, "../support/inject-fault.ts")}` };
const STACK = /internal error: .*\n.*TypeError: injected\n.* {4}at /;

test.concurrent(
  "a fault of the server ends one connection, is in the log with its stack and counted",
  async () => {
    await using server = await TestServer.start({ env, mayFail: true });
    await using publisher = await TestPublisher.start(server.rtsp("cam"));
    await using reader = await TestReader.start(server.rtsp("cam"), publisher.tracks);
    await using other = await TestReader.start(server.rtsp("cam"), publisher.tracks);
    expect(await server.metric("internal_errors_total")).toBe(0);
    void other.client.request("OPTIONS", { headers: { "X-Fault": "1" } }).catch(() => {});
    await other.client.closed;
    await server.waitForLog(STACK);
    await server.waitForLog(new RegExp(`conn ${other.client.local}\\] closed \\(injected\\)`));
    expect(await server.metric("internal_errors_total")).toBe(1);
    await reader.more(100);
    expect(reader.faults).toEqual([]);
  },
  LIMIT_MS,
);

test.concurrent(
  "a source that meets a fault of the server says so once, with its stack, and waits",
  async () => {
    await using camera = await TestCamera.open({ headers: { "X-Fault": "1" } });
    await using server = await TestServer.start({
      config: `paths:\n  cam:\n    source: ${camera.url}\n`,
      env,
      mayFail: true,
    });
    await server.waitForLog(/ERR \[path cam\] \[RTSP source\] injected/);
    expect(STACK.test(server.log)).toBe(true);
    expect(camera.methods).toEqual(["OPTIONS"]);
    expect(await server.metric("internal_errors_total")).toBe(1);
  },
  LIMIT_MS,
);

test.concurrent(
  "a test whose server had an internal error fails",
  async () => {
    await using camera = await TestCamera.open({ headers: { "X-Fault": "1" } });
    const server = await TestServer.start({ config: `paths:\n  cam:\n    source: ${camera.url}\n`, env });
    await server.waitForLog(/ERR \[path cam\] \[RTSP source\] injected/);
    await expect(server.stop()).rejects.toThrow(/internal error: source|internal error: conn/);
  },
  LIMIT_MS,
);
