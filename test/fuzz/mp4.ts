import {
  KIND_AV1,
  KIND_H264,
  KIND_H265,
  KIND_PACKET,
  KIND_VP9,
  SAMPLE_AV1,
  SAMPLE_FRAMES,
  SAMPLE_H264,
  SAMPLE_H265,
  SAMPLE_PICTURES,
  UNITS_AV1,
  UNITS_GENERIC,
  UNITS_H264,
  UNITS_H265,
  UNITS_VP9,
} from "../../assembly/abi.ts";
import { writeInit } from "../../src/formats/fmp4/init.ts";
import { type InitTrack, readInit } from "../../src/formats/fmp4/read-init.ts";
import { ProtocolError } from "../../src/lib/errors.ts";
import { RtpLog } from "../../wasm/log.ts";
import { Mp4Demuxer } from "../../wasm/mp4-demuxer.ts";
import { Packetizer } from "../../wasm/packetizer.ts";
import { PartWriter, UnitLog } from "../../wasm/units.ts";
import { Random } from "../support/random.ts";
import { loadBuild } from "../wasm/builds.ts";
import { checkReturned } from "../wasm/compare.ts";
import { makeSegment, makeTrack } from "../wasm/mp4-maker.ts";
import { AAC } from "../wasm/twin/packetize.ts";
import { unitBytes } from "../wasm/unit-bytes.ts";

/** Segments of fragmented MP4, and what describes them: what comes out never breaks a muxer or packetizer. */
export const name = "mp4";

const memory = loadBuild("fuzz", 128);
const KINDS = [SAMPLE_FRAMES, SAMPLE_PICTURES, SAMPLE_H264, SAMPLE_H265, SAMPLE_AV1];
const CONFIG = new Uint8Array([0x11, 0x90]);
/** How units of each kind go on by RTP. */
const CARRIED: Readonly<Record<number, readonly [format: number, kind: number]>> = {
  [SAMPLE_FRAMES]: [UNITS_GENERIC, KIND_PACKET],
  [SAMPLE_PICTURES]: [UNITS_VP9, KIND_VP9],
  [SAMPLE_H264]: [UNITS_H264, KIND_H264],
  [SAMPLE_H265]: [UNITS_H265, KIND_H265],
  [SAMPLE_AV1]: [UNITS_AV1, KIND_AV1],
};
const RATES = [90_000, 48_000, 44_100];

/** Two bytes of size, so many of an initialization segment; four bytes, one for each track; a segment. */
export const seeds: Uint8Array[] = Array.from({ length: 24 }, (_, i) => {
  const random = new Random(i + 1);
  const init = writeInit([
    { parameters: { codec: "opus", channels: 2 }, timescale: 48_000 },
    { parameters: { codec: "mpeg4Audio", config: CONFIG }, timescale: 48_000 },
  ]);
  const tracks = [1, 2].map((id) => makeTrack(random, id));
  const segment = makeSegment(random, tracks, 0).subarray(0, 14_000);
  const kinds = tracks.map(({ kind }) => KINDS.indexOf(kind));
  return new Uint8Array([init.length >> 8, init.length & 255, ...init, ...kinds, 0, 0, ...segment]);
});

/** Reads both, and writes what comes out as a part. */
export function run(input: Uint8Array): void {
  const size = Math.min(((input[0] ?? 0) << 8) | (input[1] ?? 0), input.length);
  const tracks = readInit(input.subarray(2, 2 + size)).slice(0, 4);
  const settings = input.subarray(2 + size, 6 + size);
  const segment = input.subarray(6 + size);
  const logs = tracks.map(
    (_, i) =>
      UnitLog.open(memory, {
        format: 0,
        clockRate: RATES[(settings[i] ?? 0) % RATES.length]!,
        frameTicks: 0,
        reorderDepth: 0,
      })!,
  );
  const demuxer = Mp4Demuxer.open(memory)!;
  let mood = "";
  try {
    demuxer.setUp(tracks.map((track, i) => setUp(track, settings[i] ?? 0, logs[i]!)));
    demuxer.begin(0);
    const step = 1 + (settings[3] ?? 0) * 37;
    let fault: string | undefined;
    for (let at = 0; at < segment.length && fault === undefined; at += step) {
      fault = demuxer.push(segment.subarray(at, at + step), (first) => (first > 100 ? -first : 0));
    }
    fault ??= demuxer.end();
    const kinds = logs.map((_, i) => KINDS[(settings[i] ?? 0) % KINDS.length]!);
    const counts = logs.map((log, i) => check(log, kinds[i]!));
    packetize(logs, kinds);
    mood = `${(fault ?? "whole").replaceAll(/[\d ]/g, "")}${letters([...counts, demuxer.missing, ...logs.map(({ dropped }) => dropped)])}`;
  } finally {
    demuxer.close();
    for (const log of logs) log.close();
  }
  checkReturned(memory);
  throw new ProtocolError(mood);
}

