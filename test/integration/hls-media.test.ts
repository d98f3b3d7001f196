import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestServer } from "../support/server.ts";
import { ClipPublisher } from "./clip-publisher.ts";
import { encodeSmall } from "./h264-clip.ts";

const TIMEOUT_MS = 60_000;
const folder = mkdtempSync(join(tmpdir(), "mediamtx-hls-"));
const CLIP = encodeSmall();
const FRAME = 3_600;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function start(config: string): Promise<TestServer> {
  return TestServer.start({ config: `${config}\npaths:\n  all:\n` });
}

async function get(server: TestServer, file: string): Promise<string> {
  const response = await fetch(server.hls(file));
  if (response.status !== 200) throw new Error(`${file}: ${response.status}`);
  return await response.text();
}

/** EXTINF of all segments, s. */
function durations(playlist: string): number[] {
  return [...playlist.matchAll(/#EXTINF:([\d.]+),\n[^g]/g)].map((match) => Number(match[1]));
}

/** Asks for the playlist until it is as it should be. */
async function until(server: TestServer, claim: (playlist: string) => boolean): Promise<string> {
  let playlist = "";
  await server.until(async () => {
    playlist = await get(server, "cam/stream.m3u8");
    return claim(playlist);
  }, "the playlist is as it should be");
  return playlist;
}

/** What FFmpeg finds wrong while it decodes what a playlist has at present. */
async function decodeFaults(server: TestServer): Promise<string> {
  const command = ["ffmpeg", "-nostdin", "-v", "warning", "-live_start_index", "0", "-t", "3"];
  const child = Bun.spawn([...command, "-i", server.hls("cam/index.m3u8"), "-f", "null", "-"], {
    stderr: "pipe",
  });
  const text = await new Response(child.stderr).text();
  await child.exited;
  return text.replace(/^.*(Found duplicated MOOV|repeated).*$/gm, "").trim();
}

describe("HLS of difficult media", () => {
  test.concurrent(
    "without key frames nothing is shown, and the log says why; with the first one it is",
    async () => {
      await using server = await start("hlsAlwaysRemux: yes");
      await using publisher = await ClipPublisher.start(server.rtsp("cam"));
      const frames = CLIP.filter((_, i) => i % 25 !== 0);
      let time = 0;
      const feed = setInterval(() => {
        publisher.video(frames[(time / FRAME) % frames.length] as Buffer[], time);
        time += FRAME;
      }, 40);
      await server.waitForLog(/WAR \[HLS\] \[muxer cam\] no playlist yet: .*key frame/);
      clearInterval(feed);
      publisher.run(CLIP, time);
      expect(durations(await get(server, "cam/stream.m3u8")).length).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );

  test.concurrent(
    "times that jump forth and back leave no hole",
    async () => {
      await using server = await start("hlsVariant: fmp4\nhlsSegmentCount: 20");
      await using publisher = await ClipPublisher.start(server.rtsp("cam"));
      let time = publisher.run(CLIP, 0xffff_f000);
      void get(server, "cam/stream.m3u8");
      await server.waitForLog(/is converting/);
      for (const jump of [0, 90_000 * 3_600, -90_000 * 1_800, -90_000 * 3, 0x8000_0000]) {
        time = publisher.run(CLIP, time + jump);
      }
      const playlist = await until(server, (text) => durations(text).length >= 19);
      for (const duration of durations(playlist)) expect(duration).toBeWithin(0.9, 1.7);
      expect(await decodeFaults(server)).toBe("");
    },
    TIMEOUT_MS,
  );

  test.concurrent(
    "another picture size in mid-stream begins a segment with parameters of its own",
    async () => {
      await using server = await start("hlsVariant: fmp4");
      await using publisher = await ClipPublisher.start(server.rtsp("cam"));
      const index = get(server, "cam/index.m3u8");
      await server.waitForLog(/is converting/);
      const time = publisher.run(CLIP, 0);
      expect(await index).toContain("RESOLUTION=320x240");
      publisher.run(encodeSmall({ size: "160x120" }), time + 10 * FRAME);
      await server.until(async () => {
        return (await get(server, "cam/index.m3u8")).includes("RESOLUTION=160x120");
      }, "the new size is shown");
      expect(server.log).not.toMatch(/ ERR /);
    },
    TIMEOUT_MS,
  );

  test.concurrent(
    "a minute from one key frame to the next is one segment of many parts",
    async () => {
      await using server = await start("");
      await using publisher = await ClipPublisher.start(server.rtsp("cam"));
      const held = get(server, "cam/stream.m3u8");
      await server.waitForLog(/is converting/);
      const long = [CLIP[0] as Buffer[], ...Array.from({ length: 1_499 }, () => CLIP[1] as Buffer[])];
      let time = publisher.run(long, 0);
      time = publisher.run(CLIP, time);
      const playlist = await held;
      expect(durations(playlist)[0]).toBe(60);
      expect(playlist).toContain("#EXT-X-TARGETDURATION:60\n");
      expect(playlist.match(/EXT-X-PART:/g)?.length).toBeGreaterThanOrEqual(300);
    },
    TIMEOUT_MS,
  );

  test.concurrent(
    "a track that sends nothing is left out, and taken when it does",
    async () => {
      await using server = await start("");
      await using publisher = await ClipPublisher.start(server.rtsp("cam"), "both");
      let time = 0;
      let speaks = false;
      const feed = setInterval(() => {
        publisher.video(CLIP[(time / FRAME) % CLIP.length] as Buffer[], time);
        if (speaks) for (let i = 0; i < 2; i++) publisher.audio((time / FRAME) * 1_920 + 1_024 * i);
        time += FRAME;
      }, 40);
      const index = await get(server, "cam/index.m3u8");
      expect(index).toMatch(/CODECS="avc1\.[0-9a-f]{6}"/);
      await server.waitForLog(/WAR .*skipping track 2 \(MPEG-4 Audio\): no data received/);
      speaks = true;
      await server.until(async () => {
        return (await get(server, "cam/index.m3u8")).includes("mp4a.40.2");
      }, "the sound is taken");
      clearInterval(feed);
    },
    TIMEOUT_MS,
  );

  test.concurrent(
    "a segment that grows too large ends its muxer; the next request begins another",
    async () => {
      await using server = await start("hlsVariant: fmp4\nhlsSegmentMaxSize: 20K");
      await using publisher = await ClipPublisher.start(server.rtsp("cam"));
      const held = fetch(server.hls("cam/stream.m3u8"));
      await server.waitForLog(/is converting/);
      publisher.run(CLIP, 0);
      await server.waitForLog(/\[muxer cam\] destroyed \(muxer error: reached maximum segment size\)/);
      expect((await held).status).toBe(404);
      void fetch(server.hls("cam/stream.m3u8"));
      await server.waitForLog(/is converting/, server.log.indexOf("destroyed"));
      expect(server.log).not.toMatch(/session .* destroyed/);
    },
    TIMEOUT_MS,
  );
});

describe("HLS segments in files", () => {
  test.concurrent(
    "are there while the playlist names them, and are all that is served",
    async () => {
      const directory = join(folder, "plain");
      await using server = await start(`hlsVariant: fmp4\nhlsSegmentCount: 3\nhlsDirectory: ${directory}`);
      await using publisher = await ClipPublisher.start(server.rtsp("a/b"));
      const held = get(server, "a/b/stream.m3u8");
      await server.waitForLog(/is converting/);
      let time = publisher.run(CLIP, 0);
      await held;
      time = publisher.run(CLIP, time);
      publisher.run(CLIP, time);
      const place = join(directory, "a/b");
      await server.until(() => existsSync(place) && readdirSync(place).length >= 3, "files are there");
      let names: string[] = [];
      let served: Response[] = [];
      await server.until(async () => {
        // what was sent may still be coming in, and the playlist goes on with it
        const playlist = await get(server, "a/b/stream.m3u8");
        names = [...playlist.matchAll(/^[0-9a-f]+_seg\d+\.mp4$/gm)].map(([name]) => name);
        if (names.length !== 3 || !names.every((name) => readdirSync(place).includes(name))) return false;
        served = await Promise.all(names.map((name) => fetch(server.hls(`a/b/${name}`))));
        return (await get(server, "a/b/stream.m3u8")) === playlist;
      }, "all of the playlist are written");
      for (const [i, name] of names.entries()) {
        const bytes = await served[i]!.bytes();
        expect(Buffer.compare(bytes, await Bun.file(join(place, name)).bytes())).toBe(0);
        expect(bytes.length).toBeGreaterThan(1_000);
      }
      expect(readdirSync(place).length).toBeLessThanOrEqual(6);
      await publisher[Symbol.asyncDispose]();
      await server.waitForLog(/destroyed \(terminated\)/);
      await server.until(() => !existsSync(join(directory, "a")), "the folders are gone");
    },
    TIMEOUT_MS,
  );

  test.concurrent(
    "stay in memory when the disk is full, and the log says so once",
    async () => {
      const directory = join(folder, "full");
      const made = Bun.spawnSync([
        "sh",
        "-c",
        `mkdir -p ${directory} && mount -t tmpfs -o size=40k none ${directory}`,
      ]);
      expect(made.exitCode).toBe(0);
      try {
        await using server = await start(`hlsVariant: fmp4\nhlsDirectory: ${directory}`);
        await using publisher = await ClipPublisher.start(server.rtsp("cam"));
        const held = get(server, "cam/stream.m3u8");
        await server.waitForLog(/is converting/);
        let time = publisher.run(CLIP, 0);
        await held;
        time = publisher.run(CLIP, time);
        await server.waitForLog(
          /ERR \[HLS\] \[muxer cam\] cannot write segment files, keeping segments in memory: write .*_seg\d+\.mp4: /,
        );
        publisher.run(CLIP, time);
        const playlist = await until(server, (text) => text.includes("_seg8.mp4"));
        for (const [name] of playlist.matchAll(/^[0-9a-f]+_seg\d+\.mp4$/gm)) {
          expect((await fetch(server.hls(`cam/${name}`))).status).toBe(200);
        }
        expect(server.log.match(/keeping segments in memory/g)?.length).toBe(1);
      } finally {
        Bun.spawnSync(["umount", directory]);
      }
    },
    TIMEOUT_MS,
  );
});

describe("hlsAlwaysRemux", () => {
  test.concurrent(
    "makes the playlist before anybody asks, and ends it with the stream",
    async () => {
      await using server = await start("hlsAlwaysRemux: yes");
      const publisher = await ClipPublisher.start(server.rtsp("cam"));
      await server.waitForLog(/\[HLS\] \[muxer cam\] created automatically/);
      publisher.run(CLIP, 0);
      const { items } = await server.api<{ items: { path: string }[] }>("/v2/hlsmuxers/list");
      expect(items.map(({ path }) => path)).toEqual(["cam"]);
      await publisher[Symbol.asyncDispose]();
      await server.waitForLog(/\[muxer cam\] destroyed \(terminated\)/);
      expect((await fetch(server.hls("cam/index.m3u8"))).status).toBe(404);
    },
    TIMEOUT_MS,
  );
});
