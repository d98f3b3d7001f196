import {
  UNIT_START,
  UNITS_AC3,
  UNITS_AV1,
  UNITS_FRAMES,
  UNITS_GENERIC,
  UNITS_H264,
  UNITS_H265,
  UNITS_MPEG4_VIDEO,
  UNITS_MPEG12_AUDIO,
  UNITS_MPEG12_VIDEO,
  UNITS_SAMPLES,
  UNITS_VP8,
  UNITS_VP9,
} from "../abi";
import { Log, LogBlock } from "../log";
import { rtpIngest, rtpReserve } from "../rtp/ingest";
import { UNIT_HEAD_SEQ, UnitTrack } from "../units/layout";
import { unitEntryAt, unitTrim } from "../units/log";
import { framePacket, genericPackets } from "./audio";
import { av1Packets } from "./av1";
import { ac3Packets, mpaPackets, samplePackets } from "./framed-audio";
import { mpeg4Packets, mpeg12Packets } from "./mpeg-video";
import { nalPackets } from "./nal";
import {
  PACKET_TRACK_STRIDE,
  PACKETIZER_TRACKS,
  Packetizer,
  PacketTrack,
  packetTrackAt,
  readerOf,
  scoutOf,
  unfit,
} from "./state";
import { readerOpen, readSkip } from "./unit-reader";
import { vp8Packets, vp9Packets } from "./vp";

/** Bytes of packets that one call makes: the memory may have to grow for more. */
const PUMP_BYTES = 524288;
const CYCLE: f64 = 4294967296;

/** Initializes a packetizer of `tracks` tracks, which are then set up one by one. */
export function packetizerOpen(address: i32, log: i32, tracks: i32): void {
  memory.fill(address, 0, PACKETIZER_TRACKS + tracks * PACKET_TRACK_STRIDE);
  const p = changetype<Packetizer>(address);
  p.log = log;
  p.tracks = tracks;
  p.maxPacket = changetype<Log>(log).maxPacket;
}

/**
 * Sets up track `i`. Channel 2i of the log must be mapped to it.
 *
 * @param units address of the log of its units; those that it keeps are packetized
 * @param format UNITS_*, with the payload type in bits 8 to 15
 * @param seq RTP sequence number of the first packet
 * @param sampleBytes bytes of one sample of all channels (UNITS_SAMPLES)
 */
export function packetizerTrack(
  address: i32,
  i: i32,
  units: i32,
  format: i32,
  seq: i32,
  ssrc: u32,
  clockRate: f64,
  frameTicks: f64,
  sampleBytes: i32,
): void {
  const track = packetTrackAt(changetype<Packetizer>(address), i);
  track.units = units;
  track.format = format & 255;
  track.payloadType = (format >> 8) & 127;
  track.seq = seq & 0xffff;
  track.ssrc = ssrc;
  const tail = changetype<UnitTrack>(units).tail;
  track.entry = tail === 0 ? load<i32>(units + UNIT_HEAD_SEQ) : changetype<LogBlock>(tail).firstSeq;
  track.sampleBytes = max(sampleBytes, 1);
  track.clockRate = clockRate;
  track.frameTicks = frameTicks;
  track.limit = Infinity;
}

/**
 * Packetizes units into the log, tracks interleaved by decoding time, and frees the units that
 * are done. Units with a decoding time behind the limit of their track wait.
 *
 * @param now monotonic time, ms
 * @returns 1 when there is more to do, else 0; or ERR_BUDGET, ERR_FRAME
 */
export function packetizerPump(address: i32, now: f64): i32 {
  const p = changetype<Packetizer>(address);
  let written = 0;
  let code = 0;
  while (p.active !== 0 || choose(p)) {
    if (written > PUMP_BYTES) {
      code = 1;
      break;
    }
    const at = rtpReserve(p.log);
    if (at < 0) {
      code = at;
      break;
    }
    p.out = at;
    p.outEnd = at + changetype<Log>(p.log).room;
    fill(p);
    const size = p.out - at;
    const rest = rtpIngest(p.log, size, now);
    written += size;
    if (rest < 0) {
      code = rest;
      break;
    }
  }
  p.bytes += written;
  trim(p);
  return code;
}

