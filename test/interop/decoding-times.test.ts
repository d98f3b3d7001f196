import { expect } from "bun:test";
import { KIND_H264, KIND_H265 } from "../../assembly/abi.ts";
import { unitFormat } from "../../src/formats/rtp/unit-formats.ts";
import { unitSetup } from "../../src/formats/rtp/units.ts";
import { pictureOf } from "../../src/media/parameters.ts";
import { LogCursor } from "../../wasm/cursor.ts";
import { RtpLog } from "../../wasm/log.ts";
import { Packetizer } from "../../wasm/packetizer.ts";
import { UnitWriter } from "../../wasm/unit-writer.ts";
import { UnitLog, UnitPull } from "../../wasm/units.ts";
import { type ClipName, clip } from "../support/clips.ts";
import { clientTest } from "../support/tools.ts";
import { loadBuild } from "../wasm/builds.ts";
import { checkReturned } from "../wasm/compare.ts";
import { readUnits, type UnitClip } from "./unit-clip.ts";

const RATE = 90_000;

for (const name of ["h264Bframes", "h264Pyramid", "h265Bframes"] as const satisfies readonly ClipName[]) {
  clientTest(
    `${name}: decoding times are those that the encoder gave`,
    ["ffmpeg", "ffprobe"],
    60_000,
    async () => {
      await clip(name);
      const source = await readUnits(name);
      const { depth, times, jumps } = throughRtp(source);
      expect(depth).toBeGreaterThanOrEqual(name === "h264Bframes" ? 1 : 2);
      expect(jumps).toBe(0);
      expect(times.length).toBe(source.units.length);
      const shift = times[0]!.pts - Math.round(source.units[0]!.pts * RATE);
      times.forEach(({ pts, dts }, i) => {
        const unit = source.units[i]!;
        expect(pts - shift).toBe(Math.round(unit.pts * RATE));
        expect(dts).toBeLessThanOrEqual(pts);
        if (i > 0) expect(dts).toBeGreaterThan(times[i - 1]!.dts);
        // until there are enough pictures, they are guessed
        if (i >= depth) expect(dts - shift).toBe(Math.round(unit.dts * RATE));
      });
    },
  );
}

/** Packetizes a clip, of which RTP keeps the presentation times alone, and makes units of the packets again. */
function throughRtp({ codec, units }: UnitClip) {
  const memory = loadBuild("release", 256);
  const format = unitFormat(codec);
  const setup = unitSetup(format)!;
  const kind = format.codec === "h265" ? KIND_H265 : KIND_H264;
  const track = { kinds: new Map([[96, kind]]), clockRate: RATE, paramsKnown: 0 };
  const log = RtpLog.open(memory, { tracks: [track], lagPackets: 64, maxPacket: 1_460 })!;
  const cursor = LogCursor.open(memory, { log: log.address, tracks: 1, channels: [0] })!;
  const [before, after] = [UnitLog.open(memory, setup)!, UnitLog.open(memory, setup)!];
  const pull = UnitPull.open(memory, cursor, [after])!;
  const writer = UnitWriter.open(memory)!;
  const row = { units: before, setup, payloadType: 96, seq: 0, ssrc: 1 };
  const packetizer = Packetizer.open(memory, log, [row])!;
  const times: { pts: number; dts: number }[] = [];
  let at = 0;
  units.forEach(({ bytes, pts, dts, isKey }) => {
    const ticks = (time: number) => Math.round((time + 1) * RATE);
    writer.write(before, bytes, { pts: ticks(pts), dts: ticks(dts), isKey });
    packetizer.pump(1_000 * (dts + 1));
    while (pull.pull());
    log.trim(log.headSeq);
    while (after.find(at)) {
      times.push({ pts: after.pts, dts: after.dts });
      at += after.entries;
      after.trim(at);
    }
  });
  const { jumps } = after;
  for (const part of [packetizer, writer, pull, before, after, cursor, log]) part.close();
  checkReturned(memory);
  return { depth: pictureOf(codec)?.reorderDepth ?? 0, times, jumps };
}
