import { ERR_BUDGET, ERR_FULL, TS_AAC, TS_AC3, TS_H264, TS_H265, TS_OPUS, UNIT_KEY } from "../abi";
import { LogBlock } from "../log";
import { UnitTrack } from "../units/layout";
import { unitAt, unitBegin, unitDrop, unitEntry, unitEntryAt, unitFinish, unitPut } from "../units/log";
import { get8, get32, put8, put16, put32 } from "../wire";
import { TS_HEADER, TS_PACKET_BYTES, TS_RESULT, TS_SCRATCH, TsMux, TsTrack, tsTrack } from "./layout";
import { writeTables } from "./tables";
import { isVideo } from "./video";

const PES_VIDEO = 0xe0;
const PES_AUDIO = 0xc0;
const PES_PRIVATE = 0xbd;
/** Offset of all times, and the distance of the PCR before decoding, 90 kHz. */
const TIME_OFFSET: f64 = 126000;
const CLOCK_DELAY: f64 = 63000;
/** PCR interval, and the longest gap without units that is filled with PCRs (ISO/IEC 13818-1 §2.7.2). */
const CLOCK_STEP: f64 = 8100;
const CLOCK_GAP: f64 = 900000;

/**
 * Writes the units of all tracks that are in range, in the order of their decoding times, as one unit of `out`.
 *
 * @param tables whether program tables go in front
 * @returns 0, ERR_BUDGET, or ERR_FULL when a unit is not kept any more
 */
export function tsWrite(address: i32, tables: i32): i32 {
  const mux = changetype<TsMux>(address);
  const out = changetype<UnitTrack>(mux.out);
  if (unitBegin(out, 0, 0) !== 0) return ERR_BUDGET;
  mux.failed = 0;
  let wanted = tables !== 0;
  while (mux.failed === 0) {
    const i = earliest(mux);
    if (i === -1) break;
    if (i < 0) {
      mux.failed = i;
    } else {
      const track = tsTrack(address, i);
      between(mux, dtsOf(mux, track), wanted);
      wanted = false;
      writeUnit(mux, track);
    }
  }
  if (wanted) writeTables(mux);
  if (out.broken !== 0) mux.failed = ERR_BUDGET;
  if (mux.failed !== 0) unitDrop(out);
  else unitFinish(out, 0);
  return mux.failed;
}

/** The track whose next unit is decoded first; -1 if there is none; ERR_FULL if one is no longer in its log. */
function earliest(mux: TsMux): i32 {
  let best = -1;
  let bestTime: f64 = 0;
  for (let i = 0; i < mux.tracks; i++) {
    const track = tsTrack(changetype<i32>(mux), i);
    if (track.end - track.seq <= 0) continue;
    const entry = find(mux, track);
    if (entry === 0) return ERR_FULL;
    const time = ticks(track, unitEntryAt(entry).dts);
    if (best !== -1 && time >= bestTime) continue;
    best = i;
    bestTime = time;
  }
  return best;
}

/** The first entry of the next unit of a track; 0 if it is no longer in its log. Sets `track.entry`: its entries. */
function find(mux: TsMux, track: TsTrack): i32 {
  const result = changetype<i32>(mux) + TS_RESULT;
  const entries = unitAt(track.units, track.seq, result);
  track.entry = entries;
  return entries <= 0 ? 0 : load<i32>(result);
}

/** When the next unit of a track is decoded, 90 kHz. */
function dtsOf(mux: TsMux, track: TsTrack): f64 {
  return ticks(track, unitEntryAt(find(mux, track)).dts);
}

/** Writes tables before a unit when they are due, and PCRs for gaps without units. */
function between(mux: TsMux, dts: f64, wanted: bool): void {
  const since = dts - mux.tablesAt;
  if (wanted || (mux.repeat > 0 && (mux.clocked === 0 || since >= mux.repeat || since < 0))) {
    writeTables(mux);
    mux.tablesAt = dts;
  }
  if (mux.clocked === 0 || Math.abs(dts - CLOCK_DELAY - mux.clock) > CLOCK_GAP) return;
  const track = clockTrack(mux);
  while (dts - CLOCK_DELAY - mux.clock > CLOCK_STEP) writeClock(mux, track, mux.clock + CLOCK_STEP);
}

function clockTrack(mux: TsMux): TsTrack {
  for (let i = 0; i < mux.tracks; i++) {
    const track = tsTrack(changetype<i32>(mux), i);
    if (track.clock !== 0) return track;
  }
  return tsTrack(changetype<i32>(mux), 0);
}

/** A packet with nothing but the clock; its counter stays. */
function writeClock(mux: TsMux, track: TsTrack, time: f64): void {
  const packet = changetype<i32>(mux) + TS_SCRATCH;
  track.counter -= 1;
  openPacket(packet, track, false, TS_PACKET_BYTES - 4);
  put8(packet + 3, 0x20 | (get8(packet + 3) & 15));
  put8(packet + 5, 0x10);
  putClock(mux, packet + 6, time);
  unitPut(changetype<UnitTrack>(mux.out), packet, TS_PACKET_BYTES);
}

