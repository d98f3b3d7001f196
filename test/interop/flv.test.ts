import { afterAll, afterEach, describe, expect } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withLengths } from "../../src/media/nal.ts";
import { asKnown, setsOf } from "../../src/media/parameters.ts";
import { type ClipName, clip } from "../support/clips.ts";
import { type FlvTag, readFlv, writeFlv } from "../support/flv.ts";
import { Client, clientTest } from "../support/tools.ts";
import { loadBuild } from "../wasm/builds.ts";
import { checkReturned } from "../wasm/compare.ts";
import { FlvBench } from "../wasm/flv-bench.ts";
import { type MuxedTrack, muxFlv } from "../wasm/flv-mux.ts";

interface Packet {
  readonly codec_type: string;
  readonly pts: number;
  readonly dts: number;
  readonly flags: string;
  readonly data_hash: string;
}

/** What FFmpeg's own demuxer finds in a file. */
async function packetsOf(file: string): Promise<Packet[]> {
  const args = ["-v", "error", "-show_packets", "-show_data_hash", "md5", "-of", "json", file];
  await using probe = new Client(["ffprobe", ...args]);
  const { stdout } = await probe.success();
  return (JSON.parse(Buffer.from(stdout).toString()) as { packets: Packet[] }).packets;
}

function md5(bytes: Uint8Array): string {
  return `MD5:${new Bun.CryptoHasher("md5").update(bytes).digest("hex")}`;
}

async function tagsOf(name: ClipName): Promise<{ tags: FlvTag[]; packets: Packet[] }> {
  const file = await clip(name);
  return { tags: readFlv(readFileSync(file)), packets: await packetsOf(file) };
}

/** Writes a file of tags, which is removed when the test is over. */
async function fileOf(tags: readonly FlvTag[]): Promise<string> {
  const file = join(folder, `${crypto.randomUUID()}.flv`);
  await Bun.write(file, writeFlv(tags));
  return file;
}

function knownTracks({ demuxer }: FlvBench): MuxedTrack[] {
  return demuxer.tracks.map(({ parameters, units }) => ({
    parameters: asKnown(parameters!)!,
    units: units!,
  }));
}

const folder = mkdtempSync(join(tmpdir(), "flv-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("FLV that FFmpeg has written", () => {
  const memory = loadBuild("fuzz", 400);
  afterEach(() => checkReturned(memory));

  clientTest(
    "H264 with B frames and AAC become units, bit by bit",
    ["ffmpeg", "ffprobe"],
    60_000,
    async () => {
      const { tags, packets } = await tagsOf("flvAac");
      {
        using bench = new FlvBench(memory);
        for (const { type, timestamp, body } of tags) {
          if (type !== 18) bench.push(type, timestamp, body, 40_000);
        }
        expect(bench.demuxer.counters).toEqual({ malformed: 0, ignored: 0, jumps: 0, oversized: 0 });
        const video = packets.filter(({ codec_type }) => codec_type === "video");
        const pictures = bench.units(true);
        expect(pictures.map(({ pts, dts, isKey }) => [pts, dts, isKey])).toEqual(
          video.map(({ pts, dts, flags }) => [pts * 90, dts * 90, flags.startsWith("K")]),
        );
        const front = withLengths(setsOf(bench.track(true).parameters!)).length;
        const plain = pictures.map(({ bytes, isKey }) => md5(bytes.subarray(isKey ? front : 0)));
        expect(plain).toEqual(video.map(({ data_hash }) => data_hash));
        const sound = bench.units(false);
        expect(sound.map(({ bytes }) => md5(bytes))).toEqual(
          packets.filter(({ codec_type }) => codec_type === "audio").map(({ data_hash }) => data_hash),
        );
        const rewritten = await packetsOf(await fileOf(muxFlv(memory, knownTracks(bench), 7_000)));
        const [before, after] = [packets, rewritten].map((all) =>
          all.filter(({ codec_type }) => codec_type === "audio"),
        ) as [Packet[], Packet[]];
        expect(after.map(({ data_hash }) => data_hash)).toEqual(before.map(({ data_hash }) => data_hash));
        // audio goes on by its samples: what was rounded to milliseconds is rounded anew
        expect(Math.max(...after.map(({ pts }, i) => Math.abs(pts - before[i]!.pts)))).toBeLessThanOrEqual(1);
        const shown = ({ pts, dts, flags }: Packet) => [pts, dts, flags];
        expect(rewritten.filter(({ codec_type }) => codec_type === "video").map(shown)).toEqual(
          video.map(shown),
        );
        expect(new Set(sound.slice(1).map(({ dts }, i) => dts - sound[i]!.dts))).toEqual(new Set([1024]));
      }
    },
  );
});
