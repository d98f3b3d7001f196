import { timeOf, unwrap } from "../timeline";
import { UNIT_ABANDONED, UNIT_NONE, UnitTrack } from "../units/layout";
import { unitDrop } from "../units/log";
import { get8, get16, get32 } from "../wire";
import { audioBytes, audioEnd, audioLose, audioStart } from "./audio";
import { TS_STREAM_HEADER, TsDemux, TsStream, tsTimeline, tsTimes } from "./demux-layout";
import { scanBytes, scanEnd, scanLose } from "./scan";
import { isVideo, videoEnd } from "./video";

/** Timestamps have 33 bits (ISO/IEC 13818-1 §2.4.3.7), 90 kHz. */
const WRAP: f64 = 8589934592;
const SECOND: f64 = 90000;
/** So many PES packets with one access unit each are believed. */
const ALONE = 8;
/** Bytes of a header before its length is known. */
const HEAD = 9;
/** A decoding time is not further from presentation than this, 90 kHz. */
const FAR: f64 = 900000;

/** Takes the payload of a packet of an elementary stream (ISO/IEC 13818-1 §2.4.3.6). */
export function pesPayload(demux: TsDemux, stream: TsStream, from: i32, size: i32, isStart: bool): void {
  if (isStart) {
    stream.inPes = 1;
    stream.headerFill = 0;
    stream.left = 0;
    stream.lost = 0;
  } else if (stream.inPes === 0 || stream.lost !== 0) {
    return;
  }
  let at = 0;
  if (stream.headerFill >= 0) {
    at = putHeader(demux, stream, from, size);
    if (stream.headerFill >= 0 || stream.inPes === 0) return;
  }
  elementary(demux, stream, from + at, size - at);
}

/** Collects the header. Returns bytes taken; `headerFill` is -1 when it is done. */
function putHeader(demux: TsDemux, stream: TsStream, from: i32, size: i32): i32 {
  const header = changetype<i32>(stream) + TS_STREAM_HEADER;
  let taken = 0;
  while (true) {
    const need = stream.headerFill < HEAD ? HEAD : HEAD + get8(header + 8);
    const n = min(need - stream.headerFill, size - taken);
    memory.copy(header + stream.headerFill, from + taken, n);
    stream.headerFill += n;
    taken += n;
    if (stream.headerFill < need) return taken;
    if (need === HEAD && !isHeader(demux, stream, header)) return taken;
    if (need > HEAD || get8(header + 8) === 0) break;
  }
  stream.headerFill = -1;
  const length = get16(header + 4);
  stream.left = length === 0 ? -1 : max(length - 3 - get8(header + 8), 0);
  const fields = get8(header + 7) >> 6;
  const room = get8(header + 8);
  const hasPts = fields >= 2 && room >= 5;
  startPes(demux, stream, hasPts, hasPts && fields === 3 && room >= 10, header);
  return taken;
}

/** Whether these are the first bytes of a usable PES packet; otherwise it is dropped. */
function isHeader(demux: TsDemux, stream: TsStream, header: i32): bool {
  const id = get8(header + 3);
  const isPrefix = get32(header) >>> 8 === 1 && id >= 0xbd && id !== 0xbe && id !== 0xbf;
  // not encrypted, and with the fields of MPEG-2
  if (isPrefix && (get8(header + 6) & 0xf0) === 0x80) return true;
  if (isPrefix && (get8(header + 6) & 0xc0) === 0x80) demux.scrambled += 1;
  else demux.malformed += 1;
  stream.inPes = 0;
  return false;
}

