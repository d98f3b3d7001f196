import { PARAM_MAX, PARAM_PPS, PARAM_SPS, PARAM_VPS } from "../abi";
import { slotGive, slotTake } from "../memory";
import { startCode } from "../nal";
import { PARAM_SET_DATA, PARAM_SET_STRIDE, Track } from "../track";
import { get8, get16, put8 } from "../wire";

/** Bytes of a slot for the three types of parameter sets. */
const PARAM_SLOT: i32 = PARAM_SET_STRIDE * 3;

/**
 * A NAL unit other than a slice that comes in fragments, and those behind start codes in it. A layout, never
 * constructed; the first bytes of the unit follow.
 */
class NalScan {
  /** Bytes of the unit; more than PARAM_MAX are not kept. */
  size!: i32;
  /** Zero bytes at its end so far, which are not counted yet. */
  zeros!: i32;
}

const SCAN_DATA: i32 = offsetof<NalScan>();
const SCAN_SLOT: i32 = SCAN_DATA + PARAM_MAX;

/**
 * Whether a payload of H264 (RFC 6184 §5) or H265 (RFC 7798 §4.4) shows a random access point: single NAL units,
 * aggregation packets and fragments. Parameter sets are kept in the track. Units may have start codes between them
 * (ITU-T H.264 §B.1), as some cameras put whole access units into one.
 *
 * @param gap whether packets are missing in front of it
 */
export function nalAccess(track: Track, isH265: bool, payload: i32, size: i32, gap: bool): bool {
  if (gap) nalForget(track);
  if (isH265 && size < 2) return false;
  const type = unitType(payload, isH265);
  if (isH265 ? type === 49 : type === 28 || type === 29) {
    return fragment(
      track,
      isH265,
      payload,
      size,
      isH265 ? 2 : 1,
      type === 29 && !isH265 ? 4 : isH265 ? 3 : 2,
    );
  }
  nalForget(track);
  if (isH265 ? type === 48 : type === 24 || type === 25) {
    return aggregate(track, isH265, payload, size, isH265 ? 2 : type === 24 ? 1 : 3);
  }
  return unitsOf(track, isH265, payload, size);
}

/** Drops the NAL unit in fragments that is being scanned. */
export function nalForget(track: Track): void {
  if (track.scan === 0) return;
  slotGive(track.scan);
  track.scan = 0;
}

/** Type of the NAL unit, or of the payload, that begins at `unit`. */
export function unitType(unit: i32, isH265: bool): i32 {
  return isH265 ? (get8(unit) >> 1) & 63 : get8(unit) & 31;
}

function aggregate(track: Track, isH265: bool, payload: i32, size: i32, header: i32): bool {
  let at = header;
  let found = false;
  while (at + 2 < size) {
    const length = get16(payload + at);
    at += 2;
    if (at + length > size) break;
    if (length > 0 && unitsOf(track, isH265, payload + at, length)) found = true;
    at += length;
  }
  return found;
}

/** A whole NAL unit, and those behind start codes in it; slices are not searched. */
function unitsOf(track: Track, isH265: bool, unit: i32, size: i32): bool {
  const end = unit + size;
  let at = unit;
  let found = false;
  while (at < end) {
    if (isSlice(at, end - at, isH265)) return slice(track, unitType(at, isH265), isH265) || found;
    const next = startCode(at, end);
    keepUnit(track, isH265, at, (next < 0 ? end : next) - at);
    if (next < 0) break;
    at = next + 3;
  }
  return found;
}

/** Whether a NAL unit is a slice; two zero bytes instead of a header of H265 belong to a start code. */
function isSlice(unit: i32, size: i32, isH265: bool): bool {
  if (!isH265) return (get8(unit) & 31) >= 1 && (get8(unit) & 31) <= 5;
  return size >= 2 && get8(unit) < 64 && get16(unit) !== 0;
}

/** Whether a slice is one of a random access point: IDR, and for H265 BLA and CRA (ITU-T H.265 table 7-1). */
function slice(track: Track, type: i32, isH265: bool): bool {
  return (isH265 ? type >= 16 && type <= 21 : type === 5) && parametersKnown(track);
}

function parametersKnown(track: Track): bool {
  return (track.paramsKnown & track.paramsNeeded) === track.paramsNeeded;
}

