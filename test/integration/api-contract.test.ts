import { expect, test } from "bun:test";
import { Contract } from "../support/contract.ts";
import { RtmpTestClient } from "../support/rtmp-client.ts";
import { TestServer } from "../support/server.ts";
import { Certificates } from "./certificates.ts";
import { TestPublisher } from "./publisher.ts";
import { TestReader } from "./reader.ts";

const TIMEOUT_MS = 120_000;
const NOBODY = "00000000-0000-4000-8000-000000000000";
const FOREIGN = { Origin: "http://evil.example.com" };
/** Lists whose servers run in this test, with what an item is asked for by. */
const RUNNING = {
  paths: "name",
  hlsmuxers: "name",
  rtspconns: "id",
  rtspsessions: "id",
  rtspsconns: "id",
  rtspssessions: "id",
  rtmpconns: "id",
  rtmpsconns: "id",
  sources: "name",
} as const;
const ABSENT = { webrtcsessions: "id", srtconns: "id" } as const;
const KICKED = ["rtspsessions", "rtspssessions", "rtmpconns", "rtmpsconns"];

async function contractOf(server: TestServer): Promise<Contract> {
  return await Contract.fetch((path, init) => fetch(server.apiUrl + path, { redirect: "manual", ...init }));
}

interface Page {
  readonly items: readonly Readonly<Record<string, string>>[];
}

/** Lists, fetches and mistakes of one kind of things that are there; returns its items. */
async function checkList(contract: Contract, name: string, by: "id" | "name") {
  const list = `GET /v2/${name}/list`;
  const get = `GET /v2/${name}/get/{${by}}`;
  const { body } = await contract.call(list, `/v2/${name}/list`);
  const { items } = body as Page;
  expect([name, items.length > 0]).toEqual([name, true]);
  for (const query of ["itemsPerPage=1", "itemsPerPage=1&page=1000", "page=0"]) {
    expect((await contract.call(list, `/v2/${name}/list?${query}`)).status).toBe(200);
  }
  for (const query of ["itemsPerPage=0", "page=-1", "page=x", "itemsPerPage=1.5"]) {
    expect((await contract.call(list, `/v2/${name}/list?${query}`)).status).toBe(400);
  }
  const key = items[0]?.[by] ?? items[0]?.["path"] ?? "";
  expect((await contract.call(get, `/v2/${name}/get/${key}`)).status).toBe(200);
  expect((await contract.call(get, `/v2/${name}/get/${by === "id" ? NOBODY : "none"}`)).status).toBe(404);
  expect((await contract.call(get, `/v2/${name}/get/%ff`)).status).toBe(400);
  return items;
}

async function checkKick(contract: Contract, name: string, id: string): Promise<void> {
  const kick = `POST /v2/${name}/kick/{id}`;
  const url = `/v2/${name}/kick/`;
  expect((await contract.call(kick, url + id, { headers: FOREIGN })).status).toBe(403);
  expect((await contract.call(kick, `${url}x`)).status).toBe(400);
  expect((await contract.call(kick, url + id)).status).toBe(200);
  expect((await contract.call(kick, url + id)).status).toBe(404);
}

async function checkAbsent(contract: Contract, name: string, by: "id" | "name"): Promise<void> {
  expect((await contract.call(`GET /v2/${name}/list`, `/v2/${name}/list`)).status).toBe(404);
  expect((await contract.call(`GET /v2/${name}/get/{${by}}`, `/v2/${name}/get/${NOBODY}`)).status).toBe(404);
  const kick = await contract.call(`POST /v2/${name}/kick/{${by}}`, `/v2/${name}/kick/${NOBODY}`);
  expect(kick.status).toBe(404);
}

/** Changes of the configuration, right ones and mistakes: operation, URL, body, status. */
const CHANGES: readonly (readonly [string, string, string, number])[] = [
  ["set", "set", '{"logLevel":"info","unknown":1,"readTimeout":null}', 200],
  ["set", "set", '{"logLevel":"loud"}', 400],
  ["set", "set", '{"logLevel":', 400],
  ["set", "set", "[]", 400],
  ["set", "set", "", 400],
  ["set", "set", `"${"x".repeat(1024 * 1024)}"`, 413],
  ["set", "set", " ".repeat(11 * 1024 * 1024), 413],
  ["paths/add/{name}", "paths/add/added/one", '{"readUser":"u","readPass":"p"}', 200],
  ["paths/add/{name}", "paths/add/added/one", "{}", 400],
  ["paths/add/{name}", "paths/add/", "{}", 400],
  ["paths/add/{name}", "paths/add/other", "", 400],
  ["paths/add/{name}", "paths/add/other", " ".repeat(1024 * 1024 + 1), 413],
  ["paths/edit/{name}", "paths/edit/added/one", '{"maxReaders":3}', 200],
  ["paths/edit/{name}", "paths/edit/added/one", '{"maxReaders":"3"}', 400],
  ["paths/edit/{name}", "paths/edit/none", "{}", 404],
  ["paths/edit/{name}", "paths/edit/none", " ".repeat(1024 * 1024 + 1), 413],
  ["paths/remove/{name}", "paths/remove/added/one", "", 200],
  ["paths/remove/{name}", "paths/remove/added/one", "", 404],
  ["paths/remove/{name}", "paths/remove/added/one", " ".repeat(11 * 1024 * 1024), 404],
  ["paths/remove/{name}", "paths/remove/", "", 400],
];

