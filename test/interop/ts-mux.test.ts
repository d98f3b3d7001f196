import { expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { readTsTrack, type TsCodecId, tsCarriage } from "../../src/formats/mpegts/codecs.ts";
import { TsPrograms } from "../../src/formats/mpegts/programs.ts";
import { TsWriter } from "../../wasm/mpegts.ts";
import { TsDemuxer } from "../../wasm/ts-demuxer.ts";
import { type ClipName, clip } from "../support/clips.ts";
import { parseFrames } from "../support/exact.ts";
import { Client, clientTest, ffmpeg } from "../support/tools.ts";
import { loadBuild } from "../wasm/builds.ts";
import { checkReturned } from "../wasm/compare.ts";
import { takeUnits } from "../wasm/ts-units.ts";
import { Folder, frameList, H264_SLICES, H265_SLICES } from "./recording.ts";

const TIMEOUT_MS = 60_000;

/** What FFmpeg wrote, and what of its frames must be the same when we have read and written it. */
const CLIPS: readonly { clip: ClipName; codecs: readonly TsCodecId[]; video?: string; audio?: string }[] = [
  { clip: "tsAac", codecs: ["h264", "mpeg4Audio"], video: H264_SLICES, audio: "aac_adtstoasc" },
  { clip: "tsBframes", codecs: ["h264", "ac3"], video: H264_SLICES },
  { clip: "tsH265", codecs: ["h265", "opus"], video: H265_SLICES },
  { clip: "tsMpeg2", codecs: ["mpeg12Video", "mpeg12Audio"] },
  { clip: "tsMp3", codecs: ["h264", "mpeg12Audio"], video: H264_SLICES },
];

/** Reads a transport stream and writes it again. */
async function rewrite(from: string, to: string, codecs: readonly TsCodecId[]): Promise<void> {
  const memory = loadBuild("release", 512);
  const demuxer = TsDemuxer.open(memory, new TsPrograms())!;
  demuxer.push(await Bun.file(from).bytes());
  demuxer.flush();
  const { tracks } = demuxer;
  expect(tracks.map((track) => readTsTrack(track).codec)).toEqual([...codecs]);
  const writer = TsWriter.open(memory, 400)!;
  writer.setUp(
    tracks.map((track, i) => {
      const carriage = tsCarriage(readTsTrack(track))!;
      // parameter sets are in the units of a demultiplexer
      const prefix = readTsTrack(track).codec === "mpeg4Audio" ? carriage.prefix : new Uint8Array(0);
      return { units: track.units!, pid: 256 + i, hasClock: i === 0, ...carriage, prefix };
    }),
  );
  const ranges = tracks.map(({ units }, id) => ({
    units: units!,
    id,
    isVideo: id === 0,
    from: 0,
    to: units!.headSeq,
    origin: 0,
    endDts: 0,
  }));
  writeFileSync(to, Buffer.concat(writer.write(ranges, true)!));
  writer.close();
  demuxer.close();
  checkReturned(memory);
}

for (const row of CLIPS) {
  clientTest(
    `${row.codecs.join(" and ")}: FFmpeg finds the same frames in what we write`,
    ["ffmpeg"],
    TIMEOUT_MS,
    async () => {
      using folder = new Folder();
      const source = await clip(row.clip);
      const written = folder.file("written.ts");
      await rewrite(source, written, row.codecs);
      for (const [stream, filter] of [
        ["0:v:0", row.video],
        ["0:a:0", row.audio],
      ] as const) {
        const list = frameList(stream, filter);
        const [sent, came] = await Promise.all(
          [source, written].map(async (file) => await ffmpeg("-err_detect", "explode", "-i", file, ...list)),
        );
        const [before, after] = [parseFrames(sent!.stdout), parseFrames(came!.stdout)];
        expect(after.map(({ hash }) => hash)).toEqual(before.map(({ hash }) => hash));
        const shifts = after.map(({ time }, i) => time - before[i]!.time);
        // the same distance for all frames, but for rounding to 90 kHz
        expect(Math.max(...shifts) - Math.min(...shifts)).toBeLessThan(0.000_1);
      }
      const check = ["-nostdin", "-v", "warning", "-err_detect", "explode", "-i", written, "-map", "0"];
      await using decoder = new Client(["ffmpeg", ...check, "-f", "null", "-"]);
      expect((await decoder.success()).stderr).toBe("");
    },
  );

  clientTest(
    `${row.codecs.join(" and ")}: a foreign parser finds no fault in what we write`,
    ["ffmpeg", "tsreport"],
    TIMEOUT_MS,
    async () => {
      using folder = new Folder();
      const written = folder.file("written.ts");
      await rewrite(await clip(row.clip), written, row.codecs);
      await using report = new Client(["tsreport", "-buffering", "-err", "stderr", written]);
      const { stdout, stderr } = await report.success();
      expect(stderr).toBe("");
      const text = new TextDecoder().decode(stdout);
      expect(text).not.toMatch(/discontinuit|not continuous|!!!|###/i);
      expect(text).toContain("duplicate packets: 0");
      expect(text).toMatch(/PCRs found: \d+, Bad \(>\.1s\) gaps: 0,/);
    },
  );
}

clientTest("AAC in LATM gives the same frames as in ADTS", ["ffmpeg"], TIMEOUT_MS, async () => {
  const memory = loadBuild("release", 128);
  const [adts, latm] = await Promise.all(
    (["tsAac", "tsLatm"] as const).map(async (name) => {
      const demuxer = TsDemuxer.open(memory, new TsPrograms())!;
      demuxer.push(await Bun.file(await clip(name)).bytes());
      demuxer.flush();
      const track = demuxer.tracks[1]!;
      const result = { codec: readTsTrack(track), units: takeUnits(memory, track.units!) };
      demuxer.close();
      return result;
    }),
  );
  expect(latm).toEqual(adts!);
  expect(latm!.units.length).toBeGreaterThan(400);
});
