import { afterAll, describe, expect } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withLengths } from "../../src/media/nal.ts";
import { asKnown, setsOf, withInBand } from "../../src/media/parameters.ts";
import { type ClipName, clip } from "../support/clips.ts";
import { parseFrames } from "../support/exact.ts";
import { type FlvTag, readFlv, writeFlv } from "../support/flv.ts";
import { Client, clientTest, ffmpeg } from "../support/tools.ts";
import { loadBuild } from "../wasm/builds.ts";
import { checkReturned } from "../wasm/compare.ts";
import { FlvBench } from "../wasm/flv-bench.ts";
import { type MuxedTrack, muxFlv } from "../wasm/flv-mux.ts";

const DATA = 18;
const AV_COPY = join(import.meta.dir, "av-copy.ts");
const folder = mkdtempSync(join(tmpdir(), "flv-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Packet {
  readonly codec_type: string;
  readonly stream_index: number;
  readonly pts: number;
  readonly dts: number;
  readonly flags: string;
  readonly data_hash: string;
}

/** What FFmpeg's own demuxer finds in a file. */
async function packetsOf(file: string, type?: string): Promise<Packet[]> {
  const args = ["-v", "error", "-show_packets", "-show_data_hash", "md5", "-of", "json", file];
  await using probe = new Client(["ffprobe", ...args]);
  const { stdout } = await probe.success();
  const { packets } = JSON.parse(Buffer.from(stdout).toString()) as { packets: Packet[] };
  return packets.filter(({ codec_type }) => type === undefined || codec_type === type);
}

/** Copies the streams of a file to another with FFmpeg 8. */
async function avCopy(from: string, ext: string): Promise<string> {
  const to = join(folder, `${crypto.randomUUID()}.${ext}`);
  await using copy = new Client([process.execPath, AV_COPY, "-i", from, to]);
  await copy.success();
  return to;
}

/** Writes a file of tags. */
async function fileOf(tags: readonly FlvTag[]): Promise<string> {
  const file = join(folder, `${crypto.randomUUID()}.flv`);
  await Bun.write(file, writeFlv(tags));
  return file;
}

function md5(bytes: Uint8Array): string {
  return `MD5:${new Bun.CryptoHasher("md5").update(bytes).digest("hex")}`;
}

/** Bytes of 16-bit samples the other way round. */
function swapped(bytes: Uint8Array): Uint8Array {
  return Buffer.from(bytes).swap16();
}

const hashes = (packets: readonly Packet[]) => packets.map(({ data_hash }) => data_hash);

/** Hashes of the frames of a stream of a file, without what is not part of a picture. */
async function framesOf(file: string, filter: string | undefined): Promise<string[]> {
  const filters = filter === undefined ? [] : ["-bsf:0", filter];
  const { stdout } = await ffmpeg("-i", file, "-map", "0:0", "-c", "copy", ...filters, "-f", "framemd5", "-");
  return parseFrames(stdout).map(({ hash }) => hash);
}

describe("FLV and FFmpeg", () => {
  const memory = loadBuild("fuzz", 400);
  afterAll(() => checkReturned(memory));

  function demux(file: string): FlvBench {
    const bench = new FlvBench(memory);
    for (const { type, timestamp, body } of readFlv(readFileSync(file))) {
      if (type !== DATA) bench.push(type, timestamp, body, 40_000);
    }
    expect(bench.demuxer.counters).toEqual({ malformed: 0, ignored: 0, jumps: 0, oversized: 0 });
    return bench;
  }

  /** The tracks with what their units bring in band. */
  function tracksOf({ demuxer }: FlvBench): MuxedTrack[] {
    return demuxer.tracks.map(({ parameters, units }) => {
      units!.find(0);
      const renewed = withInBand(parameters!, { head: units!.head(200) });
      return { parameters: asKnown(renewed)!, units: units! };
    });
  }

  clientTest(
    "H264 with B frames and AAC there and back, bit by bit",
    ["ffmpeg", "ffprobe"],
    60_000,
    async () => {
      const file = await clip("flvAac");
      using bench = demux(file);
      const video = await packetsOf(file, "video");
      const pictures = bench.units(true);
      expect(pictures.map(({ pts, dts, isKey }) => [pts, dts, isKey])).toEqual(
        video.map(({ pts, dts, flags }) => [pts * 90, dts * 90, flags.startsWith("K")]),
      );
      const front = withLengths(setsOf(bench.track(true).parameters!)).length;
      expect(pictures.map(({ bytes, isKey }) => md5(bytes.subarray(isKey ? front : 0)))).toEqual(
        hashes(video),
      );
      const sound = bench.units(false);
      const before = await packetsOf(file, "audio");
      expect(sound.map(({ bytes }) => md5(bytes))).toEqual(hashes(before));
      expect(new Set(sound.slice(1).map(({ dts }, i) => dts - sound[i]!.dts))).toEqual(new Set([1024]));
      const written = await fileOf(muxFlv(memory, tracksOf(bench), 7_000));
      const after = await packetsOf(written, "audio");
      expect(hashes(after)).toEqual(hashes(before));
      // audio goes on by its samples: what was rounded to milliseconds is rounded anew
      expect(Math.max(...after.map(({ pts }, i) => Math.abs(pts - before[i]!.pts)))).toBeLessThanOrEqual(1);
      const shown = ({ pts, dts, flags }: Packet) => [pts, dts, flags];
      expect((await packetsOf(written, "video")).map(shown)).toEqual(video.map(shown));
    },
  );

  for (const name of ["flvMp3", "flvUlaw", "flvLpcm"] as const satisfies ClipName[]) {
    clientTest(`${name.slice(3)} there and back, bit by bit`, ["ffmpeg", "ffprobe"], 60_000, async () => {
      const file = await clip(name);
      using bench = demux(file);
      const before = await packetsOf(file);
      const plain = name === "flvLpcm" ? swapped : (bytes: Uint8Array) => bytes;
      expect(bench.units(false).map(({ bytes }) => md5(plain(bytes)))).toEqual(hashes(before));
      const after = await packetsOf(await fileOf(muxFlv(memory, tracksOf(bench))));
      expect(hashes(after)).toEqual(hashes(before));
      expect(Math.max(...after.map(({ pts }, i) => Math.abs(pts - before[i]!.pts)))).toBeLessThanOrEqual(2);
    });
  }

  for (const [name, filter] of [
    ["h265Bframes", "hevc_mp4toannexb,filter_units=pass_types=0-31"],
    ["av1", undefined],
    ["vp9", undefined],
    ["opus", undefined],
    ["ac3", undefined],
    ["flac", undefined],
  ] as const satisfies [ClipName, string | undefined][]) {
    clientTest(`${name} there and back with FFmpeg 8`, ["ffmpeg", "ffprobe", "node-av"], 60_000, async () => {
      const source = await clip(name);
      using bench = demux(await avCopy(source, "flv"));
      const [track] = bench.demuxer.tracks;
      const wanted = await framesOf(source, filter);
      expect(bench.units(track!.isVideo).length).toBe(wanted.length);
      const written = await fileOf(muxFlv(memory, tracksOf(bench)));
      expect(await framesOf(await avCopy(written, "mkv"), filter)).toEqual(wanted);
    });
  }

  clientTest(
    "two tracks of each kind there and back with FFmpeg 8",
    ["ffmpeg", "ffprobe", "node-av"],
    60_000,
    async () => {
      const source = join(folder, "tracks.mkv");
      const inputs = ["-i", await clip("av"), "-i", await clip("h264Bframes"), "-i", await clip("aac")];
      await ffmpeg(...inputs, "-map", "0", "-map", "1", "-map", "2", "-c", "copy", "-t", "4", source);
      using bench = demux(await avCopy(source, "flv"));
      expect(bench.demuxer.tracks.map(({ isVideo, id }) => [isVideo, id])).toEqual([
        [true, 0],
        [false, 0],
        [true, 1],
        [false, 1],
      ]);
      const back = await packetsOf(await avCopy(await fileOf(muxFlv(memory, tracksOf(bench))), "mkv"));
      const before = await packetsOf(source);
      for (const index of [1, 3]) {
        const of = (packets: readonly Packet[]) =>
          hashes(packets.filter(({ stream_index }) => stream_index === index));
        expect(of(back).length).toBeGreaterThan(100);
        expect(of(back)).toEqual(of(before));
      }
      for (const index of [0, 2]) {
        const times = (packets: readonly Packet[]) =>
          packets.filter(({ stream_index }) => stream_index === index).map(({ pts, flags }) => [pts, flags]);
        expect(times(back).length).toBeGreaterThan(90);
        expect(times(back).length).toBe(times(before).length);
      }
    },
  );
});
