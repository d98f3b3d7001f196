import { TS_H264, TS_H265 } from "../../assembly/abi.ts";
import { readTsTrack, tsCarriage } from "../../src/formats/mpegts/codecs.ts";
import { TsPrograms } from "../../src/formats/mpegts/programs.ts";
import { trackSetups } from "../../src/formats/rtp/track-setup.ts";
import { unitFormat } from "../../src/formats/rtp/unit-formats.ts";
import { unitSetup } from "../../src/formats/rtp/units.ts";
import { ProtocolError } from "../../src/lib/errors.ts";
import type { Format } from "../../src/media/track.ts";
import { RtpLog } from "../../wasm/log.ts";
import { TsWriter } from "../../wasm/mpegts.ts";
import { Packetizer } from "../../wasm/packetizer.ts";
import { TsDemuxer } from "../../wasm/ts-demuxer.ts";
import type { TsTrack } from "../../wasm/ts-track.ts";
import { PartWriter, type UnitLog } from "../../wasm/units.ts";
import { Random } from "../support/random.ts";
import { loadBuild } from "../wasm/builds.ts";
import { checkReturned } from "../wasm/compare.ts";
import { TS_MAKERS, type TsMaker } from "../wasm/ts-makers.ts";
import { type MadeTimes, mux, takeUnits } from "../wasm/ts-units.ts";
import { loasFrame } from "../wasm/twin/loas.ts";
import { crc32, PacketTwin } from "../wasm/twin/ts-packets.ts";

/** Transport streams: what a demultiplexer makes of them never breaks a packetizer or a multiplexer. */
export const name = "ts";

const memory = loadBuild("fuzz", 256);
const NO_SETS = { vps: undefined, sps: undefined, pps: undefined };
const PACKET = 188;

/** A byte that says how the stream is cut and whether check sums are put right, then packets: small units of two codecs. */
export const seeds: Uint8Array[] = TS_MAKERS.flatMap((maker, i) => {
  const random = new Random(i + 1);
  return [0, 1, 0x86].map((flags) => {
    const other = TS_MAKERS[(i + 3) % TS_MAKERS.length]!;
    const tracks = [maker, other].map((each) => ({ maker: each, units: small(each, random) }));
    return new Uint8Array([flags, ...mux(memory, tracks, 100)]).slice(0, 15_000);
  });
});

seeds.push(latm());

/** AAC in LATM, which we read and do not write. */
function latm(): Uint8Array {
  const random = new Random(9);
  const twin = new PacketTwin();
  twin.association({ 1: 0x1000 });
  twin.map(0x1000, 1, [{ pid: 0x102, streamType: 0x11 }]);
  for (let i = 0; i < 20; i++) {
    twin.pes(0x102, 0xc0, loasFrame(random.bytes(random.between(1, 300)), i % 3 === 0), {
      pts: 90_000 + i * 1_920,
    });
  }
  return new Uint8Array([0, ...twin.bytes]);
}

function small(maker: TsMaker, random: Random): MadeTimes[] {
  const units: MadeTimes[] = [];
  let time = 0;
  for (let i = 0; units.length < 8 && i < 400; i++) {
    const { bytes, isKey, ticks } = maker.make(random, i % 7);
    if (bytes.length > 800) continue;
    units.push({ bytes, isKey, dts: Math.round(time), pts: Math.round(time + (maker.isVideo ? ticks : 0)) });
    time += ticks;
  }
  // what comes first has parameter sets
  while (units[0]?.isKey === false) units.shift();
  return units;
}

/** Reads the input, and gives the units to everybody who takes units. */
export function run(input: Uint8Array): void {
  const flags = input[0] ?? 0;
  const stream = input.slice(1);
  if ((flags & 1) === 0) repair(stream);
  const demuxer = TsDemuxer.open(memory, new TsPrograms())!;
  let mood = "";
  try {
    const step = (flags & 2) === 0 ? stream.length : 1 + (flags >> 2) * 13;
    for (let at = 0; at < stream.length; at += step) demuxer.push(stream.subarray(at, at + step));
    if ((flags & 4) !== 0) demuxer.restart();
    demuxer.flush();
    const { counters, tracks } = demuxer;
    mood = [...Object.values(counters).slice(1), tracks.length, demuxer.unknown.length].map(letter).join("");
    const ready = tracks.filter(({ isReady }) => isReady);
    for (const track of tracks) mood += checkUnits(track);
    if (ready.length > 0) {
      write(ready);
      packetize(ready);
    }
  } finally {
    demuxer.close();
  }
  checkReturned(memory);
  throw new ProtocolError(mood);
}