function startPes(demux: TsDemux, stream: TsStream, hasPts: bool, hasDts: bool, header: i32): void {
  let dts = stream.dts;
  let pts = stream.pts;
  if (hasPts) {
    const rawPts = stamp(header + 9);
    const rawDts = hasDts ? stamp(header + 14) : rawPts;
    dts = timeOf(tsTimeline(demux), tsTimes(stream), rawDts, WRAP, SECOND);
    const ahead = unwrap(rawPts - rawDts, 0, WRAP);
    pts = Math.abs(ahead) <= FAR ? dts + ahead : dts;
    if (hasDts) stream.hasDts = 1;
  }
  if (isVideo(stream.kind)) {
    stream.pesBegun = 1;
    const isOpen = stream.units !== 0 && changetype<UnitTrack>(stream.units).open !== UNIT_NONE;
    // a part of the access unit that is in progress
    const isPart =
      isOpen && stream.unitTimed !== 0 && hasPts && dts === stream.unitDts && pts === stream.unitPts;
    if (isPart || (isOpen && !hasPts)) stream.splits = 1;
    stream.alone = isPart || !hasPts ? 0 : stream.alone + 1;
    stream.hasTime = hasPts && !isPart ? 1 : 0;
  } else {
    audioStart(stream);
    stream.hasTime = hasPts ? 1 : 0;
  }
  stream.pts = pts;
  stream.dts = dts;
}

/** A timestamp of 33 bits, with its marks in between. */
function stamp(at: i32): f64 {
  const high = (get8(at) >> 1) & 7;
  const middle = get16(at + 1) >> 1;
  const low = get16(at + 3) >> 1;
  return (high as f64) * 1073741824 + (((middle << 15) | low) as f64);
}

/** Bytes after the header; bytes after the end of the PES packet are ignored. */
function elementary(demux: TsDemux, stream: TsStream, from: i32, size: i32): void {
  const n = stream.left < 0 ? size : min(size, stream.left);
  if (isVideo(stream.kind)) {
    scanBytes(demux, stream, from, n);
  } else {
    const taken = audioBytes(demux, stream, from, n);
    if (stream.asked === 1) {
      // the façade has to open its unit track first
      if (stream.left >= 0) stream.left -= taken;
      demux.rest = from + taken;
      demux.restSize = n - taken;
      demux.restStream = changetype<i32>(stream);
      return;
    }
  }
  took(demux, stream, n);
}

function took(demux: TsDemux, stream: TsStream, size: i32): void {
  if (stream.units !== 0) {
    const track = changetype<UnitTrack>(stream.units);
    if (track.open === UNIT_ABANDONED && isVideo(stream.kind)) pesLose(stream);
  }
  if (stream.left < 0 || stream.inPes === 0) return;
  stream.left -= size;
  if (stream.left > 0) return;
  stream.inPes = 0;
  // the end of its access unit need not be waited for where each had a packet of its own so far
  if (isVideo(stream.kind) && stream.alone > ALONE && stream.splits === 0) videoFinish(demux, stream);
}

function videoFinish(demux: TsDemux, stream: TsStream): void {
  scanEnd(demux, stream);
  videoEnd(demux, stream);
}

/** Continues in the packet where the last call stopped; true if it has to stop again. */
export function pesRest(demux: TsDemux): bool {
  const stream = changetype<TsStream>(demux.restStream);
  const from = demux.rest;
  const size = demux.restSize;
  demux.rest = 0;
  stream.asked = 2;
  const taken = audioBytes(demux, stream, from, size);
  if (stream.asked === 1) {
    if (stream.left >= 0) stream.left -= taken;
    demux.rest = from + taken;
    demux.restSize = size - taken;
    return true;
  }
  took(demux, stream, size);
  return false;
}

/** Handles a loss: drops the unit in progress, and everything up to the next PES packet. */
export function pesLose(stream: TsStream): void {
  stream.lost = 1;
  stream.inPes = 0;
  stream.hasTime = 0;
  stream.unitTimed = 0;
  if (isVideo(stream.kind)) scanLose(stream);
  else audioLose(stream);
  if (stream.units === 0) return;
  const track = changetype<UnitTrack>(stream.units);
  if (track.open !== UNIT_NONE) unitDrop(track);
  else track.dropped += 1;
}

/** No more will come. */
export function pesFlush(demux: TsDemux, stream: TsStream): void {
  if (isVideo(stream.kind)) {
    videoFinish(demux, stream);
  } else {
    audioEnd(demux, stream);
  }
  stream.inPes = 0;
}
