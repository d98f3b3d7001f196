import { expect, test } from "bun:test";
import { createApi } from "../../src/api/server.ts";
import { parseUuid } from "../../src/api/uuid.ts";
import { type ApiVersion, V2 } from "../../src/api/version.ts";
import { resolveConfig } from "../../src/config/load.ts";
import { NO_FILE } from "../../src/config/source.ts";
import { ConfigStore } from "../../src/config/store.ts";
import { type JsonObject, type Listed, type Listing, Registry } from "../../src/lib/registry.ts";
import { NO_SCHEMES } from "../support/config.ts";
import { RESOURCES } from "../support/declared.ts";

class Item implements Listed {
  readonly created = 0;
  readonly id: string;
  readonly registry: Registry;
  readonly more: JsonObject;
  reason: Error | undefined;
  constructor(id: string, registry: Registry, more: JsonObject = {}) {
    this.id = id;
    this.registry = registry;
    this.more = more;
    registry.add(this);
  }
  describe(): JsonObject {
    return { id: this.id, ...this.more };
  }
  close(reason: Error): void {
    this.reason = reason;
    this.registry.delete(this);
  }
}

type Versions = readonly [ApiVersion, ...ApiVersion[]];

const uuid = (n: number) => `2f3c0000-0000-4000-8000-${String(n).padStart(12, "0")}`;

function setUp(sessions = 5, versions: Versions = [V2]) {
  const paths = new Registry("paths", "id");
  const rtspsessions = new Registry("rtspsessions");
  const items = Array.from({ length: sessions }, (_, n) => new Item(uuid(n), rtspsessions));
  for (const name of ["b", "a/b c", "a<é"]) new Item(name, paths, { name });
  const registries = new Map<string, Listing>(
    [paths, rtspsessions].map((registry) => [registry.name, registry]),
  );
  const store = new ConfigStore(resolveConfig(NO_FILE, NO_SCHEMES), { schemes: NO_SCHEMES, apply: () => {} });
  const app = createApi(
    { registries, resources: RESOURCES, store, started: "2026-01-01T00:00:00Z" },
    ["media.example.com"],
    versions,
  );
  const get = (path: string, init?: RequestInit) =>
    app.fetch(new Request(`http://127.0.0.1:9997${path}`, { headers: { Host: "127.0.0.1:9997" }, ...init }));
  const post = (path: string, headers: Record<string, string> = {}) =>
    get(path, { method: "POST", headers: { Host: "127.0.0.1:9997", ...headers } });
  return { get, post, items, registries };
}

const ids = (body: unknown) => (body as { items: { id: string }[] }).items.map(({ id }) => id);

test("a list has its envelope in order, as JSON", async () => {
  const { get } = setUp(1);
  const answer = await get("/v2/rtspsessions/list");
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8");
  expect(await answer.text()).toBe(`{"itemCount":1,"pageCount":1,"items":[{"id":"${uuid(0)}"}]}`);
});

test("an empty list has no pages", async () => {
  const { get } = setUp(0);
  const answer = await get("/v2/rtspsessions/list?itemsPerPage=3&page=9");
  expect(await answer.text()).toBe('{"itemCount":0,"pageCount":0,"items":[]}');
});

test.each([
  ["", [0, 1, 2, 3, 4]],
  ["?itemsPerPage=&page=", [0, 1, 2, 3, 4]],
  ["?itemsPerPage=3", [0, 1, 2]],
  ["?itemsPerPage=3&page=1", [3, 4]],
  ["?itemsPerPage=3&page=2", []],
  ["?itemsPerPage=2147483647&page=2147483647", []],
] as const)("page %s", async (query, expected) => {
  const { get } = setUp();
  const answer = await get(`/v2/rtspsessions/list${query}`);
  expect(answer.status).toBe(200);
  expect(ids(await answer.json())).toEqual(expected.map(uuid));
});

test.each(["itemsPerPage=0", "itemsPerPage=-1", "itemsPerPage=x", "itemsPerPage=2147483648", "page=1.5"])(
  "%s is refused",
  async (query) => {
    const { get } = setUp();
    const answer = await get(`/v2/rtspsessions/list?${query}`);
    expect(answer.status).toBe(400);
    const { error } = (await answer.json()) as { error: string };
    expect(error).toBe(`invalid ${query.split("=")[0]}: '${query.split("=")[1]}'`);
  },
);

test("paths are listed by name and fetched by their decoded name", async () => {
  const { get } = setUp();
  expect(ids(await (await get("/v2/paths/list")).json())).toEqual(["a/b c", "a<é", "b"]);
  expect(await (await get("/v2/paths/get/a/b%20c")).json()).toEqual({ id: "a/b c", name: "a/b c" });
  const escaped = await (await get("/v2/paths/get/a%3C%C3%A9")).text();
  expect(escaped).toContain("a\\u003cé");
  expect(JSON.parse(escaped)).toEqual({ id: "a<é", name: "a<é" });
  expect((await get("/v2/paths/get/a%2Fb%20c")).status).toBe(200);
});

