import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { syntheticTracks } from "../support/media.ts";
import { TestServer } from "../support/server.ts";
import { Arena } from "./arena.ts";
import { TestPublisher } from "./publisher.ts";
import { TestReader } from "./reader.ts";

const LIMIT_MS = 60_000;

test.concurrent(
  "a publisher ended by SIGKILL takes its readers along and nobody else",
  async () => {
    await using arena = await Arena.start();
    for (let round = 0; round < 2; round++) {
      const command = [process.execPath, join(import.meta.dir, "publisher.ts"), arena.url("cam")];
      const child = Bun.spawn(command, { stdout: "pipe" });
      for await (const _ of child.stdout) break;
      await using reader = await TestReader.start(arena.url("cam"), syntheticTracks());
      await reader.more();
      child.kill("SIGKILL");
      await reader.client.closed;
      expect(reader.faults).toEqual([]);
      await child.exited;
    }
    await arena.logged(/is publishing to path 'cam'(?:.|\n)*is publishing to path 'cam'/);
    await arena.logged(/closed \(EOF\)|closed \(.*reset/);
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "a peer that closes its half of the connection is closed whole",
  async () => {
    await using arena = await Arena.start();
    {
      await using publisher = await TestPublisher.start(arena.url("cam"));
      await using reader = await TestReader.start(arena.url("cam"), publisher.tracks);
      await using other = await TestReader.start(arena.url("cam"), publisher.tracks);
      await reader.more();
      const { local } = reader.client;
      reader.client.halfClose();
      await reader.client.closed;
      await arena.logged(new RegExp(`conn ${local}\\] closed \\(EOF\\)`));
      await other.more();
      publisher.fallSilent();
      publisher.client.halfClose();
      await Promise.all([publisher.client.closed, other.client.closed]);
      await arena.logged(new RegExp(`conn ${publisher.client.local}\\] closed \\(EOF\\)`));
      expect([...reader.faults, ...other.faults]).toEqual([]);
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "a peer that resets its connection is gone, its reason in the log",
  async () => {
    await using arena = await Arena.start();
    {
      const publisher = await TestPublisher.start(arena.url("cam"));
      const reader = await TestReader.start(arena.url("cam"), publisher.tracks);
      await reader.more();
      const { local } = reader.client;
      reader.client.terminate();
      await arena.logged(new RegExp(`conn ${local}\\] closed \\(`));
      publisher.client.terminate();
    }
    await arena.settle();
  },
  LIMIT_MS,
);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test.concurrent(
    `${signal} with 100 readers stops the server cleanly within two seconds`,
    async () => {
      const server = await TestServer.start();
      const publisher = await TestPublisher.start(server.rtsp("cam"));
      const url = server.rtsp("cam");
      const start = () => TestReader.start(url, publisher.tracks);
      const readers = await Promise.all(Array.from({ length: 100 }, start));
      await Promise.all(readers.map((reader) => reader.more(5)));
      const since = performance.now();
      server.kill(signal);
      await expect(server.waitForLog(/(?!)/)).rejects.toThrow("the server has exited");
      expect(performance.now() - since).toBeLessThan(2_000);
      expect(await server.stop()).toBe(0);
      await Promise.all(readers.map((reader) => reader.client.closed));
      await publisher.client.closed;
      expect(readers.flatMap((reader) => reader.faults)).toEqual([]);
      expect(server.log).toContain("shutting down gracefully");
      expect(server.log).toContain("[RTSP] listener is closing");
    },
    LIMIT_MS,
  );
}

test.concurrent(
  "a port that is taken ends the start by name",
  async () => {
    await using first = await TestServer.start();
    const address = `127.0.0.1:${first.rtspPort}`;
    const file = join(first.folder, "second.yml");
    writeFileSync(file, `rtspAddress: ${address}\nprotocols: [tcp]\nhls: no\npaths:\n  all:\n`);
    const second = Bun.spawn([process.execPath, join(import.meta.dir, "../../src/main.ts"), file], {
      stdout: "pipe",
    });
    expect(await second.exited).toBe(1);
    expect(await new Response(second.stdout).text()).toContain(
      `ERR listen tcp ${address}: address already in use`,
    );
    await using publisher = await TestPublisher.start(first.rtsp("cam"));
    expect(publisher.client.isClosed).toBe(false);
  },
  LIMIT_MS,
);
