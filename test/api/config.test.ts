import { describe, expect, test } from "bun:test";
import { createApi } from "../../src/api/server.ts";
import type { Config } from "../../src/config/load.ts";
import { resolveConfig } from "../../src/config/load.ts";
import { PATH_ROWS } from "../../src/config/path-schema.ts";
import { GLOBAL_ROWS } from "../../src/config/schema.ts";
import { NO_FILE } from "../../src/config/source.ts";
import { ConfigStore } from "../../src/config/store.ts";
import { Registry } from "../../src/lib/registry.ts";
import { RESOURCES, SOURCES } from "../support/declared.ts";
import { Bodies, type HostileBody } from "../support/hostile-bodies.ts";
import { Random } from "../support/random.ts";

type Body = HostileBody | ReadableStream<Uint8Array>;

function setUp() {
  const applied: Config[] = [];
  const store = new ConfigStore(resolveConfig(NO_FILE, SOURCES), {
    schemes: SOURCES,
    apply: (config) => applied.push(config),
  });
  const app = createApi(
    {
      registries: new Map([["paths", new Registry("paths")]]),
      resources: RESOURCES,
      store,
      started: "2026-01-01T00:00:00Z",
    },
    [],
  );
  const ask = (method: string, path: string, body?: Body) =>
    app.fetch(
      new Request(`http://127.0.0.1${path}`, {
        method,
        headers: { Host: "127.0.0.1" },
        ...(body !== undefined && { body }),
      }),
    );
  const get = async () => (await (await ask("GET", "/v2/config/get")).json()) as Shown;
  return { ask, get, applied };
}

type Shown = Readonly<Record<string, unknown>> & {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
};

describe("configuration by the API", () => {
  test("shows every parameter in the order of the schema, with its default", async () => {
    const { get } = setUp();
    const shown = await get();
    expect(Object.keys(shown)).toEqual([...Object.keys(GLOBAL_ROWS), "paths"]);
    expect(Object.keys(shown.paths["all"] ?? {})).toEqual(Object.keys(PATH_ROWS));
    expect(shown).toMatchObject({ logLevel: "info", readTimeout: "10s", rtspAddress: ":8554" });
  });

  test("paths are shown by name, also those that are numbers", async () => {
    const { ask } = setUp();
    const names = ["9", "10", "cam/1", "1_a", "0"];
    for (const name of names) await ask("POST", `/v2/config/paths/add/${name}`, "{}");
    const text = await (await ask("GET", "/v2/config/get")).text();
    const shown = [...text.matchAll(/"([^"]+)":\{"source":/g)].map(([, name]) => name);
    expect(shown).toEqual(["0", "10", "1_a", "9", "all", "cam/1"]);
    expect(Object.keys((JSON.parse(text) as Shown).paths)).toHaveLength(6);
  });

  test("a change is in force at once, and applied once; the answer has no body", async () => {
    const { ask, get, applied } = setUp();
    const answer = await ask(
      "POST",
      "/v2/config/set",
      '{"readTimeout":"5s","nobodyKnows":1,"logLevel":null}',
    );
    expect([answer.status, await answer.text()]).toEqual([200, ""]);
    expect(await get()).toMatchObject({ readTimeout: "5s", logLevel: "info" });
    expect(applied.map(({ readTimeout }) => readTimeout)).toEqual([5_000]);
  });

  test("a path is added, changed and removed, by a name with slashes, a regular expression, `all`", async () => {
    const { ask, get } = setUp();
    for (const name of ["a/b", "~^cam[0-9]+$", "with%20no"]) {
      const key = decodeURIComponent(name);
      const add = await ask("POST", `/v2/config/paths/add/${encodeURI(key)}`, '{"maxReaders":2}');
      if (key.includes(" ")) {
        expect(add.status).toBe(400);
        continue;
      }
      expect(add.status).toBe(200);
      expect((await get()).paths[key]).toMatchObject({ maxReaders: 2 });
      const edit = await ask(
        "POST",
        `/v2/config/paths/edit/${encodeURI(key)}`,
        '{"readUser":"u","readPass":"p"}',
      );
      expect(edit.status).toBe(200);
      expect((await get()).paths[key]).toMatchObject({ maxReaders: 2, readUser: "u" });
      expect((await ask("POST", `/v2/config/paths/remove/${encodeURI(key)}`)).status).toBe(200);
      expect((await get()).paths[key]).toBeUndefined();
    }
    expect((await ask("POST", "/v2/config/paths/remove/all", "ignored")).status).toBe(200);
  });

  test.each([
    ["set", "", 400, /no JSON/],
    ["set", "null", 400, /not a JSON object/],
    ["set", '{"readTimeout":5}', 400, /readTimeout/],
    ["set", '{"udpMaxPayloadSize":1}', 400, /udpMaxPayloadSize/],
    ["paths/add/all", "{}", 400, /already exists/],
    ["paths/add/", "{}", 400, /invalid name/],
    ["paths/add/%ff", "{}", 400, /invalid name/],
    ["paths/add/a%2f..", "{}", 400, /./],
    ["paths/edit/none", "{}", 404, /none/],
    ["paths/edit/all", '{"source":"gopher://x"}', 400, /source/],
    ["paths/remove/none", "", 404, /none/],
  ])("%s with %j is refused, and changes nothing", async (path, body, status, error) => {
    const { ask, get, applied } = setUp();
    const before = await get();
    const answer = await ask("POST", `/v2/config/${path}`, body);
    expect(answer.status).toBe(status);
    expect(((await answer.json()) as { error: string }).error).toMatch(error);
    expect(await get()).toEqual(before);
    expect(applied).toEqual([]);
  });

  test("a body that is too large is refused while it comes", async () => {
    const { ask } = setUp();
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += 65_536;
        controller.enqueue(new Uint8Array(65_536).fill(0x20));
      },
    });
    const answer = await ask("POST", "/v2/config/set", endless);
    expect(answer.status).toBe(413);
    expect(sent).toBeLessThan(2 * 1024 * 1024);
  });

  test("10,000 random and hostile bodies: a right answer or a mistake that is named, never a fault", async () => {
    const { ask, get } = setUp();
    const random = new Random(1);
    const bodies = new Bodies(random);
    const counts = new Map<number, number>();
    for (let i = 0; i < 10_000; i++) {
      const url = bodies.url();
      const answer = await ask("POST", url, bodies.make());
      const text = await answer.text();
      counts.set(answer.status, (counts.get(answer.status) ?? 0) + 1);
      if (answer.status === 200 && text === "") continue;
      const known = [400, 404].includes(answer.status);
      const isNamed = /^\{"error":".{5,2000}"\}$/s.test(text);
      if (!known || !isNamed) throw new Error(`number ${i}: ${url}: ${answer.status} ${text.slice(0, 300)}`);
    }
    expect(counts.get(200)).toBeGreaterThan(500);
    expect(counts.get(400)).toBeGreaterThan(3_000);
    expect(Object.keys(await get())).toEqual(expect.arrayContaining([...Object.keys(GLOBAL_ROWS), "paths"]));
  }, 120_000);
});