/** Behaviours are told apart by a word. */
function letter(count: number): string {
  return String.fromCharCode(97 + Math.min(count, 5));
}

/** Puts the check sums of sections right that lie in one packet. */
function repair(stream: Uint8Array): void {
  for (let at = 0; at + PACKET <= stream.length; at += PACKET) {
    const packet = stream.subarray(at, at + PACKET);
    const pid = ((packet[1]! & 31) << 8) | packet[2]!;
    if ((pid !== 0 && pid !== 0x1000) || (packet[1]! & 0x40) === 0) continue;
    const start = ((packet[3]! & 0x20) === 0 ? 4 : 5 + packet[4]!) + 1;
    const size = (((packet[start + 1] ?? 0) & 15) << 8) | (packet[start + 2] ?? 0);
    const end = start + 3 + size;
    if (end > PACKET || size < 9) continue;
    new DataView(packet.buffer, packet.byteOffset).setUint32(end - 4, crc32(packet.subarray(start, end - 4)));
  }
}

/** Checks the form of the units of a track. */
function checkUnits({ units, kind }: TsTrack): string {
  if (units === undefined) return "-";
  let last = Number.NEGATIVE_INFINITY;
  const all = takeUnits(memory, units);
  for (const { bytes, dts, pts } of all) {
    if (!(dts > last)) throw new Error(`decoding times do not grow: ${dts} after ${last}`);
    if (!Number.isSafeInteger(dts) || !Number.isSafeInteger(pts)) throw new Error(`times ${dts}, ${pts}`);
    if (bytes.length === 0) throw new Error("an empty unit");
    last = dts;
    if (kind.kind === TS_H264 || kind.kind === TS_H265) checkNals(bytes);
  }
  return [all.length, units.dropped, units.malformed].map(letter).join("");
}

function checkNals(unit: Uint8Array): void {
  const view = new DataView(unit.buffer, unit.byteOffset, unit.length);
  let at = 0;
  while (at + 4 <= unit.length) {
    const size = view.getUint32(at);
    if (size === 0) throw new Error("an empty NAL unit");
    at += 4 + size;
  }
  if (at !== unit.length) throw new Error("lengths of NAL units that do not add up");
}

function rangeOf(units: UnitLog, id: number) {
  return { units, id, isVideo: true, from: 0, to: units.headSeq, origin: 0, endDts: Number.MAX_SAFE_INTEGER };
}

function write(tracks: readonly TsTrack[]): void {
  const ranges = tracks.slice(0, 4).map(({ units }, i) => rangeOf(units!, i + 1));
  const parts = PartWriter.open(memory)!;
  const filled = ranges.filter(({ to }) => to !== 0);
  if (filled.length > 0 && parts.write(filled, 1) === undefined) throw new Error("no part");
  parts.close();
  const ts = TsWriter.open(memory, 100)!;
  ts.setUp(
    tracks.slice(0, 4).map((track, i) => {
      const { prefix, ...carriage } = tsCarriage(readTsTrack(track))!;
      const isFirst = i === 0;
      return {
        units: track.units!,
        pid: 256 + i,
        hasClock: isFirst,
        ...carriage,
        prefix: prefix.slice(0, 4_000),
      };
    }),
  );
  const packets = Buffer.concat(ts.write(ranges, true) ?? []);
  ts.close();
  if (packets.length % PACKET !== 0) throw new Error("a transport packet that is not whole");
  for (let at = 0; at < packets.length; at += PACKET)
    if (packets[at] !== 0x47) throw new Error("lost in packets");
}

function packetize(tracks: readonly TsTrack[]): void {
  const formats: Format[] = tracks.map((track, i) => unitFormat(readTsTrack(track), i));
  const medias = formats.map((format) => ({ media: "video", mid: undefined, formats: [format] }));
  const setups = trackSetups({ title: "", tracks: medias, fecGroups: [] });
  const log = RtpLog.open(memory, { tracks: setups, lagPackets: 64, maxPacket: 1_460 })!;
  const packetizer = Packetizer.open(
    memory,
    log,
    tracks.map(({ units }, i) => {
      const setup = unitSetup(formats[i]!, NO_SETS)!;
      return { units: units!, setup, payloadType: formats[i]!.payloadType, seq: 0, ssrc: i };
    }),
  )!;
  try {
    const fault = packetizer.pump(0);
    if (fault !== undefined) throw new Error(`packets: ${fault}`);
    for (const { units } of tracks) if (units!.find(units!.headSeq)) throw new Error("units are left");
  } finally {
    packetizer.close();
    log.close();
  }
}
