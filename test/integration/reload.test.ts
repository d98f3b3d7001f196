import { expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { Arena } from "./arena.ts";
import { TestPublisher } from "./publisher.ts";
import { TestReader } from "./reader.ts";

const READERS = 100;
const LIMIT_MS = 60_000;
const BASE = "readTimeout: 60s\nwriteTimeout: 60s\n";
const PATHS = "paths:\n  all:\n";

/** One HTTP connection that is kept; it notices when it is dropped. */
class KeptConnection implements Disposable {
  readonly #socket: Socket;
  #text = "";
  #wake = () => {};
  closed = false;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.#socket = connect(Number(port), hostname);
    this.#socket.on("data", (chunk) => {
      this.#text += chunk.toString();
      this.#wake();
    });
    this.#socket.on("close", () => {
      this.closed = true;
      this.#wake();
    });
  }

  /** Status of a GET. */
  async get(path: string): Promise<number> {
    this.#text = "";
    this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    for (;;) {
      const length = /content-length: (\d+)\r\n/i.exec(this.#text)?.[1];
      const body = this.#text.indexOf("\r\n\r\n") + 4;
      if (length !== undefined && body > 3 && this.#text.length >= body + Number(length)) {
        return Number(this.#text.split(" ")[1]);
      }
      if (this.closed) throw new Error("the HTTP connection was dropped");
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

/** An arena with many readers and a kept connection to the API. */
async function startCrowd(): Promise<{
  arena: Arena;
  publisher: TestPublisher;
  readers: TestReader[];
  api: KeptConnection;
}> {
  const arena = await Arena.start({ timeouts: "60s", errors: /keeping the previous configuration/ });
  const publisher = await TestPublisher.start(arena.url("cam"));
  const url = arena.url("cam");
  const start = () => TestReader.start(url, publisher.tracks);
  const readers = await Promise.all(Array.from({ length: READERS }, start));
  const api = new KeptConnection(arena.server.apiUrl);
  expect(await api.get("/v2/paths/list")).toBe(200);
  return { arena, publisher, readers, api };
}

async function dismiss({
  arena,
  publisher,
  readers,
  api,
}: Awaited<ReturnType<typeof startCrowd>>): Promise<void> {
  api[Symbol.dispose]();
  await Promise.all(readers.map((reader) => reader[Symbol.asyncDispose]()));
  await publisher[Symbol.asyncDispose]();
  await arena.settle();
}

test.concurrent(
  "a new path, log level or metrics address drops no reader and no API connection",
  async () => {
    const crowd = await startCrowd();
    const { arena, readers, api } = crowd;
    await using _ = arena;
    const { server } = arena;
    const everybodyGoesOn = async () => {
      await Promise.all(readers.map((reader) => reader.more(30)));
      expect(readers.flatMap((reader) => reader.faults)).toEqual([]);
      expect(await api.get("/v2/rtspsessions/list")).toBe(200);
    };

    let from = server.log.length;
    server.writeConfig(`${BASE}paths:\n  added:\n  all:\n`);
    await arena.logged(/reloading configuration \(file changed\)/, from);
    await server.until(async () => (await api.get("/v2/paths/get/added")) === 200, "the path is there");
    await everybodyGoesOn();

    from = server.log.length;
    server.writeConfig(`${BASE}logLevel: debug\npaths:\n  added:\n  all:\n`);
    await server.until(async () => {
      await api.get("/v2/paths/list");
      return / DEB /.test(server.log.slice(from));
    }, "debug lines");
    await everybodyGoesOn();

    from = server.log.length;
    const before = server.metricsUrl;
    server.writeConfig(`${BASE}metricsAddress: '[::1]:0'\n${PATHS}`);
    await arena.logged(/\[metrics\] listener opened on \[::1\]:\d+/, from);
    await expect(fetch(before)).rejects.toThrow();
    await everybodyGoesOn();

    from = server.log.length;
    server.writeConfig(`${BASE}${PATHS}`);
    await arena.logged(/\[metrics\] listener opened on 127\.0\.0\.1:\d+/, from);
    await everybodyGoesOn();
    await dismiss(crowd);
  },
  LIMIT_MS,
);

test.concurrent(
  "a broken file drops nobody and says what is wrong",
  async () => {
    const crowd = await startCrowd();
    const { arena, readers, api } = crowd;
    await using _ = arena;
    const { server } = arena;
    const broken: [string, RegExp][] = [
      [
        `${BASE}readTimeuot: 10s\n${PATHS}`,
        /ERR .*readTimeuot.*readTimeout.*keeping the previous configuration/,
      ],
      [`${BASE}writeQueueSize: many\n${PATHS}`, /ERR .*writeQueueSize.*keeping the previous configuration/],
      [`${BASE}paths: [\n`, /ERR .*keeping the previous configuration/],
      [`${BASE}rtspAddress: nowhere\n${PATHS}`, /ERR .*rtspAddress.*keeping the previous configuration/],
    ];
    for (const [text, line] of broken) {
      const from = server.log.length;
      server.writeConfig(text);
      await arena.logged(line, from);
      await Promise.all(readers.map((reader) => reader.more(10)));
      expect(await api.get("/v2/paths/get/cam")).toBe(200);
    }
    expect(readers.flatMap((reader) => reader.faults)).toEqual([]);
    expect(server.log).not.toContain("listener is closing");
    await dismiss(crowd);
  },
  LIMIT_MS,
);

test.concurrent(
  "another rtspAddress restarts RTSP alone",
  async () => {
    const { arena, publisher, readers, api } = await startCrowd();
    await using _ = arena;
    const { server, witness } = arena;
    const from = server.log.length;
    server.writeConfig(`${BASE}rtspAddress: '[::1]:0'\n${PATHS}`);
    await arena.logged(/\[RTSP\] listener is closing(?:.|\n)*\[RTSP\] listener opened on \[::1\]:\d+/, from);
    await Promise.all([...readers, publisher, witness].map((peer) => peer.client.closed));
    expect(await api.get("/v2/paths/list")).toBe(200);
    expect(server.log.slice(from)).not.toMatch(/\[(API|metrics)\] listener/);
    const url = `rtsp://[::1]:${server.rtspPort}/cam`;
    await using again = await TestPublisher.start(url);
    await using reader = await TestReader.start(url, again.tracks);
    await reader.more();
    expect([...readers, reader].flatMap((each) => each.faults)).toEqual([]);
    api[Symbol.dispose]();
  },
  LIMIT_MS,
);
