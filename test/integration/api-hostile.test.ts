import { expect, test } from "bun:test";
import { createApi } from "../../src/api/server.ts";
import { resolveConfig } from "../../src/config/load.ts";
import { NO_FILE } from "../../src/config/source.ts";
import { ConfigStore } from "../../src/config/store.ts";
import { NO_SCHEMES } from "../support/config.ts";
import { Bodies } from "../support/hostile-bodies.ts";
import { Random } from "../support/random.ts";
import { TestServer } from "../support/server.ts";
import { TestPublisher } from "./publisher.ts";
import { TestReader } from "./reader.ts";

const TIMEOUT_MS = 120_000;
const REQUESTS = 1_000;
const AT_ONCE = 20;

/** What an API that nobody else uses says of such a request. */
async function verdict(url: string, body: string | Uint8Array<ArrayBuffer>): Promise<number> {
  const store = new ConfigStore(resolveConfig(NO_FILE, NO_SCHEMES), { schemes: NO_SCHEMES, apply: () => {} });
  const app = createApi({ registries: new Map(), resources: [], store, started: "2026-01-01T00:00:00Z" }, []);
  const headers = { Host: "127.0.0.1" };
  return (await app.fetch(new Request(`http://127.0.0.1${url}`, { method: "POST", headers, body }))).status;
}

/** What the server says to these bytes, until it closes. */
async function raw(server: TestServer, text: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let said = "";
  const { port } = new URL(server.apiUrl);
  const decoder = new TextDecoder();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: Number(port),
    socket: {
      data: (_, chunk) => {
        said += decoder.decode(chunk, { stream: true });
      },
      close: () => resolve(said),
      error: () => resolve(said),
    },
  });
  socket.write(text);
  return await promise;
}

test(
  "requests that are wrong in every way leave readers alone, and get an answer",
  async () => {
    await using server = await TestServer.start({ config: "paths:\n  all:\n" });
    await using publisher = await TestPublisher.start(server.rtsp("cam"));
    await using reader = await TestReader.start(server.rtsp("cam"), publisher.tracks);
    const random = new Random(2);
    const bodies = new Bodies(random);
    const counts = new Map<number, number>();
    const send = async () => {
      for (let i = 0; i < REQUESTS / AT_ONCE; i++) {
        const [url, body] = [bodies.url(), bodies.make()];
        const expected = await verdict(url, body);
        if (expected === 200) continue; // it would change this server
        const { status } = await fetch(server.apiUrl + url, { method: "POST", body });
        counts.set(status, (counts.get(status) ?? 0) + 1);
        expect([url, status]).toEqual([url, expected]);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, send));
    expect([...counts.keys()].sort()).toEqual([400, 404]);
    await reader.more(200);
    expect(reader.faults).toEqual([]);
    expect(server.log).not.toContain("ERR");
  },
  TIMEOUT_MS,
);

test(
  "what a page of another site can make a browser send changes nothing, and reads of it either",
  async () => {
    await using server = await TestServer.start({ config: "paths:\n  all:\n" });
    const { host } = new URL(server.apiUrl);
    const body = '{"runOnReady":"touch owned"}';
    const request = (headers: string) =>
      raw(
        server,
        `POST /v2/config/paths/edit/all HTTP/1.1\r\n${headers}\r\nContent-Type: text/plain\r\n` +
          `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
      );
    for (const headers of [
      `Host: ${host}\r\nOrigin: https://evil.example.com`,
      `Host: ${host}\r\nOrigin: null`,
      `Host: ${host}\r\nSec-Fetch-Site: cross-site`,
      "Host: evil.example.com",
      `Host: evil.example.com:${new URL(server.apiUrl).port}\r\nOrigin: http://evil.example.com:${new URL(server.apiUrl).port}`,
      "Host: 127.0.0.1.evil.example.com",
      "Host: evil.example.com.",
    ]) {
      expect([headers, (await request(headers)).split("\r\n")[0]]).toEqual([
        headers,
        "HTTP/1.1 403 Forbidden",
      ]);
    }
    const config = await fetch(`${server.apiUrl}/v2/config/get`, {
      headers: { Origin: "https://evil.example.com" },
    });
    expect([...config.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
    const { paths } = (await config.json()) as { paths: { all: { runOnReady: string } } };
    expect(paths.all.runOnReady).toBe("");
    expect((await fetch(`${server.apiUrl}/v2/paths/list`, { method: "OPTIONS" })).status).toBe(404);
    expect(await request(`Host: ${host}`)).toStartWith("HTTP/1.1 200 OK");
  },
  TIMEOUT_MS,
);