async function checkConfig(contract: Contract): Promise<void> {
  for (const [operation, url, body, status] of CHANGES) {
    const answer = await contract.call(`POST /v2/config/${operation}`, `/v2/config/${url}`, { body });
    expect([url, body.slice(0, 40), answer.status]).toEqual([url, body.slice(0, 40), status]);
  }
  for (const [operation, url] of CHANGES) {
    const init = { body: "{}", headers: FOREIGN };
    const answer = await contract.call(`POST /v2/config/${operation}`, `/v2/config/${url}`, init);
    expect(answer.status).toBe(403);
  }
  expect((await contract.call("GET /v2/config/get", "/v2/config/get")).status).toBe(200);
}

test.skipIf(!Certificates.available)(
  "every route answers as the description says, and every documented answer is one",
  async () => {
    using certificates = new Certificates("localhost");
    // to read the description keeps this process from publishing for a while
    const rtmps = `rtmpEncryption: optional\nrtmpServerKey: ${certificates.keyFile}\nrtmpServerCert: ${certificates.certFile}\n`;
    const config = `readTimeout: 60s\nencryption: optional\nrtspsAddress: 127.0.0.1:0\n${certificates.config}${rtmps}paths:\n  pulled:\n    source: rtsp://127.0.0.1:9/\n  all:\n`;
    await using server = await TestServer.start({ config });
    await using publisher = await TestPublisher.start(server.rtsp("a/cam"));
    await using reader = await TestReader.start(server.rtsp("a/cam"), publisher.tracks);
    await using secure = await TestReader.start(server.rtsps("a/cam"), publisher.tracks);
    await using plainRtmp = await RtmpTestClient.publishing(server.rtmp("b/one"));
    await using secureRtmp = await RtmpTestClient.publishing(server.rtmps("b/two"));
    await reader.more();
    await secure.more();
    const viewer = new AbortController();
    const page = fetch(server.hls("a/cam/index.m3u8"), { signal: viewer.signal }).catch(() => undefined);
    await server.until(
      async () => (await server.api<Page>("/v2/hlsmuxers/list")).items.length > 0,
      "there is a muxer",
    );
    const contract = await contractOf(server);
    for (const [name, by] of Object.entries(RUNNING)) await checkList(contract, name, by);
    for (const [name, by] of Object.entries(ABSENT)) await checkAbsent(contract, name, by);
    await checkConfig(contract);
    for (const name of KICKED) {
      const { body } = await contract.call(`GET /v2/${name}/list`, `/v2/${name}/list`);
      await checkKick(contract, name, (body as Page).items.at(-1)?.["id"] ?? "");
    }
    const info = await contract.call("GET /v2/info", "/v2/info");
    expect(info.body).toMatchObject({ name: "MediaMTX on Bun", compatibleWith: "MediaMTX v1.0.3" });
    expect((await contract.call("GET /openapi.json", "/openapi.json")).status).toBe(200);
    expect((await contract.call("GET /docs", "/docs")).status).toBe(200);
    viewer.abort();
    await page;
    expect([plainRtmp.isClosed, secureRtmp.isClosed]).toEqual([true, true]);

    const called = new Set([...contract.seen].map((answer) => answer.slice(0, answer.lastIndexOf(" "))));
    expect([...called].sort()).toEqual(contract.operations.sort());
    expect(unseen(contract)).toEqual([]);
  },
  TIMEOUT_MS,
);

/** Documented answers that nothing brought about, but for those that depend on which servers run. */
function unseen(contract: Contract): string[] {
  const answers = Object.entries(contract.document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { responses }]) =>
      Object.keys(responses).map((status) => `${method.toUpperCase()} ${path} ${status}`),
    ),
  );
  const isAbsent = (answer: string) => Object.keys(ABSENT).some((name) => answer.includes(`/${name}/`));
  return answers.filter(
    (answer) => !(contract.seen.has(answer) || isAbsent(answer) || /\/list 404$/.test(answer)),
  );
}

test(
  "the description as a page: its own style alone, nothing from elsewhere",
  async () => {
    await using server = await TestServer.start();
    const response = await fetch(`${server.apiUrl}/docs`);
    const page = await response.text();
    expect(response.headers.get("Content-Security-Policy")).toMatch(
      /^default-src 'none'; style-src 'sha256-\S+';/,
    );
    expect(page).toContain("/v2/config/paths/add/{name}");
    expect(page).toContain('<a href="#RtspSession">RtspSession</a>');
    expect(page).not.toMatch(/<script|<link|<img|https?:/);
  },
  TIMEOUT_MS,
);
