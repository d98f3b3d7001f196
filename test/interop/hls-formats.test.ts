import { describe, expect } from "bun:test";
import { chmodSync } from "node:fs";
import HLS from "hls-parser";
import { createFile, type ISOFile, MP4BoxBuffer } from "mp4box";
import { clip, longClip } from "../support/clips.ts";
import { Client, clientTest, gstPipeline } from "../support/tools.ts";
import { Published } from "./hls-published.ts";
import { checkRecording, Folder, H264_SLICES } from "./recording.ts";
import { distances, expectRisingTimes, middle, TOLERANCE_MS } from "./sync.ts";

const TIMEOUT_MS = 90_000;
const VARIANTS = ["lowLatency", "fmp4", "mpegts"] as const;

/** @throws {Error} where the playlist breaks a rule of RFC 8216 or its second edition */
function parseStrictly(text: string): HLS.types.Playlist {
  HLS.setOptions({ strictMode: true });
  return HLS.parse(text);
}

/** A file of `init` and segments, as a library of others reads it. */
function readMp4(...files: readonly ArrayBuffer[]): ISOFile {
  const file = createFile();
  let fault: string | undefined;
  file.onError = (_: string, message: string) => {
    fault = message;
  };
  let at = 0;
  for (const bytes of files) {
    file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(bytes, at));
    at += bytes.byteLength;
  }
  file.flush();
  if (fault !== undefined) throw new Error(fault);
  return file;
}

/** Checks that each fragment of a track begins where the one before has ended; returns how many there are. */
function checkTimes({ moofs = [] }: ISOFile): number {
  const ends = new Map<number, number>();
  for (const { trafs } of moofs) {
    for (const { tfhd, tfdt, truns } of trafs) {
      const start = tfdt.baseMediaDecodeTime;
      const end = ends.get(tfhd.track_id);
      if (end !== undefined) expect(start).toBe(end);
      const durations = truns.flatMap(({ sample_duration }) => sample_duration);
      ends.set(tfhd.track_id, start + durations.reduce((sum, ticks) => sum + ticks, 0));
    }
  }
  return moofs.length;
}

/** Names of the segments of a playlist. */
function segments(playlist: string): string[] {
  return [...playlist.matchAll(/^[0-9a-f]+_seg\d+\.\w+$/gm)].map(([name]) => name);
}