/** A time of a track in 90 kHz. */
function ticks(track: TsTrack, time: f64): f64 {
  return Math.floor(((time - track.origin) * 90000) / track.rate + TIME_OFFSET);
}

function writeUnit(mux: TsMux, track: TsTrack): void {
  const entry = unitEntryAt(find(mux, track));
  const size = entry.bytes;
  const isKey = (entry.flags & UNIT_KEY) !== 0;
  const pts = ticks(track, entry.pts);
  const dts = ticks(track, entry.dts);
  const payload = size + extra(track, size, isKey);
  const header = writePesHeader(mux, track, payload, pts, dts);
  beginPes(mux, track, header + payload, isKey, dts);
  putPes(mux, track, changetype<i32>(mux) + TS_HEADER, header);
  if (track.kind === TS_AAC) putAdts(mux, track, size);
  else if (track.kind === TS_OPUS) putControl(mux, track, size);
  else if (isVideo(track.kind)) {
    if (hasNal(track)) putDelimiter(mux, track);
    if (isKey) putPes(mux, track, track.prefix, track.prefixSize);
  }
  putUnit(mux, track, hasNal(track));
  track.seq += track.entry;
}

function hasNal(track: TsTrack): bool {
  return track.kind === TS_H264 || track.kind === TS_H265;
}

/** Bytes that go in front of a unit. */
function extra(track: TsTrack, size: i32, isKey: bool): i32 {
  if (track.kind === TS_AAC) return track.prefixSize;
  if (track.kind === TS_OPUS) return 3 + size / 255;
  if (!isVideo(track.kind)) return 0;
  const delimiter = track.kind === TS_H264 ? 6 : track.kind === TS_H265 ? 7 : 0;
  return delimiter + (isKey ? track.prefixSize : 0);
}

function pesId(kind: i32): i32 {
  if (isVideo(kind)) return PES_VIDEO;
  return kind === TS_OPUS || kind === TS_AC3 ? PES_PRIVATE : PES_AUDIO;
}

/** ISO/IEC 13818-1 §2.4.3.6. Returns its bytes. */
function writePesHeader(mux: TsMux, track: TsTrack, payload: i32, pts: f64, dts: f64): i32 {
  const at = changetype<i32>(mux) + TS_HEADER;
  const hasDts = pts !== dts;
  const fields = hasDts ? 10 : 5;
  const length = 3 + fields + payload;
  put32(at, 0x100 | pesId(track.kind));
  put16(at + 4, length > 0xffff || isVideo(track.kind) ? 0 : length);
  put8(at + 6, 0x80);
  put8(at + 7, hasDts ? 0xc0 : 0x80);
  put8(at + 8, fields);
  putTime(at + 9, hasDts ? 3 : 2, pts);
  if (hasDts) putTime(at + 14, 1, dts);
  return 9 + fields;
}

/** A time of 33 bits with its marks. */
function putTime(at: i32, mark: i32, time: f64): void {
  const value = (time as i64) & 0x1ffffffff;
  put8(at, (mark << 4) | (((value >> 30) as i32) << 1) | 1);
  put16(at + 1, ((((value >> 15) as i32) & 0x7fff) << 1) | 1);
  put16(at + 3, (((value as i32) & 0x7fff) << 1) | 1);
}

/** Begins a PES packet of `size` bytes; its first transport packet says whether it is a random access point. */
function beginPes(mux: TsMux, track: TsTrack, size: i32, isKey: bool, dts: f64): void {
  mux.left = size;
  const packet = changetype<i32>(mux) + TS_SCRATCH;
  const isRandom = isKey && isVideo(track.kind);
  const clock = track.clock !== 0;
  let adaptation = clock ? 8 : isRandom ? 2 : 0;
  const room = TS_PACKET_BYTES - 4 - adaptation;
  if (size < room) adaptation += room - size;
  openPacket(packet, track, true, adaptation);
  if (adaptation > 1) put8(packet + 5, (isRandom ? 0x40 : 0) | (clock ? 0x10 : 0));
  if (clock) putClock(mux, packet + 6, forward(mux, dts - CLOCK_DELAY));
  mux.fill = 4 + adaptation;
}

/** The PCR does not go back if another track is ahead of the one that carries it; it does after a timestamp jump. */
function forward(mux: TsMux, time: f64): f64 {
  return mux.clocked !== 0 && time < mux.clock && mux.clock - time < CLOCK_DELAY ? mux.clock : time;
}

