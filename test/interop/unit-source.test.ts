import { afterAll, expect } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clip } from "../support/clips.ts";
import { contiguousRun, evenTimes, parseFrames } from "../support/exact.ts";
import { Client, clientTest, ffmpeg, ffmpegReader, gstPipeline, rtspSource } from "../support/tools.ts";
import { CODECS, type CodecRow, type Compared, listingArgs } from "./codecs.ts";
import { readUnits, type UnitClip } from "./unit-clip.ts";
import { roundOf, UnitServer } from "./unit-server.ts";

/** Media that must come out in one run, s. */
const RUN_SECONDS = 6;
/** What may be dropped in front of the first key frame, s. */
const KEY_FRAME_SECONDS = 1.3;
const TIMEOUT_MS = 90_000;

const ROWS: Readonly<Record<string, CodecRow>> = Object.fromEntries(
  Object.entries(CODECS).filter(([name]) => name !== "M-JPEG"),
);
/** AV1, which the system's FFmpeg and GStreamer do not carry in RTP. */
const AV1: Compared = {
  clip: "av1",
  compare: { kind: "frames", rate: 25, filter: "filter_units=pass_types=3|4|6" },
};
const FILTER = ["-bsf:v", "h264_mp4toannexb,filter_units=pass_types=1-5"];

const folder = mkdtempSync(join(tmpdir(), "mediamtx-units-"));
let started: Promise<UnitServer> | undefined;

function server(): Promise<UnitServer> {
  started ??= start();
  return started;
}

async function start(): Promise<UnitServer> {
  const clips = new Map<string, UnitClip[]>();
  for (const [i, { clip: name }] of Object.values(ROWS).entries())
    clips.set(`codec${i}`, [await readUnits(name)]);
  clips.set("av1", [await readUnits("av1")]);
  clips.set("both", [await readUnits("h264Bframes"), await readUnits("aac")]);
  return await UnitServer.start(clips);
}

afterAll(async () => {
  const running = await started;
  rmSync(folder, { recursive: true, force: true });
  await running?.[Symbol.asyncDispose]();
});

for (const [i, [name, row]] of Object.entries(ROWS).entries()) {
  clientTest(`units of ${name} are read by FFmpeg`, ["ffmpeg"], TIMEOUT_MS, async () => {
    const { compare, read = [] } = row;
    const limit = ["-t", String(RUN_SECONDS + KEY_FRAME_SECONDS)];
    const url = (await server()).url(`codec${i}`);
    await using client = ffmpegReader(url, [...read, ...limit, ...listingArgs(compare)]);
    const { stdout, stderr } = await client.success();
    await check(row, stdout);
    if (compare.kind === "frames") evenTimes(parseFrames(stdout).slice(10), compare.rate);
    expect(stderr.match(/.*(missed|corrupt|error while decoding).*/g) ?? []).toEqual([]);
  });
  clientTest(`units of ${name} are read by GStreamer`, ["ffmpeg", "gst-launch-1.0"], TIMEOUT_MS, async () => {
    await check(row, await readGst((await server()).url(`codec${i}`), row, `codec${i}`));
  });
}

clientTest("units of AV1 are read by node-av", ["ffmpeg", "node-av"], TIMEOUT_MS, async () => {
  const file = join(folder, "av1.mkv");
  const limit = ["-t", String(RUN_SECONDS + KEY_FRAME_SECONDS), "-io", "rtsp_transport=tcp"];
  const url = (await server()).url("av1");
  const copy = join(import.meta.dir, "av-copy.ts");
  await using client = new Client([process.execPath, copy, ...limit, "-i", url, file]);
  await client.success();
  const { stdout } = await ffmpeg("-i", file, ...listingArgs(AV1.compare));
  await check(AV1, stdout);
});

/** What GStreamer makes of a stream, as FFmpeg lists it. */
async function readGst(url: string, { compare, gst }: CodecRow, name: string): Promise<Uint8Array> {
  const file = join(folder, name);
  const wanted = Math.ceil(compare.rate * (RUN_SECONDS + KEY_FRAME_SECONDS));
  const limit = compare.kind === "bytes" ? "" : `! identity eos-after=${wanted}`;
  const mux = gst.mux === undefined ? "" : `! ${gst.mux}`;
  const source = rtspSource(url);
  await using client = gstPipeline(
    `${source} ! ${gst.tail} ${limit} ${mux} ! filesink location=${file} buffer-mode=unbuffered`,
  );
  if (compare.kind === "bytes") {
    while (client.running && Bun.file(file).size < wanted) await Bun.sleep(50);
    client.kill();
    await client.ended;
    return await Bun.file(file).bytes();
  }
  await client.ended;
  return (await ffmpeg("-f", gst.format ?? "", "-i", file, ...listingArgs(compare, gst.unwrap))).stdout;
}

/** Checks that what came is a run of the clip, long enough. */
async function check({ clip: source, compare }: Compared, received: Uint8Array): Promise<void> {
  const { stdout } = await ffmpeg("-i", await clip(source), ...listingArgs(compare));
  if (compare.kind === "bytes") {
    const { length } = contiguousRun(stdout, received);
    expect(length / compare.rate).toBeGreaterThan(RUN_SECONDS - 1);
    return;
  }
  const hashes = (listing: Uint8Array) => parseFrames(listing).map(({ hash }) => hash);
  const { length } = contiguousRun(hashes(stdout), hashes(received), { head: 1, tail: 1 });
  expect(length / compare.rate).toBeGreaterThan(RUN_SECONDS - 1);
}

clientTest("pictures with B frames and sound keep their distance", ["ffmpeg"], TIMEOUT_MS, async () => {
  const url = (await server()).url("both");
  await using client = ffmpegReader(url, [
    "-t",
    "5",
    "-map",
    "0",
    "-c",
    "copy",
    ...FILTER,
    "-f",
    "framemd5",
    "-",
  ]);
  const received = listed((await client.success()).stdout);
  const names = ["h264Bframes", "aac"] as const;
  const clips = await Promise.all(names.map((name) => readUnits(name)));
  const shifts = await Promise.all(
    names.map(async (name, track) => {
      const filter = track === 0 ? FILTER : [];
      const { stdout } = await ffmpeg("-i", await clip(name), "-c", "copy", ...filter, "-f", "framemd5", "-");
      const source = new Map(listed(stdout).map(({ hash, time }) => [hash, time]));
      const own = received.filter((row) => row.track === track && source.has(row.hash));
      expect(own.length).toBeGreaterThan(track === 0 ? 80 : 180);
      return own.slice(20).map(({ hash, time }) => time - source.get(hash)! + clips[track]!.units[0]!.dts);
    }),
  );
  const round = roundOf(clips);
  const distances = shifts.map((list) => list.map((shift) => ((shift - shifts[0]![0]!) / round) % 1));
  for (const distance of distances.flat())
    expect(Math.abs(distance - Math.round(distance)) * round).toBeLessThan(0.02);
});

/** Track, time in s and hash of each packet of a listing. */
function listed(listing: Uint8Array): { track: number; time: number; hash: string }[] {
  const lines = Buffer.from(listing).toString().split("\n");
  const bases = lines.flatMap((line) => {
    const match = /^#tb (\d+): (\d+)\/(\d+)/.exec(line);
    return match === null ? [] : [Number(match[2]) / Number(match[3])];
  });
  return lines
    .filter((line) => /^\d/.test(line))
    .map((line) => {
      const [track, , pts, , , hash = ""] = line.split(",").map((part) => part.trim());
      return { track: Number(track), time: Number(pts) * bases[Number(track)]!, hash };
    });
}
