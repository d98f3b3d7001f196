import { ALIGN_MASK, ERR_FULL, UNIT_KEY } from "../abi";
import { UNIT_SCRATCH, UnitTrack } from "../units/layout";
import { unitAt, unitEntryAt } from "../units/log";
import { get32, put32 } from "../wire";

/** A part of a file. A layout, never constructed; its tracks follow. */
class Part {
  tracks!: i32;
  /** Bytes inserted before the first unit of the first track with units, which they become part of. */
  front!: i32;
}

/** What a part holds of one track. */
export class PartTrack {
  /** Address of its units. */
  units!: i32;
  /** Its first entry, and the one behind its last. */
  seq!: i32;
  end!: i32;
  /** Number of the track in the file. */
  id!: i32;
  video!: i32;
  entry!: i32;
  /** Ticks subtracted from decoding times, and the decoding time after the last unit. */
  origin!: f64;
  endDts!: f64;
}

export const PART_COUNT: i32 = offsetof<Part>("tracks");
export const PART_FRONT: i32 = offsetof<Part>("front");
export const PART_TRACKS: i32 = (offsetof<Part>() + ALIGN_MASK) & ~ALIGN_MASK;
export const PART_TRACK_STRIDE: i32 = (offsetof<PartTrack>() + ALIGN_MASK) & ~ALIGN_MASK;
export const PART_TRACK_UNITS: i32 = offsetof<PartTrack>("units");
export const PART_TRACK_SEQ: i32 = offsetof<PartTrack>("seq");
export const PART_TRACK_END: i32 = offsetof<PartTrack>("end");
export const PART_TRACK_ID: i32 = offsetof<PartTrack>("id");
export const PART_TRACK_VIDEO: i32 = offsetof<PartTrack>("video");
export const PART_TRACK_ORIGIN: i32 = offsetof<PartTrack>("origin");
export const PART_TRACK_END_DTS: i32 = offsetof<PartTrack>("endDts");

const MOOF: u32 = 0x6d6f6f66;
const MFHD: u32 = 0x6d666864;
const TRAF: u32 = 0x74726166;
const TFHD: u32 = 0x74666864;
const TFDT: u32 = 0x74666474;
const TRUN: u32 = 0x7472756e;
const MDAT: u32 = 0x6d646174;
/** Data offset, and of each sample: duration, size, flags, composition offset (ISO/IEC 14496-12 §8.8.8). */
const VIDEO_FIELDS: u32 = 0xf01;
const AUDIO_FIELDS: u32 = 0x301;
const DEFAULT_BASE_IS_MOOF: u32 = 0x020000;
/** sample_depends_on 2, or 1 and sample_is_non_sync_sample (§8.8.3.1). */
const SYNC: u32 = 0x02000000;
const NO_SYNC: u32 = 0x01010000;

/**
 * Writes the `moof` of a part and the header of its `mdat`; the units follow, track by track.
 *
 * @param address of a Part
 * @param sequence sequence number of the fragment
 * @returns bytes written, or ERR_FULL
 */
export function fmp4Part(address: i32, sequence: i32, dst: i32, limit: i32): i32 {
  const part = changetype<Part>(address);
  const end = dst + limit;
  let at = dst + 24;
  if (limit < 32) return ERR_FULL;
  put32(dst + 4, MOOF);
  put32(dst + 8, 16);
  put32(dst + 12, MFHD);
  put32(dst + 16, 0);
  put32(dst + 20, sequence);
  let front = part.front;
  for (let i = 0; i < part.tracks; i++) {
    const track = changetype<PartTrack>(address + PART_TRACKS + i * PART_TRACK_STRIDE);
    if (track.end - track.seq <= 0) continue;
    at = traf(track, front, at, end - 8);
    if (at < 0) return ERR_FULL;
    front = 0;
  }
  const size = at - dst;
  put32(dst, size);
  let bytes = 8;
  // the data of the tracks are in order behind the header of mdat
  let traf1 = dst + 24;
  for (let i = 0; i < part.tracks; i++) {
    const track = changetype<PartTrack>(address + PART_TRACKS + i * PART_TRACK_STRIDE);
    if (track.end - track.seq <= 0) continue;
    put32(traf1 + TRAF_HEAD + 16, size + bytes);
    bytes += track.entry;
    traf1 += get32(traf1);
  }
  put32(at, bytes);
  put32(at + 4, MDAT);
  return size + 8;
}

/** Bytes of a traf in front of its trun: its header, tfhd, tfdt. */
const TRAF_HEAD: i32 = 8 + 16 + 20;

/**
 * Writes the traf of a track; its data offset is left open, and `entry` becomes the bytes of its units.
 *
 * @param front bytes that are part of the first unit, and in front of it
 */
function traf(track: PartTrack, front: i32, start: i32, end: i32): i32 {
  const units = changetype<UnitTrack>(track.units);
  const scratch = track.units + UNIT_SCRATCH;
  const sampleSize = track.video !== 0 ? 16 : 8;
  const trun = start + TRAF_HEAD;
  if (trun + 20 > end) return ERR_FULL;
  put32(start + 4, TRAF);
  put32(start + 8, 16);
  put32(start + 12, TFHD);
  put32(start + 16, DEFAULT_BASE_IS_MOOF);
  put32(start + 20, track.id);
  put32(start + 24, 20);
  put32(start + 28, TFDT);
  put32(start + 32, 0x01000000);
  put32(trun + 4, TRUN);
  put32(trun + 8, 0x01000000 | (track.video !== 0 ? VIDEO_FIELDS : AUDIO_FIELDS));
  let at = trun + 20;
  let samples = 0;
  let bytes = 0;
  let extra = front;
  let before = 0.0;
  for (let seq = track.seq; track.end - seq > 0; ) {
    const entries = unitAt(changetype<i32>(units), seq, scratch);
    if (entries <= 0 || at + sampleSize > end) return ERR_FULL;
    const entry = unitEntryAt(load<i32>(scratch));
    const dts = entry.dts;
    const size = entry.bytes + extra;
    extra = 0;
    if (samples === 0) putTime(start + 36, dts - track.origin);
    else put32(at - sampleSize, (dts - before) as u32);
    before = dts;
    put32(at + 4, size);
    if (track.video !== 0) {
      put32(at + 8, (entry.flags & UNIT_KEY) !== 0 ? SYNC : NO_SYNC);
      put32(at + 12, (entry.pts - dts) as i32 as u32);
    }
    bytes += size;
    at += sampleSize;
    samples += 1;
    seq += entries;
  }
  put32(at - sampleSize, max<f64>(track.endDts - before, 0) as u32);
  put32(trun + 12, samples);
  put32(trun, at - trun);
  put32(start, at - start);
  track.entry = bytes;
  return at;
}

/** A time of 64 bits, never below 0. */
function putTime(at: i32, time: f64): void {
  const value = max<f64>(time, 0) as u64;
  put32(at, (value >> 32) as u32);
  put32(at + 4, value as u32);
}