describe("HLS formats", () => {
  for (const variant of VARIANTS) {
    clientTest(`${variant}: a strict parser takes every playlist`, ["ffmpeg"], TIMEOUT_MS, async () => {
      await using pair = await Published.start(variant, await clip("av"));
      expect(parseStrictly(await pair.text("index.m3u8")).isMasterPlaylist).toBe(true);
      const seen = new Set<string>();
      while (seen.size < 25) {
        const query = variant === "lowLatency" ? nextPart([...seen].at(-1)) : "";
        const text = await pair.text(`stream.m3u8${query}`);
        if (!seen.has(text)) expect(parseStrictly(text).isMasterPlaylist).toBe(false);
        seen.add(text);
      }
    });

    clientTest(`${variant}: sound stays with its picture`, ["ffmpeg", "ffprobe"], TIMEOUT_MS, async () => {
      await using pair = await Published.start(variant, await longClip("sync"));
      using folder = new Folder();
      const file = folder.file("out.mkv");
      const command = ["ffmpeg", "-nostdin", "-v", "error", "-i", pair.url("index.m3u8"), "-t", "8"];
      await using reader = new Client([...command, "-c", "copy", file]);
      await reader.success();
      const found = await distances(file);
      expect(found.length).toBeGreaterThan(4);
      const original = middle(await distances(await clip("sync")));
      expect(Math.abs(middle(found) - original)).toBeLessThanOrEqual(TOLERANCE_MS);
      await expectRisingTimes(file);
    });

    clientTest(
      `${variant}: GStreamer gets a run of what was published`,
      ["ffmpeg", "gst-launch-1.0"],
      TIMEOUT_MS,
      async () => {
        const source = await longClip("h264");
        await using pair = await Published.start(variant, source);
        // it knows no gaps, which a low-latency playlist has in its first seconds
        await pair.server.until(async () => {
          return !(await pair.text("stream.m3u8")).includes("EXT-X-GAP");
        }, "a playlist without gaps");
        using folder = new Folder();
        const file = folder.file("out.h264");
        const caps = "video/x-h264,stream-format=byte-stream,alignment=au";
        await using reader = gstPipeline(
          `urisourcebin uri=${pair.url("index.m3u8")} parse-streams=true ! h264parse ! ${caps} ! filesink location=${file}`,
        );
        await Promise.race([reader.ended, Bun.sleep(14_000)]);
        await reader.stop();
        await checkRecording(file, source, { stream: "0:v:0", filter: H264_SLICES, frames: 150 });
      },
    );

    clientTest(
      `${variant}: VLC gets a run of what was published`,
      ["ffmpeg", "cvlc"],
      TIMEOUT_MS,
      async () => {
        const source = await longClip("h264");
        await using pair = await Published.start(variant, source);
        using folder = new Folder();
        chmodSync(folder.path, 0o777);
        const file = folder.file("out.ts");
        // VLC does not run as root
        const user = process.getuid?.() === 0 ? ["setpriv", "--reuid=nobody", "--clear-groups"] : [];
        const sout = `#std{access=file,mux=ts,dst=${file}}`;
        const options = ["-q", "--intf", "dummy", "--run-time=12", "--play-and-exit", "--sout", sout];
        const home = ["env", `HOME=${folder.path}`];
        await using reader = new Client([
          ...user,
          ...home,
          "cvlc",
          ...options,
          pair.url("index.m3u8"),
          "vlc://quit",
        ]);
        await reader.ended;
        await checkRecording(file, source, { stream: "0:v:0", filter: H264_SLICES, frames: 150 });
      },
    );
  }

  for (const variant of ["lowLatency", "fmp4"] as const) {
    clientTest(
      `${variant}: a library reads its files, and times have no holes`,
      ["ffmpeg"],
      TIMEOUT_MS,
      async () => {
        await using pair = await Published.start(variant, await clip("av"));
        const playlist = await pair.text("stream.m3u8");
        const names = [/MAP:URI="(.+?)"/.exec(playlist)?.[1] ?? "", ...segments(playlist)];
        const files = await Promise.all(
          names.map(async (name) => (await fetch(pair.url(name))).arrayBuffer()),
        );
        const file = readMp4(...files);
        const { tracks = [] } = file.getInfo();
        expect(tracks.map(({ codec }) => codec)).toEqual(["avc1.42c00d", "mp4a.40.2"]);
        expect(tracks.map(({ timescale }) => timescale)).toEqual([90_000, 48_000]);
        expect(checkTimes(file)).toBeGreaterThanOrEqual(segments(playlist).length);
      },
    );
  }

  clientTest(
    "mpegts: no packet is missing or twice, and the clock comes often",
    ["ffmpeg", "ffprobe"],
    TIMEOUT_MS,
    async () => {
      await using pair = await Published.start("mpegts", await clip("av"));
      using folder = new Folder();
      const names = segments(await pair.text("stream.m3u8"));
      const files = await Promise.all(names.map(async (name) => (await fetch(pair.url(name))).bytes()));
      const file = folder.file("all.ts");
      await Bun.write(file, Buffer.concat(files));
      await using probe = new Client(["ffprobe", "-loglevel", "debug", "-show_packets", file]);
      const { stderr, stdout } = await probe.success();
      expect(stderr).not.toMatch(/Continuity check failed|Packet corrupt|non monoton/i);
      expect(new TextDecoder().decode(stdout).match(/\[PACKET\]/g)?.length).toBeGreaterThan(100);
      expect(clockDistance(Buffer.concat(files))).toBeLessThanOrEqual(0.1);
      await expectRisingTimes(file);
    },
  );
});

/** The blocking request for what follows a low-latency playlist. */
function nextPart(text: string | undefined): string {
  if (text === undefined) return "";
  const first = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]);
  const listed = text.match(/#EXTINF/g)?.length ?? 0;
  const tail = text.slice(text.lastIndexOf("#EXTINF"));
  return `?_HLS_msn=${first + listed}&_HLS_part=${tail.match(/EXT-X-PART:/g)?.length ?? 0}`;
}

/** Longest time between two clock references of a transport stream, s (ISO/IEC 13818-1 §2.4.3.5). */
function clockDistance(stream: Buffer): number {
  let last: number | undefined;
  let longest = 0;
  for (let at = 0; at + 188 <= stream.length; at += 188) {
    const hasClock =
      ((stream[at + 3] ?? 0) & 0x20) !== 0 && stream[at + 4] !== 0 && ((stream[at + 5] ?? 0) & 0x10) !== 0;
    if (!hasClock) continue;
    const clock = (stream.readUInt32BE(at + 6) * 2 + ((stream[at + 10] ?? 0) >> 7)) / 90_000;
    if (last !== undefined) longest = Math.max(longest, clock - last);
    last = clock;
  }
  return longest;
}