/**
 * @param head bytes of the payload's own header
 * @param header the same with the header of the fragment
 */
function fragment(track: Track, isH265: bool, payload: i32, size: i32, head: i32, header: i32): bool {
  if (size <= head) return false;
  const flags = get8(payload + head);
  if ((flags & 0x80) !== 0) {
    nalForget(track);
    const first = isH265
      ? (get8(payload) & 0x81) | ((flags & 63) << 1)
      : (get8(payload) & 0xe0) | (flags & 31);
    const isZero = isH265 && first === 0 && get8(payload + 1) === 0;
    if (isH265 ? (flags & 63) < 32 && !isZero : (flags & 31) >= 1 && (flags & 31) <= 5) {
      return slice(track, isH265 ? flags & 63 : flags & 31, isH265);
    }
    track.scan = slotTake(SCAN_SLOT, 0);
    if (track.scan === 0) return false;
    memory.fill(track.scan, 0, SCAN_DATA);
    scanByte(changetype<NalScan>(track.scan), first);
    if (isH265) scanByte(changetype<NalScan>(track.scan), get8(payload + 1));
  }
  if (track.scan === 0) return false;
  const found = look(track, isH265, payload + header, size - header);
  if ((flags & 0x40) !== 0 && track.scan !== 0) {
    enterScan(track, isH265);
    nalForget(track);
  }
  return found;
}

/** Looks through the bytes of a fragment, up to the first slice. */
function look(track: Track, isH265: bool, bytes: i32, size: i32): bool {
  const scan = changetype<NalScan>(track.scan);
  const unit = track.scan + SCAN_DATA;
  for (let i: i32 = 0; i < size; i++) {
    const byte = get8(bytes + i);
    if (byte === 1 && scan.zeros >= 2) {
      enterScan(track, isH265);
      memory.fill(track.scan, 0, SCAN_DATA);
      continue;
    }
    scanByte(scan, byte);
    if (scan.size === 0 || scan.size > 2 || !isSlice(unit, scan.size, isH265)) continue;
    const type = unitType(unit, isH265);
    nalForget(track);
    return slice(track, type, isH265);
  }
  return false;
}

function scanByte(scan: NalScan, byte: i32): void {
  if (byte === 0) {
    scan.zeros += 1;
    return;
  }
  const unit = changetype<i32>(scan) + SCAN_DATA;
  for (; scan.zeros > 0; scan.zeros--) {
    if (scan.size < PARAM_MAX) put8(unit + scan.size, 0);
    scan.size += 1;
  }
  if (scan.size < PARAM_MAX) put8(unit + scan.size, byte);
  scan.size += 1;
}

function enterScan(track: Track, isH265: bool): void {
  const size = changetype<NalScan>(track.scan).size;
  if (size > 0) keepUnit(track, isH265, track.scan + SCAN_DATA, size);
}

/** Keeps a NAL unit if it is a parameter set. */
function keepUnit(track: Track, isH265: bool, unit: i32, size: i32): void {
  let length = size;
  // no NAL unit ends with a zero byte: it belongs to a start code, or is padding
  if (size <= PARAM_MAX) while (length > 0 && get8(unit + length - 1) === 0) length -= 1;
  const least = isH265 ? 2 : 1;
  if (length < least) return;
  const type = unitType(unit, isH265);
  if (type === (isH265 ? 33 : 7)) keep(track, PARAM_SPS, unit, length);
  else if (type === (isH265 ? 34 : 8)) keep(track, PARAM_PPS, unit, length);
  else if (isH265 && type === 32) keep(track, PARAM_VPS, unit, length);
}

/** Stores a parameter set if it has changed; an oversized one is only marked as known. */
function keep(track: Track, bit: i32, unit: i32, size: i32): void {
  track.paramsKnown |= bit;
  if (size > PARAM_MAX) return;
  if (track.params === 0) {
    track.params = slotTake(PARAM_SLOT, 0);
    if (track.params === 0) return;
    memory.fill(track.params, 0, PARAM_SLOT);
  }
  const set = track.params + (bit >> 1) * PARAM_SET_STRIDE;
  if (load<i32>(set) === size && memory.compare(set + PARAM_SET_DATA, unit, size) === 0) return;
  store<i32>(set, size);
  memory.copy(set + PARAM_SET_DATA, unit, size);
  track.paramsVersion += 1;
}
