import { expect, test } from "bun:test";
import { Arena } from "./arena.ts";
import { TestPublisher } from "./publisher.ts";
import { TestReader } from "./reader.ts";

const LIMIT_MS = 60_000;
const BASE = "readTimeout: 60s\nwriteTimeout: 60s\n";

/** A stream with somebody who reads it. */
class Pair implements AsyncDisposable {
  readonly publisher: TestPublisher;
  readonly reader: TestReader;

  private constructor(publisher: TestPublisher, reader: TestReader) {
    this.publisher = publisher;
    this.reader = reader;
  }

  static async start(url: string): Promise<Pair> {
    const publisher = await TestPublisher.start(url);
    const reader = await TestReader.start(url, publisher.tracks);
    await reader.more();
    return new Pair(publisher, reader);
  }

  async goesOn(): Promise<void> {
    await this.reader.more(30);
    expect(this.reader.faults).toEqual([]);
  }

  async isDropped(): Promise<void> {
    await Promise.all([this.publisher.client.closed, this.reader.client.closed]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reader[Symbol.asyncDispose]();
    await this.publisher[Symbol.asyncDispose]();
  }
}

test.concurrent(
  "a reload drops the clients of changed entries alone",
  async () => {
    const entries = (two: string, front = "") =>
      `pathDefaults: {maxReaders: 9}\npaths:\n${front}  '~^(one)$':\n  '~^two(.*)$': {maxReaders: ${two}}\n  three:\n  all:\n`;
    await using arena = await Arena.start({ timeouts: "60s", config: entries("5") });
    const { server } = arena;
    await using one = await Pair.start(arena.url("one"));
    await using two = await Pair.start(arena.url("two"));
    await using three = await Pair.start(arena.url("three"));
    const confNameOf = async (name: string) =>
      (await server.api<{ confName: string }>(`/v2/paths/get/${name}`)).confName;
    expect(await confNameOf("two")).toBe("~^two(.*)$");

    server.writeConfig(`${BASE}${entries("6")}`);
    await two.isDropped();
    await one.goesOn();
    await three.goesOn();
    await using again = await Pair.start(arena.url("two"));

    // another entry says the same of `one`: nobody notices
    server.writeConfig(`${BASE}${entries("6", "  '~^on':\n")}`);
    await server.until(async () => (await confNameOf("one")) === "~^on", "the path is under the other entry");
    await Promise.all([one, again, three].map((pair) => pair.goesOn()));

    // defaults of all paths: those who say it themselves go on
    server.writeConfig(`${BASE}${entries("6", "  '~^on':\n").replace("maxReaders: 9", "maxReaders: 8")}`);
    await Promise.all([one.isDropped(), three.isDropped()]);
    await again.goesOn();
  },
  LIMIT_MS,
);

test.concurrent(
  "of a storm of changes the last one counts, and nobody is dropped",
  async () => {
    await using arena = await Arena.start({
      timeouts: "60s",
      errors: /keeping the previous configuration/,
    });
    const { server } = arena;
    await using pair = await Pair.start(arena.url("cam"));
    const from = server.log.length;
    for (let i = 1; i <= 200; i += 1) {
      const broken = i % 3 === 0 ? "readTimeuot: 1s\n" : "";
      server.writeConfig(`${BASE}${broken}paths:\n  storm${i}:\n  '~^cam': {maxReaders: 0}\n  all:\n`);
      if (i % 10 === 0) await pair.reader.more(2);
    }
    await server.until(async () => {
      const response = await fetch(`${server.apiUrl}/v2/paths/get/storm200`);
      await response.body?.cancel();
      return response.status === 200;
    }, "the last change is in force");
    await pair.goesOn();
    const { items } = await server.api<{ items: { name: string }[] }>("/v2/paths/list");
    expect(items.map(({ name }) => name)).toEqual(["cam", "storm200", "witness"]);
    const reloads = server.log.slice(from).match(/reloading configuration \(file changed\)/g) ?? [];
    expect(reloads.length).toBeLessThan(20);
  },
  LIMIT_MS,
);

test.concurrent(
  "the environment counts after a reload as it does at the start",
  async () => {
    const env = { MTX_PATHS_EXTRA_MAXREADERS: "3", RTSP_LOGLEVEL: "debug", MTX_READTIMEOUT: "50s" };
    await using arena = await Arena.start({ timeouts: "60s", env });
    const { server } = arena;
    server.writeConfig(`${BASE}paths:\n  added:\n  all:\n`);
    await server.until(async () => {
      const response = await fetch(`${server.apiUrl}/v2/paths/get/added`);
      await response.body?.cancel();
      return response.status === 200;
    }, "the change is in force");
    const { conf } = await server.api<{ conf: { maxReaders: number } }>("/v2/paths/get/extra");
    expect(conf.maxReaders).toBe(3);
    expect(server.log).toContain(" DEB ");
    expect(server.log).not.toContain("listener is closing");
  },
  LIMIT_MS,
);
