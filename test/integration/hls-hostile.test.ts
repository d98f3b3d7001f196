import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Socket } from "bun";
import { countDescriptors, readResident } from "../bench/usage.ts";
import { TestServer } from "../support/server.ts";
import { has } from "../support/tools.ts";
import { ClipPublisher } from "./clip-publisher.ts";
import { encodeSmall } from "./h264-clip.ts";

const LIMIT_MS = 90_000;
const FRAME = 3_600;
/** How often a playlist is the same before it stands still; it is looked at every 50 ms. */
const STILL_LOOKS = 5;
const MB = 1024 * 1024;
const CLIP = has("ffmpeg") ? encodeSmall() : [];

/** A connection that sends what it is told and keeps what comes. */
class RawClient implements Disposable {
  received = "";
  isClosed = false;
  readonly #socket: Socket<undefined>;
  #woken = Promise.withResolvers<void>();

  private constructor(socket: Socket<undefined>) {
    this.#socket = socket;
  }

  static async open(server: TestServer, text = ""): Promise<RawClient> {
    const port = Number(new URL(server.hls("")).port);
    let take = (_: string) => {};
    let close = () => {};
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (_, chunk) => take(chunk.toString("latin1")),
        close: () => close(),
        error: () => close(),
      },
    });
    const client = new RawClient(socket);
    take = (received) => client.#take(received);
    close = () => client.#close();
    if (text !== "") socket.write(text);
    return client;
  }

  /** The status of the answer to one request on a connection of its own. */
  static async status(server: TestServer, target: string): Promise<number> {
    using client = await RawClient.open(server, request(target, "Connection: close\r\n"));
    await client.until(() => client.received.includes("\r\n") || client.isClosed);
    return Number(/^HTTP\/1\.1 (\d+)/.exec(client.received)?.[1]);
  }

  write(text: string): void {
    this.#socket.write(text);
  }

  #take(text: string): void {
    this.received += text;
    this.#wake();
  }

  #close(): void {
    this.isClosed = true;
    this.#wake();
  }

  #wake(): void {
    this.#woken.resolve();
    this.#woken = Promise.withResolvers();
  }

  async until(claim: () => boolean): Promise<void> {
    while (!claim()) await this.#woken.promise;
  }

  [Symbol.dispose](): void {
    this.#socket.terminate();
  }
}

function request(target: string, headers = ""): string {
  return `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}\r\n`;
}

/** The publisher is silent while the test does its work, however long a busy machine takes for that. */
const PATIENT = "readTimeout: 60s";

/** A stream that stands still after a few segments, until it is told to go on. */
async function published(config = "") {
  const server = await TestServer.start({ config: `${config}\npaths:\n  all:\n` });
  const publisher = await ClipPublisher.start(server.rtsp("cam"));
  let time = 0;
  const goOn = () => {
    time = publisher.run(CLIP, time, FRAME);
  };
  goOn();
  const first = fetch(server.hls("cam/stream.m3u8"));
  await server.waitForLog(/is converting into HLS/);
  goOn();
  const playlist = await (await first).text();
  /** Settles when the playlist stands still; the number of the segment in progress. */
  const settled = async () => {
    let newest = -1;
    let looks = 0;
    await server.until(async () => {
      const text = await (await fetch(server.hls("cam/stream.m3u8"))).text();
      const sequence = Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]);
      const open = sequence + (text.match(/#EXTINF/g)?.length ?? 0);
      looks = open === newest ? looks + 1 : 0;
      newest = open;
      return looks >= STILL_LOOKS;
    }, "the playlist stands still");
    return newest;
  };
  return {
    server,
    publisher,
    goOn,
    settled,
    playlist,
    /** A viewer like any other gets what it wants, soon. */
    async unharmed() {
      const since = performance.now();
      const text = await (await fetch(server.hls("cam/stream.m3u8"))).text();
      const [segment = "no segment"] = text.match(/\w+_seg\d+\.mp4/g)?.slice(-1) ?? []; // the oldest may be gone
      expect(segment).toEndWith(".mp4");
      const response = await fetch(server.hls(`cam/${segment}`));
      expect([response.status, (await response.arrayBuffer()).byteLength > 1_000]).toEqual([200, true]);
      expect(performance.now() - since).toBeLessThan(3_000);
    },
    async [Symbol.asyncDispose]() {
      await publisher[Symbol.asyncDispose]();
      await server.stop();
    },
  };
}

