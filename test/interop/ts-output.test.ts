import { expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { readTsTrack } from "../../src/formats/mpegts/codecs.ts";
import { TsPrograms } from "../../src/formats/mpegts/programs.ts";
import { trackSetups } from "../../src/formats/rtp/track-setup.ts";
import { unitFormat } from "../../src/formats/rtp/unit-formats.ts";
import { FlushQueue } from "../../src/stream/flush.ts";
import type { MuxedOutput } from "../../src/stream/muxed-output.ts";
import { Outbox } from "../../src/stream/outbox.ts";
import { Stream } from "../../src/stream/stream.ts";
import { tsOutput } from "../../src/stream/ts-output.ts";
import { UnitInput } from "../../src/stream/unit-input.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import { TsDemuxer } from "../../wasm/ts-demuxer.ts";
import { FakeSink } from "../stream/scene.ts";
import { type ClipName, clip } from "../support/clips.ts";
import { parseFrames } from "../support/exact.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { Client, clientTest, ffmpeg } from "../support/tools.ts";
import { loadBuild } from "../wasm/builds.ts";
import { checkReturned } from "../wasm/compare.ts";
import { Folder, frameList, H264_SLICES, H265_SLICES } from "./recording.ts";

const TIMEOUT_MS = 60_000;
/** How often packets come, ms. */
const STEP_MS = 20;

const CLIPS: readonly { clip: ClipName; name: string; video: string; audio?: string }[] = [
  { clip: "tsAac", name: "H264 and AAC", video: H264_SLICES, audio: "aac_adtstoasc" },
  { clip: "tsH265", name: "H265 and Opus", video: H265_SLICES },
];

/** A clip that is published in real time. */
class Broadcast {
  readonly memory: MediaMemory = loadBuild("release", 512);
  readonly clock = new FakeClock();
  readonly stream: Stream;
  readonly #demuxer: TsDemuxer;
  readonly #flushes: FlushQueue;
  readonly #input: UnitInput;
  /** Where the clip begins, seconds. */
  readonly #start: number;

  constructor(bytes: Uint8Array) {
    const { memory, clock } = this;
    this.#demuxer = TsDemuxer.open(memory, new TsPrograms())!;
    this.#demuxer.push(bytes);
    this.#demuxer.flush();
    const { tracks } = this.#demuxer;
    const formats = tracks.map((track, i) => unitFormat(readTsTrack(track), i));
    const medias = formats.map((format) => ({ media: "video", mid: undefined, formats: [format] }));
    const description = { title: "", tracks: medias, fecGroups: [] };
    const fault = (error: unknown) => {
      throw error;
    };
    this.#flushes = new FlushQueue({ clock, memory, fault });
    const log = { tracks: trackSetups(description), lagPackets: 512, maxPacket: 1_460 };
    this.stream = new Stream({ memory, clock, flushes: this.#flushes, description, log });
    const units = tracks.map((track) => track.units!);
    this.#start = Math.min(...units.map((log) => (log.find(0) ? log.dts / log.clockRate : 0)));
    this.#input = UnitInput.open(this.stream, units, formats);
    for (const [i, { clockRate }] of units.entries()) {
      this.#input.align(i, Math.round(this.#start * clockRate), clock.wall());
    }
  }

  async play(ms: number): Promise<void> {
    const end = this.clock.now() + ms;
    while (this.clock.now() < end) {
      await this.clock.advance(STEP_MS);
      const seconds = this.#start + this.clock.now() / 1_000;
      expect(
        this.#input.pump(this.#demuxer.tracks.map(({ units }) => seconds * units!.clockRate)),
      ).toBeUndefined();
      this.stream.flush(this.clock.now());
    }
  }

  /** Someone who takes the transport stream; returns what ends that, and gives the bytes. */
  read(output: MuxedOutput): () => Uint8Array {
    const sink = new FakeSink();
    const outbox = new Outbox(this.memory, sink);
    const fault = (error: Error) => {
      throw error;
    };
    const cursor = output.addByteReader(outbox, { start: "randomAccess", fault });
    return () => {
      output.remove(cursor);
      outbox.close();
      return sink.bytes;
    };
  }

  close(): void {
    this.#input.close();
    this.stream.close();
    this.#flushes.close();
    this.#demuxer.close();
    checkReturned(this.memory);
  }
}

/** What two readers of a clip get: one from the beginning, one that comes in the middle. */
async function broadcast(name: ClipName): Promise<{ whole: Uint8Array; late: Uint8Array }> {
  const show = new Broadcast(await Bun.file(await clip(name)).bytes());
  const output = tsOutput(show.stream, [0, 1]);
  const first = show.read(output);
  await show.play(2_500);
  const second = show.read(output);
  await show.play(30_000);
  const [whole, late] = [first(), second()];
  show.close();
  return { whole, late };
}

/** When the frames of a listing are shown, s, in the order in which they are decoded: RTP says no more of their times. */
function shownAt(listing: Uint8Array): number[] {
  const text = new TextDecoder().decode(listing);
  const [, ticks, rate] = /^#tb 0: (\d+)\/(\d+)/m.exec(text)!;
  const lines = [...text.matchAll(/^0, *-?\d+, *(-?\d+),/gm)];
  return lines.map(([, pts]) => (Number(pts) * Number(ticks)) / Number(rate));
}

for (const row of CLIPS) {
  clientTest(
    `${row.name}: FFmpeg finds the frames of the stream in it, from a random access point on for who comes late`,
    ["ffmpeg"],
    TIMEOUT_MS,
    async () => {
      using folder = new Folder();
      const source = await clip(row.clip);
      const { whole, late } = await broadcast(row.clip);
      const files = { whole: folder.file("whole.ts"), late: folder.file("late.ts") };
      writeFileSync(files.whole, whole);
      writeFileSync(files.late, late);
      for (const [stream, filter] of [
        ["0:v:0", row.video],
        ["0:a:0", row.audio],
      ] as const) {
        const list = frameList(stream, filter);
        const listings = await Promise.all(
          [source, files.whole, files.late].map((file) =>
            ffmpeg("-err_detect", "explode", "-i", file, ...list),
          ),
        );
        const [sent, all, rest] = listings.map(({ stdout }) => parseFrames(stdout));
        const [before, after] = listings.map(({ stdout }) => shownAt(stdout));
        const shifts = after!.map((time, i) => time - before![before!.length - after!.length + i]!);
        expect(Math.max(...shifts) - Math.min(...shifts)).toBeLessThan(0.000_1);
        const hashes = sent!.map(({ hash }) => hash);
        // sound of the clip may begin before the first picture
        const from = hashes.indexOf(all![0]!.hash);
        expect(from).toBeLessThan(10);
        expect(all!.map(({ hash }) => hash)).toEqual(hashes.slice(from));
        expect(rest!.length).toBeGreaterThan(10);
        expect(rest!.length).toBeLessThan(all!.length);
        expect(rest!.map(({ hash }) => hash)).toEqual(hashes.slice(-rest!.length));
      }
      for (const file of Object.values(files)) {
        const check = ["-nostdin", "-v", "warning", "-err_detect", "explode", "-i", file, "-map", "0"];
        await using decoder = new Client(["ffmpeg", ...check, "-f", "null", "-"]);
        expect((await decoder.success()).stderr).toBe("");
      }
    },
  );

  clientTest(
    `${row.name}: a foreign parser finds no fault in it`,
    ["ffmpeg", "tsreport"],
    TIMEOUT_MS,
    async () => {
      using folder = new Folder();
      const { whole, late } = await broadcast(row.clip);
      for (const [name, bytes] of Object.entries({ whole, late })) {
        const file = folder.file(`${name}.ts`);
        writeFileSync(file, bytes);
        await using report = new Client(["tsreport", "-buffering", "-err", "stderr", file]);
        const { stdout, stderr } = await report.success();
        expect(stderr).toBe("");
        const text = new TextDecoder().decode(stdout);
        expect(text).not.toMatch(/discontinuit|not continuous|!!!|###/i);
        expect(text).toContain("duplicate packets: 0");
        expect(text).toMatch(/PCRs found: \d+, Bad \(>\.1s\) gaps: 0,/);
      }
    },
  );
}