function setUp(track: InitTrack, setting: number, units: UnitLog) {
  return {
    ...track,
    kind: KINDS[setting % KINDS.length]!,
    units,
    lengthSize: 1 + ((setting >> 3) & 3),
    sets: new Uint8Array([0, 0, 0, 1, 0x67]),
  };
}

/** Behaviours are told apart by words. */
function letters(counts: readonly number[]): string {
  return counts.map((count) => String.fromCharCode(97 + Math.min(count, 3))).join("");
}

/** @returns units that came out */
function check(units: UnitLog, kind: number): number {
  let count = 0;
  let last = Number.NEGATIVE_INFINITY;
  for (let at = 0; units.find(at); at += units.entries) {
    if (!(units.dts > last) || !Number.isFinite(units.pts)) throw new Error("times make no sense");
    if (units.size <= 0) throw new Error("an empty unit");
    last = units.dts;
    count += 1;
    const { entries, size } = units;
    const bytes = unitBytes(memory, units, at, at + entries);
    if (bytes.length !== size) throw new Error(`a unit of ${bytes.length} bytes says ${size}`);
    if (kind === SAMPLE_H264 || kind === SAMPLE_H265) checkNalUnits(bytes);
    if (kind === SAMPLE_AV1) checkObus(bytes);
  }
  const range = { units, id: 1, isVideo: true, from: 0, to: units.headSeq, origin: 0, endDts: last + 1 };
  const parts = PartWriter.open(memory)!;
  // thousands of samples of a few bytes do not fit a part of ours
  if (count > 0 && parts.write([range], 1) === undefined && count < 2_000) throw new Error("no part");
  parts.close();
  return count;
}

/** Makes RTP packets of all units: no core of ours may trap, and none of them is too large. */
function packetize(logs: readonly UnitLog[], kinds: readonly number[]): void {
  if (logs.length === 0) return;
  const tracks = logs.map(({ clockRate }, i) => ({
    kinds: new Map([[96 + i, CARRIED[kinds[i]!]![1]]]),
    clockRate,
    paramsKnown: 0,
  }));
  const log = RtpLog.open(memory, { tracks, lagPackets: 64, maxPacket: 1_460 })!;
  const rows = logs.map((units, i) => ({
    units,
    setup: {
      format: CARRIED[kinds[i]!]![0],
      clockRate: units.clockRate,
      reorderDepth: 0,
      ...AAC,
    },
    payloadType: 96 + i,
    seq: 7,
    ssrc: i + 1,
  }));
  const packetizer = Packetizer.open(memory, log, rows)!;
  packetizer.pump(1_000);
  packetizer.close();
  log.close();
}

function checkNalUnits(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  while (at < bytes.length) {
    const size = view.getUint32(at);
    if (size === 0) throw new Error("an empty NAL unit");
    at += 4 + size;
  }
  if (at !== bytes.length) throw new Error("NAL units do not fit their unit");
}

function checkObus(bytes: Uint8Array): void {
  let at = 0;
  while (at < bytes.length) {
    const header = bytes[at]!;
    if ((header & 2) === 0) throw new Error("an OBU without a size");
    at += (header & 4) !== 0 ? 2 : 1;
    let size = 0;
    for (let i = 0; ; i++) {
      const byte = bytes[at]!;
      size += (byte & 127) * 128 ** i;
      at += 1;
      if (byte < 128) break;
    }
    at += size;
  }
  if (at !== bytes.length) throw new Error("OBUs do not fit their unit");
}
