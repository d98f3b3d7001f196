import { describe, expect, test } from "bun:test";
import { box, fullBox, u32 } from "../../src/formats/fmp4/boxes.ts";
import { TestServer } from "../support/server.ts";
import { type Answer, HlsOrigin, SEGMENT_TICKS, soundSegment } from "./hls-origin.ts";
import { SoundReader } from "./sound-reader.ts";

const LIMIT_MS = 90_000;

/** Servers that lie, and what is said about each. */
const LIARS: Readonly<Record<string, readonly [answer: Answer, reason: RegExp]>> = {
  page: [
    () => new Response("<html>sign in</html>"),
    /it begins with '<html>sign in<\/html>' instead of #EXTM3U/,
  ],
  missing: [() => new Response("", { status: 403 }), /index\.m3u8: bad status code: 403 \(Forbidden\)/],
  round: [(path) => Response.redirect(`/${path}x`), /more than 5 redirects/],
  elsewhere: [
    () => new Response(null, { status: 302, headers: { Location: "ftp://127.0.0.1/x" } }),
    /unsupported URL scheme: ftp:/,
  ],
  endless: [
    () => new Response(endless("#EXTM3U\n#".padEnd(65_536, "x"))),
    /the body is larger than 8388608 bytes/,
  ],
  silent: [() => new Response(silence()), /index\.m3u8: i\/o timeout/],
  locked: [
    (path, origin) =>
      path === "index.m3u8"
        ? new Response(origin.playlist(() => '#EXT-X-KEY:METHOD=AES-128,URI="k"\n'))
        : undefined,
    /encrypted segments \(AES-128\) are not supported/,
  ],
  gone: [
    segments(() => new Response("", { status: 404 })),
    /seg\d+\.m4s: bad status code: 404 \(Not Found\)/,
  ],
  html: [
    segments(() => new Response("<html>no</html>")),
    /neither MPEG-TS nor fMP4: it begins with '<html>no/,
  ],
  packed: [segments(() => new Response("ID3\u0004 and so on")), /the container has changed/],
  empty: [segments(() => new Response("")), /segment is too short: 0 bytes/],
  cut: [
    segments((number) => new Response(soundSegment(number).subarray(0, 300))),
    /invalid segment: invalid box size/,
  ],
  large: [
    segments(() => new Response(box("moof", new Uint8Array(100_000)))),
    /invalid segment: moof of 100000 bytes is too large/,
  ],
  flood: [
    segments(
      () =>
        new Response(endless(new Uint8Array([...u32(0), ...Buffer.from("free"), ...new Uint8Array(65_528)]))),
    ),
    /seg\d+\.m4s: the body is larger than 268435456 bytes/,
  ],
  strange: [
    (path) =>
      path === "init.mp4" ? new Response(box("moov", fullBox("mvhd", 0, 0, new Uint8Array(96)))) : undefined,
    /no supported tracks found/,
  ],
  wide: [
    (path) => (path === "init.mp4" ? new Response(new Uint8Array(2_000_000)) : undefined),
    /init\.mp4: the body is larger than 1048576 bytes/,
  ],
  junk: [segments(() => new Response(new Uint8Array(188 * 50).fill(0x47))), /the container has changed/],
  noise: [
    (path, origin) =>
      path === "index.m3u8"
        ? new Response(origin.playlist().replace(/#EXT-X-MAP.*\n/, ""))
        : new Response(new Uint8Array(188 * 50).fill(0x47)),
    /no supported tracks found/,
  ],
  still: [
    (path, origin) => (path === "index.m3u8" ? new Response(still(origin)) : undefined),
    /next segment not found or not ready yet/,
  ],
  few: [
    (path) =>
      path === "index.m3u8"
        ? new Response('#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MAP:URI="init.mp4"\n#EXTINF:1,\nseg0.m4s\n')
        : undefined,
    /there aren't enough segments to fill the buffer/,
  ],
  long: [segments((number) => new Response(long(number))), /playback is too late/],
};

function segments(answer: (number: number) => Response): Answer {
  return (path) => {
    const number = /^seg(\d+)/.exec(path)?.[1];
    return number === undefined ? undefined : answer(Number(number));
  };
}

function endless(chunk: string | Uint8Array): ReadableStream {
  return new ReadableStream({ pull: (to) => to.enqueue(chunk) });
}

function silence(): ReadableStream {
  return new ReadableStream({
    start: (to) => to.enqueue("#EXTM3U\n"),
    pull: () => new Promise(() => undefined),
  });
}

/** A playlist that never grows. */
function still(origin: HlsOrigin): string {
  return origin
    .playlist()
    .replace(/#EXT-X-MEDIA-SEQUENCE:\d+/, "#EXT-X-MEDIA-SEQUENCE:0")
    .replaceAll(/seg\d+/g, "seg1");
}

/** Twelve seconds of sound, said to be one second. */
function long(number: number): Uint8Array {
  return new Uint8Array(Buffer.concat(Array.from({ length: 12 }, (_, i) => soundSegment(12 * number + i))));
}

describe("an HLS source", () => {
  test.concurrent(
    "brings every frame once, when it is due",
    async () => {
      using origin = new HlsOrigin();
      await using server = await TestServer.start({ config: `paths:\n  cam:\n    source: ${origin.url}\n` });
      await server.waitForLog(/INF \[path cam\] \[HLS source\] ready: 1 track \(Opus\)/);
      await using reader = await SoundReader.start(server.rtsp("cam"));
      await reader.more(350);
      expect(reader.breaks).toEqual([]);
      // seven seconds of sound in seven seconds: of each end, the frame that a busy machine has held up least
      const delays = reader.frames.map(({ arrival, number }) => arrival - 20 * number);
      const drift = Math.min(...delays.slice(-50)) - Math.min(...delays.slice(0, 50));
      expect(Math.abs(drift)).toBeLessThan(500);
      const shown = await server.api<{ source: unknown }>("/v2/paths/get/cam");
      expect(shown.source).toEqual({ type: "hlsSource", id: "" });
      expect(server.log).not.toMatch(/ (WAR|ERR) /);
    },
    LIMIT_MS,
  );

  test.concurrent(
    "goes on where time lines begin anew, with a word about it or without",
    async () => {
      const jump = (path: string, origin: HlsOrigin): Response | undefined => {
        const isMarked = (i: number) => (i % 4 === 2 ? "#EXT-X-DISCONTINUITY\n" : "");
        const count = (playlist: string) =>
          playlist.replace(/(#EXT-X-MEDIA-SEQUENCE:(\d+)\n)/, (_, line, first) => {
            const before = Math.floor((Number(first) + 1) / 4);
            return `${line}#EXT-X-DISCONTINUITY-SEQUENCE:${before}\n`;
          });
        if (path === "index.m3u8") return new Response(count(origin.playlist(isMarked)));
        const number = Number(/^seg(\d+)/.exec(path)?.[1] ?? -1);
        if (number < 0) return undefined;
        // every two seconds another time: hours ahead, or the beginning again
        const line = Math.floor(number / 2);
        const start = line % 2 === 0 ? line * 1_000_000_000 : 7_777;
        return new Response(soundSegment(number, start + (number % 2) * SEGMENT_TICKS));
      };
      using origin = new HlsOrigin(jump);
      await using server = await TestServer.start({ config: `paths:\n  cam:\n    source: ${origin.url}\n` });
      await server.waitForLog(/\[HLS source\] ready/);
      await using reader = await SoundReader.start(server.rtsp("cam"));
      await reader.more(500);
      expect(reader.breaks).toEqual([]);
      expect(server.log).not.toMatch(/ ERR /);
    },
    LIMIT_MS,
  );

  test.concurrent(
    "that lies is found out and tried again, and others do not notice",
    async () => {
      using honest = new HlsOrigin();
      const liars = Object.entries(LIARS).map(([name, [answer]]) => ({
        name,
        origin: new HlsOrigin(answer),
      }));
      const paths = liars.map(({ name, origin }) => `  ${name}:\n    source: ${origin.url}\n`);
      await using server = await TestServer.start({
        config: `readTimeout: 3s\npaths:\n  cam:\n    source: ${honest.url}\n${paths.join("")}`,
      });
      await server.waitForLog(/\[path cam\] \[HLS source\] ready/);
      await using reader = await SoundReader.start(server.rtsp("cam"));
      for (const [name, [, reason]] of Object.entries(LIARS)) {
        await server.waitForLog(
          new RegExp(`ERR \\[path ${name}\\] \\[HLS source\\] .*${reason.source}`),
          0,
          60_000,
        );
      }
      await reader.more(100);
      expect(reader.breaks).toEqual([]);
      for (const { origin } of liars) origin[Symbol.dispose]();
      // what lied has no memory left, once it is not there any more
      await server.until(
        async () => ((await server.metric("media_memory_blocks_taken")) ?? 99) < 10,
        "blocks are given back",
        30_000,
      );
    },
    2 * LIMIT_MS,
  );

  test.concurrent(
    "that breaks off comes back by itself",
    async () => {
      let isDown = false;
      using origin = new HlsOrigin(() => (isDown ? new Response("", { status: 503 }) : undefined));
      await using server = await TestServer.start({
        config: `readTimeout: 2s\npaths:\n  cam:\n    source: ${origin.url}\n`,
      });
      for (let round = 0; round < 2; round++) {
        const mark = server.log.length;
        isDown = false;
        await server.waitForLog(/\[path cam\] \[HLS source\] ready/, round === 0 ? 0 : mark);
        await using reader = await SoundReader.start(server.rtsp("cam"));
        await reader.more(50);
        expect(reader.breaks).toEqual([]);
        isDown = true;
        await server.waitForLog(/ERR \[path cam\] \[HLS source\] .*bad status code: 503/, mark);
        await reader.client.closed;
      }
    },
    LIMIT_MS,
  );

  test.concurrent(
    "of a recording is played once from its beginning, and then again",
    async () => {
      const numbers = [0, 1, 2, 3, 4];
      const list = numbers.map((i) => `#EXTINF:1,\nseg${i}.m4s\n`).join("");
      const text = `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MAP:URI="init.mp4"\n${list}#EXT-X-ENDLIST\n`;
      using origin = new HlsOrigin((path) => (path === "index.m3u8" ? new Response(text) : undefined));
      await using server = await TestServer.start({ config: `paths:\n  cam:\n    source: ${origin.url}\n` });
      await server.waitForLog(/\[HLS source\] ready/);
      await using reader = await SoundReader.start(server.rtsp("cam"));
      await reader.client.closed;
      expect(reader.frames.at(-1)?.number).toBe(249);
      expect(reader.frames.length).toBeGreaterThan(25); // it came when the source was ready, or soon after
      expect(reader.breaks).toEqual([]);
      await server.waitForLog(/ERR \[path cam\] \[HLS source\] end of stream/);
      await server.waitForLog(/ready: [\s\S]*ready: /);
      const asked = origin.asked.filter((path) => path.startsWith("seg"));
      const names = numbers.map((i) => `seg${i}.m4s`);
      expect(asked.slice(0, 6)).toEqual([...names, "seg0.m4s"]);
    },
    LIMIT_MS,
  );
});