/** Program clock reference (§2.4.3.5): 33 bits, and an extension that is 0. */
function putClock(mux: TsMux, at: i32, time: f64): void {
  mux.clocked = 1;
  mux.clock = time;
  const value = (max<f64>(time, 0) as i64) & 0x1ffffffff;
  put32(at, (value >> 1) as u32);
  put16(at + 4, (((value as i32) & 1) << 15) | 0x7e00);
}

/** Header of a transport packet (§2.4.3.2) and an adaptation field of stuffing. */
function openPacket(packet: i32, track: TsTrack, isFirst: bool, adaptation: i32): void {
  put8(packet, 0x47);
  put16(packet + 1, (isFirst ? 0x4000 : 0) | track.pid);
  put8(packet + 3, (adaptation > 0 ? 0x30 : 0x10) | (track.counter & 15));
  track.counter += 1;
  if (adaptation === 0) return;
  put8(packet + 4, adaptation - 1);
  if (adaptation > 1) put8(packet + 5, 0);
  if (adaptation > 2) memory.fill(packet + 6, 0xff, adaptation - 2);
}

/** Adds bytes to the PES packet in progress. */
function putPes(mux: TsMux, track: TsTrack, src: i32, size: i32): void {
  const packet = changetype<i32>(mux) + TS_SCRATCH;
  const out = changetype<UnitTrack>(mux.out);
  let done = 0;
  while (done < size) {
    if (mux.fill === TS_PACKET_BYTES) {
      const adaptation = max(TS_PACKET_BYTES - 4 - mux.left, 0);
      openPacket(packet, track, false, adaptation);
      mux.fill = 4 + adaptation;
    }
    const n = min(TS_PACKET_BYTES - mux.fill, size - done);
    memory.copy(packet + mux.fill, src + done, n);
    mux.fill += n;
    mux.left -= n;
    done += n;
    if (mux.fill === TS_PACKET_BYTES) unitPut(out, packet, TS_PACKET_BYTES);
  }
}

/** ITU-T H.264 §7.3.2.4, ITU-T H.265 §7.3.2.5: transport streams must have them. */
function putDelimiter(mux: TsMux, track: TsTrack): void {
  const at = changetype<i32>(mux) + TS_HEADER;
  const isH265 = track.kind === TS_H265;
  put32(at, 1);
  put16(at + 4, isH265 ? 0x4601 : 0x09f0);
  put8(at + 6, 0x50);
  putPes(mux, track, at, isH265 ? 7 : 6);
}

/** The control header of a packet of Opus: its mark, and the size in bytes of 255 and less. */
function putControl(mux: TsMux, track: TsTrack, size: i32): void {
  const at = changetype<i32>(mux) + TS_HEADER;
  put16(at, 0x7fe0);
  putPes(mux, track, at, 2);
  put8(at, 255);
  for (let i = 0; i < size / 255; i++) putPes(mux, track, at, 1);
  put8(at, size % 255);
  putPes(mux, track, at, 1);
}

/** ISO/IEC 13818-7 §6.2: the header of a frame of AAC, with the length of this one. */
function putAdts(mux: TsMux, track: TsTrack, size: i32): void {
  const at = changetype<i32>(mux) + TS_HEADER;
  const length = size + 7;
  memory.copy(at, track.prefix, 7);
  put8(at + 3, get8(at + 3) | ((length >> 11) & 3));
  put8(at + 4, (length >> 3) & 255);
  put8(at + 5, ((length & 7) << 5) | 0x1f);
  putPes(mux, track, at, 7);
}

/** The bytes of the unit, with start codes in the place of lengths where it has NAL units. */
function putUnit(mux: TsMux, track: TsTrack, isNal: bool): void {
  const units = changetype<UnitTrack>(track.units);
  const scratch = changetype<i32>(mux) + TS_HEADER;
  let block = blockHolding(units, track.seq);
  let i = track.seq - changetype<LogBlock>(block).firstSeq;
  let nal = 0;
  for (let n = 0; n < track.entry; n++) {
    const next = changetype<LogBlock>(block).next;
    if (next !== 0 && track.seq + n - changetype<LogBlock>(next).firstSeq >= 0) {
      block = next;
      i = 0;
    }
    const entry = unitEntryAt(unitEntry(block, i));
    let at = entry.start;
    let left = entry.size;
    if (!isNal) {
      putPes(mux, track, at, left);
      left = 0;
    }
    while (left > 0) {
      if (nal === 0) {
        if (left < 4) unreachable();
        nal = get32(at);
        put32(scratch, 1);
        putPes(mux, track, scratch, 4);
        at += 4;
        left -= 4;
      }
      const size = min(nal, left);
      putPes(mux, track, at, size);
      nal -= size;
      at += size;
      left -= size;
    }
    i += 1;
  }
}

function blockHolding(units: UnitTrack, seq: i32): i32 {
  let block = units.tail;
  while (true) {
    const next = changetype<LogBlock>(block).next;
    if (next === 0 || seq - changetype<LogBlock>(next).firstSeq < 0) return block;
    block = next;
  }
}