test("what is asked for wrongly and what is not there are told apart", async () => {
  const { get, post } = setUp();
  for (const [path, status, error] of [
    ["/v2/paths/get/", 400, "invalid name"],
    ["/v2/paths/get", 400, "invalid name"],
    ["/v2/paths/get/%ff", 400, "invalid name"],
    ["/v2/paths/get/none", 404, "path not found"],
    ["/v2/rtspsessions/get/abc", 400, "invalid id"],
    [`/v2/rtspsessions/get/${uuid(99)}`, 404, "session not found"],
  ] as const) {
    const answer = await get(path);
    expect([path, answer.status, await answer.json()]).toEqual([path, status, { error }]);
  }
  for (const path of [
    "/v2/srtconns/list",
    "/v2/other/list",
    "/v2/paths/kick/b",
    "/",
    `/v2/srtconns/get/${uuid(0)}`,
  ]) {
    const answer = await get(path);
    expect([path, answer.status, await answer.text()]).toEqual([path, 404, "404 page not found"]);
  }
  expect((await post("/v2/paths/kick/b")).status).toBe(404);
  expect((await post("/v2/rtspsessions/list")).status).toBe(404);
});

test("a session is fetched by any form of its id, and kicked once", async () => {
  const { get, post, items } = setUp();
  const id = uuid(1);
  for (const form of [id, id.toUpperCase(), `%7B${id}%7D`, `urn:uuid:${id}`, id.replaceAll("-", "")]) {
    expect((await get(`/v2/rtspsessions/get/${form}`)).status).toBe(200);
  }
  const kicked = await post(`/v2/rtspsessions/kick/${id}`);
  expect([kicked.status, await kicked.text()]).toEqual([200, ""]);
  expect(items[1]?.reason?.message).toBe("kicked");
  expect((await post(`/v2/rtspsessions/kick/${id}`)).status).toBe(404);
  expect((await get(`/v2/rtspsessions/kick/${uuid(2)}`)).status).toBe(404);
});

test.each([
  [{}, 200],
  [{ Host: "localhost:9997", Origin: "http://localhost:9997", "Sec-Fetch-Site": "same-origin" }, 200],
  [{ Host: "mediamtx:9997" }, 200],
  [{ Host: "[::1]:9997" }, 200],
  [{ Host: "Media.Example.com" }, 200],
  [{ Host: "evil.example.com" }, 403],
  [{ Host: "127.0.0.1.evil.example.com:9997" }, 403],
  [{ Origin: "http://evil.example.com" }, 403],
  [{ Origin: "null" }, 403],
  [{ "Sec-Fetch-Site": "cross-site" }, 403],
  [{ "Sec-Fetch-Site": "same-site" }, 403],
] as [Record<string, string>, number][])("a write with %j is answered %d", async (headers, status) => {
  const { post, items } = setUp();
  expect((await post(`/v2/rtspsessions/kick/${uuid(0)}`, headers)).status).toBe(status);
  expect(items[0]?.reason === undefined).toBe(status === 403);
});

test("a registry that comes or goes is seen at once", async () => {
  const { get, registries } = setUp();
  registries.delete("rtspsessions");
  expect((await get("/v2/rtspsessions/list")).status).toBe(404);
  registries.set("rtspconns", new Registry("rtspconns"));
  expect((await get("/v2/rtspconns/list")).status).toBe(200);
  expect((await get("/v2/rtspconns/list/")).status).toBe(301);
});

test("things that are elsewhere are listed, fetched and kicked once they have answered", async () => {
  const { get, post, registries } = setUp(0);
  const there = new Registry("rtspsessions");
  const item = new Item(uuid(1), there);
  const answered = () => new Promise<void>((resolve) => setImmediate(resolve));
  registries.set("rtspsessions", {
    name: "rtspsessions",
    list: () => answered().then(() => there.list()),
    find: (id) => answered().then(() => there.find(id)),
  });
  expect(ids(await (await get("/v2/rtspsessions/list")).json())).toEqual([uuid(1)]);
  expect(await (await get(`/v2/rtspsessions/get/${uuid(1)}`)).json()).toEqual({ id: uuid(1) });
  expect((await get(`/v2/rtspsessions/get/${uuid(2)}`)).status).toBe(404);
  expect((await post(`/v2/rtspsessions/kick/${uuid(1)}`)).status).toBe(200);
  expect(item.reason?.message).toBe("kicked");
});

test("another version stands beside the first, with its own routes and its own shapes", async () => {
  const next: ApiVersion = { base: "/v9", show: ({ id }) => ({ key: id }) };
  const { get, post, items } = setUp(1, [V2, next]);
  expect(await (await get("/v9/rtspsessions/list")).json()).toMatchObject({ items: [{ key: uuid(0) }] });
  expect(await (await get(`/v9/rtspsessions/get/${uuid(0)}`)).json()).toEqual({ key: uuid(0) });
  expect(await (await get(`/v2/rtspsessions/get/${uuid(0)}`)).json()).toEqual({ id: uuid(0) });
  expect(await (await get("/v9/config/get")).json()).toEqual(await (await get("/v2/config/get")).json());
  expect((await get("/v9/rtspsessions/list/")).headers.get("Location")).toBe("/v9/rtspsessions/list");
  const { info, paths } = (await (await get("/openapi.json")).json()) as {
    info: { version: string };
    paths: object;
  };
  expect([info.version, Object.keys(paths).some((path) => path.startsWith("/v9"))]).toEqual(["2", false]);
  expect((await get("/v3/rtspsessions/list")).status).toBe(404);
  expect((await post(`/v9/rtspsessions/kick/${uuid(0)}`)).status).toBe(200);
  expect(items[0]?.reason?.message).toBe("kicked");
});

test("what is no UUID is none", () => {
  for (const text of [
    "",
    "{}",
    "2f3c",
    `${uuid(1)}0`,
    `{${uuid(1)}`,
    uuid(1).replace("2", "g"),
    "2f3c-0000000040008000000000000001",
  ]) {
    expect(parseUuid(text)).toBeUndefined();
  }
});