describe.skipIf(!has("ffmpeg"))("HLS and hostile clients", () => {
  test(
    "names that could lead elsewhere are refused, and nothing outside is touched",
    async () => {
      await using server = await TestServer.start({
        config: "hlsAlwaysRemux: yes\nhlsDirectory: files\npaths:\n  all:\n",
      });
      mkdirSync(join(server.folder, "files"), { recursive: true });
      await using publisher = await ClipPublisher.start(server.rtsp("cam"));
      publisher.run(CLIP, 0);
      const before = readdirSync(server.folder).sort();
      const parts = [
        "..",
        "%2e%2e",
        ".%2e",
        "..%2f..",
        "%2e%2e%5c",
        "..\\..",
        "a%00b",
        "a%0ab",
        "%ff",
        "%c0%ae",
      ];
      const names = [...parts, "x".repeat(300), "a/../b", "a//b/../..", "./a", "a b", "é"];
      for (const name of names) {
        for (const target of [
          `/${name}/index.m3u8`,
          `/cam/${name}/stream.m3u8`,
          `/${name}/x_seg1.mp4`,
          `/${name}/`,
        ]) {
          const status = await RawClient.status(server, target);
          // `a/../b` is `b` before anybody sees it, as the standard of URLs says; the page of `b` may be had
          const isOther = new URL(target, "http://a").pathname !== target && target.endsWith("/");
          expect([target, [400, 404, 505, ...(isOther ? [200] : [])].includes(status)]).toEqual([
            target,
            true,
          ]);
        }
      }
      for (const target of [
        "//evil.example/x",
        "//evil.example",
        "/\\evil.example",
        "/../mediamtx.yml",
        "/%2e%2e/a",
      ]) {
        using client = await RawClient.open(server, request(target));
        await client.until(() => client.received.includes("\r\n\r\n") || client.isClosed);
        expect([target, /^Location: (\/\/|\/\\)/im.test(client.received)]).toEqual([target, false]);
        expect(client.received).not.toContain("hlsDirectory");
      }
      expect(readdirSync(server.folder).sort()).toEqual(before);
      expect(existsSync(join(server.folder, "files/cam"))).toBe(true);
      expect(readdirSync(join(server.folder, "files"))).toEqual(["cam"]);
      const muxers = [...server.log.matchAll(/\[muxer (.*)\] created/g)].map(([, path]) => path ?? "");
      expect(muxers).toContain("cam");
      expect(muxers.filter((path) => !/^[a-z]+(\/[a-z]+)*$/.test(path))).toEqual([]);
      expect(server.log).not.toContain(" ERR ");
    },
    LIMIT_MS,
  );

  test(
    "5,000 held connections: half are aborted, half answered together; memory and descriptors come back",
    async () => {
      await using stream = await published(PATIENT);
      const { server, goOn, settled } = stream;
      const descriptors = countDescriptors(server.pid);
      const sizes: number[] = [];
      // the collector comes now and then, every fifth round or so: what counts is how far down it gets
      const isBack = () => Math.min(...sizes.slice(4)) - (sizes[0] ?? 0) < 45;
      for (let round = 0; round < 6 || (round < 20 && !isBack()); round++) {
        const segment = await settled();
        const held = request(`/cam/stream.m3u8?_HLS_msn=${segment + 1}&_HLS_part=0`);
        const clients = await Promise.all(Array.from({ length: 5_000 }, () => RawClient.open(server, held)));
        await stream.unharmed();
        expect(clients.some(({ received, isClosed }) => received !== "" || isClosed)).toBe(false);
        for (const client of clients.splice(0, 2_500)) client[Symbol.dispose]();
        await server.until(() => countDescriptors(server.pid) < descriptors + 2_600, "aborted ones are gone");
        await stream.unharmed();
        goOn();
        const whole = (client: RawClient) => /\n#EXT-X-PRELOAD-HINT.*\n$/.test(client.received);
        for (const client of clients) await client.until(() => whole(client));
        const bodies = new Set(clients.map(({ received }) => received.slice(received.indexOf("\r\n\r\n"))));
        expect(bodies.size).toBe(1);
        for (const client of clients) client[Symbol.dispose]();
        await server.until(() => countDescriptors(server.pid) <= descriptors + 10, "descriptors are back");
        sizes.push(readResident(server.pid) / MB);
      }
      expect([isBack(), sizes]).toEqual([true, sizes]);
      expect(server.log).not.toMatch(/ (ERR|WAR) /);
    },
    LIMIT_MS,
  );

  test.concurrent(
    "headers that never end, and connections that say nothing, are closed; others see nothing of it",
    async () => {
      await using stream = await published("readTimeout: 3s");
      const { server } = stream;
      const descriptors = countDescriptors(server.pid);
      const begun = "GET /cam/index.m3u8 HTTP/1.1\r\nHost: a\r\n";
      const clients = await Promise.all(
        Array.from({ length: 300 }, (_, i) => RawClient.open(server, ["", begun, "GET /ca"][i % 3])),
      );
      const drip = setInterval(() => {
        for (const client of clients) if (!client.isClosed) client.write(`a${Math.random()}: b\r\n`);
        stream.publisher.client.send(stream.publisher.client.write("OPTIONS")); // it is there, and silent
      }, 500);
      await stream.unharmed();
      for (const client of clients) await client.until(() => client.isClosed);
      clearInterval(drip);
      await stream.unharmed();
      await server.until(() => countDescriptors(server.pid) <= descriptors + 10, "descriptors are back");
    },
    LIMIT_MS,
  );

  test.concurrent(
    "what lies far ahead is refused at once, and 10,000 different queries are not kept",
    async () => {
      await using stream = await published(PATIENT);
      const { server, playlist } = stream;
      const prefix = /(\w+)_init\.mp4/.exec(playlist)?.[1];
      const hint = Number(/PRELOAD-HINT.*_part(\d+)/.exec(playlist)?.[1]);
      for (const [file, status] of [
        [`${prefix}_part${hint + 2_000}.mp4`, 404],
        [`${prefix}_part999999999999999.mp4`, 404],
        [`${prefix}_part9999999999999999999.mp4`, 404],
        ["stream.m3u8?_HLS_msn=999999999", 400],
        ["stream.m3u8?_HLS_msn=99999999999999999999", 400],
        ["stream.m3u8?_HLS_msn=0&_HLS_part=-1", 400],
      ] as const)
        expect([file, await RawClient.status(server, `/cam/${file}`)]).toEqual([file, status]);
      const flood = async (from: number) => {
        for (let i = from; i < from + 500; i++) {
          const response = await fetch(server.hls(`cam/stream.m3u8?token=${i}${"x".repeat(1_000)}`));
          expect((await response.text()).includes(`_init.mp4?token=${i}x`)).toBe(true);
        }
      };
      await Promise.all([0, 500, 1_000, 1_500].map(flood));
      const before = readResident(server.pid) / MB;
      await Promise.all(Array.from({ length: 16 }, (_, i) => flood(2_000 + i * 500)));
      await stream.unharmed();
      expect(readResident(server.pid) / MB - before).toBeLessThan(60);
    },
    LIMIT_MS,
  );
});
