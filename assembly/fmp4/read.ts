import { ERR_SYNTAX, MP4_ERROR_BOX, MP4_ERROR_FRAGMENT, MP4_MOOF_MAX } from "../abi";
import { get8, get32, put8 } from "../wire";
import {
  MP4_HEADER,
  MP4_MOOF,
  MP4_RUNS,
  Mp4Reader,
  STATE_HEADER,
  STATE_MDAT,
  STATE_MOOF,
  STATE_SKIP,
} from "./layout";
import { mp4Fragment } from "./read-fragment";
import { mp4EndMedia, mp4Media } from "./read-media";

const MOOF: u32 = 0x6d6f6f66;
const MDAT: u32 = 0x6d646174;
/** A file is not larger than this. */
const LARGEST: f64 = 9007199254740991;

/** Forgets everything but the memory. */
export function mp4Open(address: i32): void {
  memory.fill(address, 0, MP4_RUNS);
  changetype<Mp4Reader>(address).first = Infinity;
}

/**
 * Begins with the next segment.
 *
 * @param position place in its file of the first byte that comes
 */
export function mp4Begin(address: i32, position: f64): void {
  const reader = changetype<Mp4Reader>(address);
  mp4EndMedia(reader, true);
  reader.state = STATE_HEADER;
  reader.header = 0;
  reader.position = position;
  reader.boxEnd = position;
  reader.runs = 0;
  reader.run = 0;
}

/**
 * Takes bytes of a segment: boxes (ISO/IEC 14496-12 §8.8, §8.16). Fragments and their media become units of the
 * tracks; everything else is skipped.
 *
 * @returns how many were taken; less than `size` behind a fragment, so that `shift` can be set before its samples;
 *   ERR_SYNTAX if the segment is invalid, and why at `error`
 */
export function mp4Read(address: i32, src: i32, size: i32): i32 {
  const reader = changetype<Mp4Reader>(address);
  let at = 0;
  while (at < size) {
    const left = reader.boxEnd - reader.position;
    const there = left < ((size - at) as f64) ? (left as i32) : size - at;
    switch (reader.state) {
      case STATE_HEADER:
        put8(address + MP4_HEADER + reader.header, get8(src + at));
        reader.header += 1;
        reader.position += 1;
        at += 1;
        if (!takeHeader(reader)) return ERR_SYNTAX;
        break;
      case STATE_MOOF:
        memory.copy(address + MP4_MOOF + reader.moof, src + at, there);
        reader.moof += there;
        reader.position += there as f64;
        at += there;
        if (reader.moof < reader.moofSize) return at;
        reader.state = STATE_HEADER;
        return mp4Fragment(reader) ? at : ERR_SYNTAX;
      case STATE_MDAT:
        mp4Media(reader, src + at, there);
        reader.position += there as f64;
        at += there;
        if (reader.position === reader.boxEnd) {
          mp4EndMedia(reader, false);
          reader.state = STATE_HEADER;
        }
        break;
      default:
        reader.position += there as f64;
        at += there;
        if (reader.position === reader.boxEnd) reader.state = STATE_HEADER;
    }
  }
  return at;
}

/**
 * Says that the segment has come to its end.
 *
 * @returns 0, or ERR_SYNTAX if that is within a box; a unit in progress is dropped
 */
export function mp4End(address: i32): i32 {
  const reader = changetype<Mp4Reader>(address);
  const isWhole = (reader.state === STATE_HEADER && reader.header === 0) || reader.boxEnd === Infinity;
  mp4EndMedia(reader, true);
  return isWhole ? 0 : fail(reader, MP4_ERROR_BOX, reader.header);
}

function fail(reader: Mp4Reader, error: i32, detail: i32): i32 {
  reader.error = error;
  reader.detail = detail;
  return ERR_SYNTAX;
}

/** Parses the header of a box, once complete (§4.2). Returns false if it is invalid. */
function takeHeader(reader: Mp4Reader): bool {
  if (reader.header < 8) return true;
  const header = changetype<i32>(reader) + MP4_HEADER;
  const short = get32(header);
  if (short === 1 && reader.header < 16) return true;
  let size = short as f64;
  if (short === 1) size = (get32(header + 8) as f64) * 4294967296 + (get32(header + 12) as f64);
  else if (short === 0) size = Infinity;
  if (size < (reader.header as f64)) {
    fail(reader, MP4_ERROR_BOX, short as i32);
    return false;
  }
  reader.boxEnd = reader.position - (reader.header as f64) + size;
  if (short !== 0 && reader.boxEnd > LARGEST) {
    fail(reader, MP4_ERROR_BOX, short as i32);
    return false;
  }
  const type = get32(header + 4);
  if (type === MOOF && !beginFragment(reader, size - (reader.header as f64))) return false;
  if (type !== MOOF) reader.state = type === MDAT ? STATE_MDAT : STATE_SKIP;
  reader.header = 0;
  if (reader.position === reader.boxEnd) reader.state = STATE_HEADER;
  return true;
}

function beginFragment(reader: Mp4Reader, size: f64): bool {
  if (size > (MP4_MOOF_MAX as f64)) {
    fail(reader, MP4_ERROR_FRAGMENT, size < 2147483647 ? (size as i32) : 2147483647);
    return false;
  }
  mp4EndMedia(reader, true);
  reader.state = STATE_MOOF;
  reader.moofStart = reader.position - (reader.header as f64);
  reader.moof = 0;
  reader.moofSize = size as i32;
  return true;
}
