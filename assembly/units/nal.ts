import { UNIT_KEY } from "../abi";
import { get8, get16, put8, put32 } from "../wire";
import { unitSpoil } from "./faults";
import { UNIT_CLOSED, UNIT_STATE, UnitTrack } from "./layout";
import { unitPut, unitPutLength } from "./log";

/** RFC 6184 §5: single NAL units, STAP-A, STAP-B, FU-A, FU-B. Each NAL unit gets its length in front. */
export function h264Packet(track: UnitTrack, payload: i32, size: i32): i32 {
  const type = get8(payload) & 31;
  if (type === 28 || type === 29) return h264Fragment(track, payload, size, type === 28 ? 2 : 4);
  endFragment(track);
  if (type !== 24 && type !== 25) return h264Unit(track, payload, size);
  return aggregate(track, payload, size, type === 24 ? 1 : 3, false);
}

/** The units of an aggregation packet, each behind its 16-bit size. */
function aggregate(track: UnitTrack, payload: i32, size: i32, header: i32, isH265: bool): i32 {
  let at = header;
  while (at + 2 < size) {
    const length = get16(payload + at);
    at += 2;
    if (length === 0) continue;
    if (at + length > size) return unitSpoil(track);
    const code = isH265 ? h265Unit(track, payload + at, length) : h264Unit(track, payload + at, length);
    if (code !== 0) return code;
    at += length;
  }
  return 0;
}

function h264Unit(track: UnitTrack, unit: i32, size: i32): i32 {
  const type = get8(unit) & 31;
  if (!h264Wanted(type)) return 0;
  if (type === 5) track.flags |= UNIT_KEY | UNIT_CLOSED;
  if (unitPutLength(track, size) === 0) return 0;
  return unitPut(track, unit, size);
}

/** Slices, SEI and the like; parameter sets are handled separately, delimiters and filler are dropped. */
function h264Wanted(type: i32): bool {
  return type !== 0 && type !== 7 && type !== 8 && type !== 9 && type !== 12 && type < 24;
}

function h264Fragment(track: UnitTrack, payload: i32, size: i32, header: i32): i32 {
  if (size <= header) return unitSpoil(track);
  const indicator = get8(payload);
  const flags = get8(payload + 1);
  const type = flags & 31;
  if ((flags & 0x80) !== 0) {
    endFragment(track);
    if (!h264Wanted(type)) return 0;
    if (type === 5) track.flags |= UNIT_KEY | UNIT_CLOSED;
    track.lengthAt = unitPutLength(track, 0);
    track.lengthBytes = 1;
    const scratch = changetype<i32>(track) + UNIT_STATE;
    put8(scratch, (indicator & 0xe0) | type);
    if (unitPut(track, scratch, 1) !== 0) return 0;
  } else if (track.lengthAt === 0) {
    return h264Wanted(type) ? unitSpoil(track) : 0;
  }
  return putFragment(track, payload + header, size - header, (flags & 0x40) !== 0);
}

function putFragment(track: UnitTrack, at: i32, size: i32, ends: bool): i32 {
  const code = unitPut(track, at, size);
  track.lengthBytes += size;
  if (ends) endFragment(track);
  return code;
}

/** Writes the length of the NAL unit that came in fragments. */
function endFragment(track: UnitTrack): void {
  if (track.lengthAt === 0) return;
  put32(track.lengthAt, track.lengthBytes);
  track.lengthAt = 0;
}

/** RFC 7798 §4.4: single NAL units, AP, FU; without DONL, which is not used in practice. */
export function h265Packet(track: UnitTrack, payload: i32, size: i32): i32 {
  if (size < 2) return unitSpoil(track);
  const type = (get8(payload) >> 1) & 63;
  if (type === 49) return h265Fragment(track, payload, size);
  endFragment(track);
  return type === 48 ? aggregate(track, payload, size, 2, true) : h265Unit(track, payload, size);
}

function h265Unit(track: UnitTrack, unit: i32, size: i32): i32 {
  if (size < 2) return unitSpoil(track);
  const type = (get8(unit) >> 1) & 63;
  if (!h265Wanted(type)) return 0;
  track.flags |= h265Flags(type);
  if (unitPutLength(track, size) === 0) return 0;
  return unitPut(track, unit, size);
}

/** Flags of a unit with a slice of such a type: BLA, IDR and CRA are 16 to 21, IDR_N_LP is the one without leading pictures. */
function h265Flags(type: i32): i32 {
  if (type === 20) return UNIT_KEY | UNIT_CLOSED;
  return type >= 16 && type <= 21 ? UNIT_KEY : 0;
}

function h265Wanted(type: i32): bool {
  return (type < 32 || type > 35) && type !== 38 && type < 48;
}

function h265Fragment(track: UnitTrack, payload: i32, size: i32): i32 {
  if (size < 4) return unitSpoil(track);
  const flags = get8(payload + 2);
  const type = flags & 63;
  if ((flags & 0x80) !== 0) {
    endFragment(track);
    if (!h265Wanted(type)) return 0;
    track.flags |= h265Flags(type);
    track.lengthAt = unitPutLength(track, 0);
    track.lengthBytes = 2;
    const scratch = changetype<i32>(track) + UNIT_STATE;
    put8(scratch, (get8(payload) & 0x81) | (type << 1));
    put8(scratch + 1, get8(payload + 1));
    if (unitPut(track, scratch, 2) !== 0) return 0;
  } else if (track.lengthAt === 0) {
    return h265Wanted(type) ? unitSpoil(track) : 0;
  }
  return putFragment(track, payload + 3, size - 3, (flags & 0x40) !== 0);
}
