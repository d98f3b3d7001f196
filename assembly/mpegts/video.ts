import {
  PARAM_MAX,
  PARAM_PPS,
  PARAM_SPS,
  PARAM_VPS,
  TS_H264,
  TS_H265,
  TS_MPEG12_VIDEO,
  UNIT_KEY,
} from "../abi";
import { UNIT_NONE, UnitTrack } from "../units/layout";
import { unitFinish, unitFinishAt, unitPut, unitPutLength, unitStart } from "../units/log";
import { get8, put32 } from "../wire";
import {
  TS_STREAM_HEAD,
  TS_STREAM_HEADER,
  TS_STREAM_PARAMS,
  TS_STREAM_SCRATCH,
  TsDemux,
  TsStream,
  tsTimeline,
} from "./demux-layout";

/** Default frame duration, and the longest that is accepted, 90 kHz. */
const FRAME_TICKS: f64 = 3000;
const FRAME_TICKS_MAX: f64 = 90000;

export function isVideo(kind: i32): bool {
  return kind === TS_H264 || kind === TS_H265 || kind === TS_MPEG12_VIDEO;
}

/** First bytes of a NAL unit needed to classify it: its header, and whether it is the first slice of a picture. */
export function videoHead(kind: i32): i32 {
  return kind === TS_H264 ? 2 : 3;
}

/** A NAL unit, or what a start code of MPEG-1/2 Video begins; its first bytes are in the scratch. */
export function videoBegin(demux: TsDemux, stream: TsStream): void {
  stream.state = 3;
  stream.param = -1;
  if (stream.units === 0) return;
  if (stream.kind === TS_H264) beginH264(demux, stream);
  else if (stream.kind === TS_H265) beginH265(demux, stream);
  else beginMpeg(demux, stream);
}

/** ITU-T H.264 §7.4.1.2.3. */
function beginH264(demux: TsDemux, stream: TsStream): void {
  const head = changetype<i32>(stream) + TS_STREAM_HEAD;
  const type = get8(head) & 31;
  const isSlice = type >= 1 && type <= 5;
  const second = stream.nalSize > 1 ? get8(head + 1) : 0;
  // first_mb_in_slice is 0; partitions B and C say something else there
  const isFirst = isSlice && type !== 3 && type !== 4 && (second & 0x80) !== 0;
  const isLead = (type >= 6 && type <= 9) || (type >= 14 && type <= 18);
  const endsPicture = isLead || (isFirst && stream.pesBegun !== 0);
  boundary(demux, stream, isFirst || !isSlice, endsPicture);
  if (type === 0 || type === 9 || type === 12 || type >= 24) return;
  const set = type === 7 ? 0 : type === 8 ? 1 : -1;
  if (!keep(stream, set)) return;
  const track = changetype<UnitTrack>(stream.units);
  if (type === 5) track.flags |= UNIT_KEY;
  // an I slice after a parameter set: in streams without IDR pictures, decoders start there
  const isIntra = second === 0x88 || (second & 0xf0) === 0xb0;
  if (isFirst && isIntra && (stream.hasSets & PARAM_SPS) !== 0) track.flags |= UNIT_KEY;
  if (isSlice) slice(stream);
}

/** ITU-T H.265 §7.4.2.4.4. */
function beginH265(demux: TsDemux, stream: TsStream): void {
  const head = changetype<i32>(stream) + TS_STREAM_HEAD;
  const type = (get8(head) >> 1) & 63;
  const isSlice = type < 32;
  const isFirst = isSlice && stream.nalSize > 2 && (get8(head + 2) & 0x80) !== 0;
  const isLead = (type >= 32 && type <= 35) || type === 39 || (type >= 41 && type <= 44) || type >= 48;
  boundary(demux, stream, isFirst || !isSlice, isLead || isFirst);
  if (stream.nalSize < 2 || type === 35 || type === 38 || type >= 48) return;
  const set = type === 33 ? 0 : type === 34 ? 1 : type === 32 ? 2 : -1;
  if (!keep(stream, set)) return;
  if (type >= 16 && type <= 21) changetype<UnitTrack>(stream.units).flags |= UNIT_KEY;
  if (isSlice) slice(stream);
}

/** ISO/IEC 13818-2 §6.2.1: pictures, with the headers in front of them. */
function beginMpeg(demux: TsDemux, stream: TsStream): void {
  const head = changetype<i32>(stream) + TS_STREAM_HEAD;
  const code = get8(head);
  const isPicture = code === 0x00 && stream.nalSize === 3;
  const number = isPicture ? (get8(head + 1) << 2) | (get8(head + 2) >> 6) : stream.picture;
  const isLead = code === 0xb3 || code === 0xb8;
  // two fields of one frame have the same number
  boundary(demux, stream, isLead || isPicture, isLead || number !== stream.picture);
  stream.picture = number;
  if (code === 0xb3) stream.ready = 1;
  const track = changetype<UnitTrack>(stream.units);
  if (track.open === UNIT_NONE && ((!isLead && !isPicture) || !start(stream))) return;
  if (code === 0xb3) track.flags |= UNIT_KEY;
  if (code >= 0x01 && code <= 0xaf) slice(stream);
  const prefix = changetype<i32>(stream) + TS_STREAM_HEADER;
  put32(prefix, 1);
  unitPut(track, prefix + 1, 3);
  unitPut(track, head, stream.nalSize);
  stream.state = 2;
}

function slice(stream: TsStream): void {
  stream.hasSlices = 1;
  stream.pesBegun = 0;
}

/**
 * Ends the access unit in progress where this NAL unit begins another one.
 *
 * @param mayLead whether the time of the PES packet may be of what begins here
 * @param endsPicture whether it ends the picture before it
 */
