import { beforeAll, describe, expect, test } from "bun:test";
import { startPublishers, startViewers } from "../bench/load.ts";
import { buildTools, canBuildTools } from "../bench/tools.ts";
import { Nginx } from "../support/nginx.ts";
import { TestServer } from "../support/server.ts";
import { has } from "../support/tools.ts";

const LIMIT_MS = 60_000;
const VIEWERS = 500;
const CAN = canBuildTools();

beforeAll(() => {
  if (CAN) buildTools();
});

/** A server with a stream `cam0`, once it can be watched. */
async function published(config = "", credentials = "") {
  const server = await TestServer.start({ config: `${config}\npaths:\n  all:\n${credentials}` });
  const publisher = startPublishers({ port: server.rtspPort, count: 1, prefix: "cam", bitrate: 1_000_000 });
  await publisher.ready();
  const headers: Record<string, string> = credentials === "" ? {} : { Authorization: `Basic ${btoa("u:p")}` };
  const get = (file: string, more: Record<string, string> = {}, method = "GET") =>
    fetch(server.hls(`cam0/${file}`), { method, headers: { ...headers, ...more } });
  const playlist = await (await get("stream.m3u8")).text();
  return {
    server,
    get,
    playlist,
    prefix: /URI="(\w+)_init\.mp4/.exec(playlist)?.[1] ?? "",
    async [Symbol.asyncDispose]() {
      await publisher[Symbol.asyncDispose]();
      await server.stop();
    },
  };
}

describe.skipIf(!CAN)("a request of HEAD", () => {
  test(
    "is answered as one of GET, without a body that is sent or counted",
    async () => {
      await using origin = await published();
      const { get, prefix, playlist, server } = origin;
      const segment = /_seg\d+\.mp4/.exec(playlist)?.[0];
      const part = /_part\d+\.mp4/.exec(playlist)?.[0];
      const files = [
        "",
        "index.m3u8",
        "stream.m3u8",
        `${prefix}_init.mp4`,
        `${prefix}${segment}`,
        `${prefix}${part}`,
      ];
      for (const file of files) {
        const whole = await get(file);
        const { byteLength } = await whole.arrayBuffer();
        const head = await get(file, {}, "HEAD");
        expect([file, head.status, (await head.arrayBuffer()).byteLength]).toEqual([file, 200, 0]);
        for (const name of ["content-type", "cache-control", "access-control-allow-origin"])
          expect(head.headers.get(name)).toBe(whole.headers.get(name));
        // a playlist may have grown in between
        if (!file.endsWith("m3u8")) expect(Number(head.headers.get("content-length"))).toBe(byteLength);
      }
      expect((await get(`${prefix}_seg0.mp4`, {}, "HEAD")).status).toBe(404);
      expect((await get("index.m3u8", {}, "PUT")).status).toBe(404);
      const part206 = await get(`${prefix}${segment}`, { Range: "bytes=0-9" }, "HEAD");
      expect([part206.status, part206.headers.get("content-range")?.slice(0, 10)]).toEqual([
        206,
        "bytes 0-9/",
      ]);
      expect((await fetch(server.hls("cam0"), { method: "HEAD", redirect: "manual" })).status).toBe(301);
    },
    LIMIT_MS,
  );
});