/** Packetizes units until there is no room for a packet. */
function fill(p: Packetizer): void {
  while (p.active !== 0 || choose(p)) {
    const track = packetTrackAt(p, p.active - 1);
    if (!packets(p, track)) return;
    const reader = readerOf(p);
    readSkip(reader, reader.rest);
    track.entry = reader.seq + 1;
    track.isKnown = 0;
    p.active = 0;
  }
}

/** Starts the first unit in decoding order that is within its limit. Returns false if there is none. */
function choose(p: Packetizer): bool {
  let best = -1;
  let first: f64 = 0;
  for (let i = 0; i < p.tracks; i++) {
    const track = packetTrackAt(p, i);
    if (!look(p, track) || !(track.dts <= track.limit)) continue;
    const time = track.dts / track.clockRate;
    if (best >= 0 && !(time < first)) continue;
    best = i;
    first = time;
  }
  if (best < 0) return false;
  const track = packetTrackAt(p, best);
  readerOpen(readerOf(p), track.units, track.entry);
  track.time = wrap(track.pts);
  track.done = 0;
  track.left = 0;
  track.header = 0;
  p.active = best + 1;
  return true;
}

/** Reads the times of the next unit of a track. Returns false if there is none yet. */
function look(p: Packetizer, track: PacketTrack): bool {
  if (track.isKnown !== 0) return true;
  if (track.units === 0) return false;
  const head = atomic.load<i32>(track.units + UNIT_HEAD_SEQ);
  let entry = 0;
  while (head - track.entry > 0) {
    entry = readerOpen(scoutOf(p), track.units, track.entry);
    if (entry !== 0 && (scoutOf(p).flags & UNIT_START) !== 0) break;
    // the rest of a unit whose beginning is gone
    track.entry += 1;
    entry = 0;
  }
  if (entry === 0) return false;
  track.pts = unitEntryAt(entry).pts;
  track.dts = unitEntryAt(entry).dts;
  track.isKnown = 1;
  return true;
}

/** To the 32 bits of an RTP time. */
function wrap(ticks: f64): u32 {
  const whole = Math.floor(ticks + 0.5);
  const wrapped = whole - Math.floor(whole / CYCLE) * CYCLE;
  return wrapped >= 0 && wrapped < CYCLE ? (wrapped as u32) : 0;
}

/** Packetizes the unit in progress. Returns false when there is no room for the next packet. */
function packets(p: Packetizer, track: PacketTrack): bool {
  switch (track.format) {
    case UNITS_H264:
      return nalPackets(p, track, false);
    case UNITS_H265:
      return nalPackets(p, track, true);
    case UNITS_AV1:
      return av1Packets(p, track);
    case UNITS_VP8:
      return vp8Packets(p, track);
    case UNITS_VP9:
      return vp9Packets(p, track);
    case UNITS_GENERIC:
      return genericPackets(p, track);
    case UNITS_FRAMES:
      return framePacket(p, track);
    case UNITS_MPEG12_AUDIO:
      return mpaPackets(p, track);
    case UNITS_AC3:
      return ac3Packets(p, track);
    case UNITS_SAMPLES:
      return samplePackets(p, track);
    case UNITS_MPEG12_VIDEO:
      return mpeg12Packets(p, track);
    case UNITS_MPEG4_VIDEO:
      return mpeg4Packets(p, track);
    default:
      return unfit(track, readerOf(p));
  }
}

/** Frees the units that are no longer needed. */
function trim(p: Packetizer): void {
  for (let i = 0; i < p.tracks; i++) {
    const track = packetTrackAt(p, i);
    if (track.units !== 0) unitTrim(track.units, p.active === i + 1 ? readerOf(p).seq : track.entry);
  }
}