function boundary(demux: TsDemux, stream: TsStream, mayLead: bool, endsPicture: bool): void {
  if (changetype<UnitTrack>(stream.units).open === UNIT_NONE) return;
  const isTimed = stream.hasTime !== 0 && mayLead;
  if (stream.hasSlices !== 0) {
    if (isTimed || endsPicture) videoEnd(demux, stream);
  } else if (isTimed) {
    // headers came in a PES packet of their own
    takeTime(stream);
  }
}

function start(stream: TsStream): bool {
  if (stream.lost !== 0) return false;
  if (unitStart(changetype<UnitTrack>(stream.units)) !== 0) {
    stream.lost = 1;
    return false;
  }
  stream.hasSlices = 0;
  stream.hasSets = 0;
  stream.unitTimed = 0;
  if (stream.hasTime !== 0) takeTime(stream);
  return true;
}

function takeTime(stream: TsStream): void {
  stream.hasTime = 0;
  stream.unitTimed = 1;
  stream.unitPts = stream.pts;
  stream.unitDts = stream.dts;
}

/** Writes the first bytes of a NAL unit after its length, which is not known yet. */
function keep(stream: TsStream, set: i32): bool {
  const track = changetype<UnitTrack>(stream.units);
  if (track.open === UNIT_NONE && !start(stream)) return false;
  track.lengthAt = unitPutLength(track, 0);
  if (track.lengthAt === 0) return false;
  const head = changetype<i32>(stream) + TS_STREAM_HEAD;
  unitPut(track, head, stream.nalSize);
  stream.param = set;
  if (set >= 0) memory.copy(changetype<i32>(stream) + TS_STREAM_SCRATCH, head, stream.nalSize);
  stream.state = 2;
  return true;
}

/** The NAL unit that was kept is whole. */
export function videoNalEnd(stream: TsStream): void {
  if (stream.kind === TS_MPEG12_VIDEO) return;
  const track = changetype<UnitTrack>(stream.units);
  if (track.lengthAt !== 0) put32(track.lengthAt, stream.nalSize);
  track.lengthAt = 0;
  if (stream.param >= 0) enterSet(stream);
  stream.param = -1;
}

/** Remembers the first parameter set of each type in an access unit. */
function enterSet(stream: TsStream): void {
  const set = stream.param;
  const bit = set === 0 ? PARAM_SPS : set === 1 ? PARAM_PPS : PARAM_VPS;
  if ((stream.hasSets & bit) !== 0 || stream.nalSize > PARAM_MAX || stream.nalSize < 4 - set) return;
  stream.hasSets |= bit;
  const place = changetype<i32>(stream) + TS_STREAM_PARAMS + set * PARAM_MAX;
  const fresh = changetype<i32>(stream) + TS_STREAM_SCRATCH;
  const known = set === 0 ? stream.sps : set === 1 ? stream.pps : stream.vps;
  if (known === stream.nalSize && memory.compare(place, fresh, known) === 0) return;
  memory.copy(place, fresh, stream.nalSize);
  stream.paramsVersion += 1;
  if (set === 0) stream.sps = stream.nalSize;
  else if (set === 1) stream.pps = stream.nalSize;
  else stream.vps = stream.nalSize;
  if (stream.sps !== 0 && stream.pps !== 0 && (stream.vps !== 0 || stream.kind === TS_H264)) stream.ready = 1;
}

/** Publishes the access unit in progress if it has slices and a time, and parameter sets are known. */
export function videoEnd(demux: TsDemux, stream: TsStream): void {
  if (stream.units === 0) return;
  const track = changetype<UnitTrack>(stream.units);
  if (track.open === UNIT_NONE) return;
  const isUsable =
    stream.hasSlices !== 0 && stream.ready !== 0 && (stream.unitTimed | stream.published) !== 0;
  if (!isUsable) track.bytes = 0;
  else if (stream.unitTimed !== 0) measure(stream);
  if (stream.frameTicks === 0) stream.frameTicks = FRAME_TICKS;
  let pts = stream.unitTimed !== 0 ? stream.unitPts : stream.lastPts + stream.frameTicks;
  let dts = stream.unitTimed !== 0 ? stream.unitDts : stream.lastDts + stream.frameTicks;
  stream.unitTimed = 0;
  stream.hasSlices = 0;
  if (!isUsable) {
    unitFinishAt(track, 0, 0);
    return;
  }
  const isOrdered = stream.hasDts !== 0;
  if (isOrdered) {
    dts = Math.floor(dts);
    if (stream.published !== 0 && dts <= stream.lastDts) dts = stream.lastDts + 1;
    pts = max<f64>(Math.floor(pts), dts);
    unitFinishAt(track, pts, dts);
  } else {
    // no decoding times: pictures may be in any order
    track.frameTicks = stream.frameTicks as i32;
    track.ticks = Math.floor(pts);
    if (stream.published === 0) track.lastDts = track.ticks - 1;
    unitFinish(track, 0);
    dts = track.lastDts;
  }
  stream.published = 1;
  stream.sinceSaid += 1;
  stream.lastPts = pts;
  stream.lastDts = dts;
  const line = tsTimeline(demux);
  line.latest = max<f64>(line.latest, max<f64>(pts, dts));
}

/** Measures the frame duration: the time between two PES times, divided by the units between them. */
function measure(stream: TsStream): void {
  const step = (stream.unitDts - stream.saidDts) / (stream.sinceSaid as f64);
  if (stream.sinceSaid > 0 && step > 0 && step <= FRAME_TICKS_MAX) stream.frameTicks = step;
  stream.saidDts = stream.unitDts;
  stream.sinceSaid = 0;
}