describe.skipIf(!CAN)("what caches are told", () => {
  test.concurrent(
    "media for good, playlists for a moment, refusals not at all",
    async () => {
      await using origin = await published();
      const { get, prefix, playlist } = origin;
      const cache = async (file: string) => {
        const response = await get(file);
        await response.arrayBuffer();
        return `${response.status} ${response.headers.get("cache-control")}`;
      };
      const segment = /_seg\d+\.mp4/.exec(playlist)?.[0];
      const part = /_part\d+\.mp4/.exec(playlist)?.[0];
      const msn = Number(/_seg(\d+)/.exec(segment ?? "")?.[1]);
      for (const file of ["_init.mp4", segment, part])
        expect(await cache(`${prefix}${file}`)).toBe("200 public, max-age=3600, immutable");
      expect(await cache("index.m3u8")).toBe("200 public, max-age=30");
      expect(await cache("stream.m3u8")).toBe("200 public, max-age=0, s-maxage=1");
      expect(await cache(`stream.m3u8?_HLS_msn=${msn}&_HLS_part=0`)).toBe("200 public, max-age=2");
      for (const [file, status] of [
        [`${prefix}_init2.mp4`, 404],
        [`${prefix}_seg0.mp4`, 404],
        [`${prefix}_part999999.mp4`, 404],
        ["000000000000_part1.mp4", 404],
        [`stream.m3u8?_HLS_msn=${msn + 900}`, 400],
        ["stream.m3u8?_HLS_part=1", 400],
        [`stream.m3u8?${"x".repeat(5_000)}`, 400],
      ] as const)
        expect([file, await cache(file)]).toEqual([file, `${status} no-store`]);
    },
    LIMIT_MS,
  );

  test.concurrent(
    "where a password is asked, caches that serve others keep nothing",
    async () => {
      await using origin = await published("", "    readUser: u\n    readPass: p\n");
      const cache = async (file: string) => (await origin.get(file)).headers.get("cache-control");
      expect(await cache(`${origin.prefix}_init.mp4`)).toBe("private, max-age=3600, immutable");
      expect(await cache("index.m3u8")).toBe("private, max-age=30");
      expect(await cache("stream.m3u8")).toBe("private, no-cache");
    },
    LIMIT_MS,
  );

  test.concurrent(
    "ranges of media are served, wrong ones refused",
    async () => {
      await using origin = await published();
      const file = `${origin.prefix}_init.mp4`;
      const whole = new Uint8Array(await (await origin.get(file)).arrayBuffer());
      const range = async (wanted: string, more: Record<string, string> = {}) => {
        const { status, headers, ...response } = await origin.get(file, { Range: wanted, ...more });
        return { status, range: headers.get("content-range"), response };
      };
      const size = whole.length;
      const first = await origin.get(file, { Range: "bytes=4-11" });
      expect([first.status, first.headers.get("content-range")]).toEqual([206, `bytes 4-11/${size}`]);
      expect(new Uint8Array(await first.arrayBuffer())).toEqual(whole.subarray(4, 12));
      const last = await origin.get(file, { Range: "bytes=-5" });
      expect(new Uint8Array(await last.arrayBuffer())).toEqual(whole.subarray(-5));
      expect(await range(`bytes=${size}-`)).toMatchObject({ status: 416, range: `bytes */${size}` });
      expect(await range("bytes=0-1,4-5")).toMatchObject({ status: 200, range: null });
      expect(await range("bytes=0-1", { "If-Range": '"x"' })).toMatchObject({ status: 200, range: null });
    },
    LIMIT_MS,
  );
});

describe.skipIf(!CAN || !has("nginx"))("behind nginx", () => {
  test(
    `${VIEWERS} viewers: the origin serves each part once`,
    async () => {
      await using origin = await published("logLevel: debug");
      await using nginx = await Nginx.start(new URL(origin.server.hls("")).origin);
      const load = { port: nginx.port, prefix: "cam", count: VIEWERS, ramp: 250, warmup: 1, seconds: 5 };
      await using viewers = startViewers(load);
      expect(await viewers.ready()).toBe(VIEWERS);
      const result = await viewers.result();
      expect(result).toMatchObject({ mismatches: 0, closed: 0 });
      expect(result.parts).toBeGreaterThan(VIEWERS); // how many in that time is the machine's
      const asked = [...origin.server.log.matchAll(/GET \/cam0\/(\w+_part\d+\.mp4)/g)].map(
        ([, name]) => name ?? "",
      );
      expect(asked.length).toBeGreaterThan(5);
      expect(new Set(asked).size).toBe(asked.length);
      const hits = nginx.requests.filter((line) => /^HIT 200 \S+_part/.test(line));
      expect(hits.length).toBeGreaterThan(0.9 * result.parts);
    },
    LIMIT_MS,
  );
});
