import { UNIT_KEY } from "../abi";
import { startCode } from "../nal";
import { get8, get16, put8, put32 } from "../wire";
import { unitSpoil } from "./faults";
import {
  NAL_FIRST,
  NAL_HEAD,
  NAL_KEPT,
  NAL_NONE,
  NAL_SCRATCH,
  NAL_SKIPPED,
  NalState,
  nalState,
  UNIT_CLOSED,
  UnitTrack,
} from "./layout";
import { unitPut, unitPutLength } from "./log";

/** RFC 6184 §5: single NAL units, STAP-A, STAP-B, FU-A, FU-B. Each NAL unit gets its length in front. */
export function h264Packet(track: UnitTrack, payload: i32, size: i32): i32 {
  const type = get8(payload) & 31;
  if (type === 28 || type === 29) return h264Fragment(track, payload, size, type === 28 ? 2 : 4);
  nalEnd(track);
  if (type !== 24 && type !== 25) return wholeUnit(track, payload, size, false);
  return aggregate(track, payload, size, type === 24 ? 1 : 3, false);
}

/** RFC 7798 §4.4: single NAL units, AP, FU; without DONL, which is not used in practice. */
export function h265Packet(track: UnitTrack, payload: i32, size: i32): i32 {
  if (size < 2) return unitSpoil(track);
  const type = (get8(payload) >> 1) & 63;
  if (type === 49) return h265Fragment(track, payload, size);
  nalEnd(track);
  return type === 48 ? aggregate(track, payload, size, 2, true) : wholeUnit(track, payload, size, true);
}

/** Forgets the NAL unit in progress: another access unit begins. */
export function nalReset(track: UnitTrack): void {
  nalState(track).phase = NAL_NONE;
}

/** The units of an aggregation packet, each behind its 16-bit size; empty ones are skipped. */
function aggregate(track: UnitTrack, payload: i32, size: i32, header: i32, isH265: bool): i32 {
  let at = header;
  while (at + 2 < size) {
    const length = get16(payload + at);
    at += 2;
    if (at + length > size) return unitSpoil(track);
    const code = wholeUnit(track, payload + at, length, isH265);
    if (code !== 0) return code;
    at += length;
  }
  return 0;
}

/** A NAL unit in one piece. */
function wholeUnit(track: UnitTrack, unit: i32, size: i32, isH265: bool): i32 {
  nalBegin(track);
  const code = nalPut(track, unit, size, isH265);
  nalEnd(track);
  return code;
}

function h264Fragment(track: UnitTrack, payload: i32, size: i32, header: i32): i32 {
  if (size <= header) return unitSpoil(track);
  const flags = get8(payload + 1);
  const state = nalState(track);
  if ((flags & 0x80) !== 0) {
    nalEnd(track);
    nalBegin(track);
    put8(changetype<i32>(state) + NAL_SCRATCH, (get8(payload) & 0xe0) | (flags & 31));
    nalPut(track, changetype<i32>(state) + NAL_SCRATCH, 1, false);
  } else if (state.phase === NAL_NONE) {
    return h264Wanted(flags & 31) ? unitSpoil(track) : 0;
  }
  return putFragment(track, payload + header, size - header, (flags & 0x40) !== 0, false);
}

function h265Fragment(track: UnitTrack, payload: i32, size: i32): i32 {
  if (size < 4) return unitSpoil(track);
  const flags = get8(payload + 2);
  const state = nalState(track);
  if ((flags & 0x80) !== 0) {
    nalEnd(track);
    nalBegin(track);
    const scratch = changetype<i32>(state) + NAL_SCRATCH;
    put8(scratch, (get8(payload) & 0x81) | ((flags & 63) << 1));
    put8(scratch + 1, get8(payload + 1));
    nalPut(track, scratch, 2, true);
  } else if (state.phase === NAL_NONE) {
    return h265Wanted(flags & 63) ? unitSpoil(track) : 0;
  }
  return putFragment(track, payload + 3, size - 3, (flags & 0x40) !== 0, true);
}

function putFragment(track: UnitTrack, at: i32, size: i32, ends: bool, isH265: bool): i32 {
  const code = nalPut(track, at, size, isH265);
  if (ends) nalEnd(track);
  return code;
}

function nalBegin(track: UnitTrack): void {
  const state = nalState(track);
  state.phase = NAL_HEAD;
  state.zeros = 0;
  state.headBytes = 0;
}

/** Ends the NAL unit in progress, if there is one: its length is known now. */
function nalEnd(track: UnitTrack): void {
  const state = nalState(track);
  if (state.phase === NAL_NONE) return;
  if (state.phase === NAL_KEPT) putZeros(track, state);
  closeUnit(track);
  state.phase = NAL_NONE;
}

/** Writes the length of the NAL unit that has been kept. */
function closeUnit(track: UnitTrack): void {
  if (track.lengthAt === 0) return;
  put32(track.lengthAt, track.lengthBytes);
  track.lengthAt = 0;
}

/**
 * Adds bytes of a NAL unit. Start codes in them separate units (ITU-T H.264 §B.1), also across packets: some cameras
 * send whole access units like that in one unit.
 */
function nalPut(track: UnitTrack, bytes: i32, size: i32, isH265: bool): i32 {
  const state = nalState(track);
  const end = bytes + size;
  let at = bytes;
  let code = 0;
  while (at < end && code === 0) {
    const byte = get8(at);
    if (byte === 0 && (state.zeros > 0 || state.phase === NAL_HEAD)) {
      state.zeros += 1;
      at += 1;
    } else if (byte === 1 && state.zeros >= 2) {
      closeUnit(track);
      nalBegin(track);
      at += 1;
    } else if (state.phase === NAL_HEAD) {
      code = headByte(track, state, byte, isH265);
      at += 1;
    } else {
      const next = zerosFrom(at, end);
      if (state.phase === NAL_KEPT) {
        code = putZeros(track, state);
        if (code === 0) code = putKept(track, at, next - at);
      }
      state.zeros = end - next > 0 ? 1 : 0;
      at = end - next > 0 ? next + 1 : end;
    }
  }
  return code;
}

/** Address of the zero bytes in front of the next start code, or at the end; `end` without them. */
function zerosFrom(at: i32, end: i32): i32 {
  const found = startCode(at, end);
  let stop = found < 0 ? end : found;
  while (stop > at && get8(stop - 1) === 0) stop -= 1;
  return stop;
}

/** Takes a byte of the header; once it is whole it is known whether the unit is kept. */
function headByte(track: UnitTrack, state: NalState, byte: i32, isH265: bool): i32 {
  const head = changetype<i32>(state) + NAL_FIRST;
  const length = isH265 ? 2 : 1;
  for (; state.zeros > 0 && state.headBytes < length; state.zeros--) {
    put8(head + state.headBytes, 0);
    state.headBytes += 1;
  }
  const isRest = state.headBytes === length;
  if (!isRest) {
    put8(head + state.headBytes, byte);
    state.headBytes += 1;
    if (state.headBytes < length) return 0;
  }
  const first = get8(head);
  const type = isH265 ? (first >> 1) & 63 : first & 31;
  state.phase = (isH265 ? h265Wanted(type) : h264Wanted(type)) ? NAL_KEPT : NAL_SKIPPED;
  if (state.phase === NAL_SKIPPED) return 0;
  track.flags |= isH265 ? h265Flags(type) : type === 5 ? UNIT_KEY | UNIT_CLOSED : 0;
  track.lengthAt = unitPutLength(track, 0);
  track.lengthBytes = 0;
  let code = putKept(track, head, length);
  if (!isRest || code !== 0) return code;
  code = putZeros(track, state);
  put8(changetype<i32>(state) + NAL_SCRATCH, byte);
  return code !== 0 ? code : putKept(track, changetype<i32>(state) + NAL_SCRATCH, 1);
}

function putKept(track: UnitTrack, at: i32, size: i32): i32 {
  track.lengthBytes += size;
  return unitPut(track, at, size);
}

/** Adds the zero bytes that were held back, as they might have begun a start code. */
function putZeros(track: UnitTrack, state: NalState): i32 {
  const zero = changetype<i32>(state) + NAL_SCRATCH;
  put8(zero, 0);
  let code = 0;
  for (; state.zeros > 0 && code === 0; state.zeros--) code = putKept(track, zero, 1);
  return code;
}

/** Slices, SEI and the like; parameter sets are handled separately, delimiters and filler are dropped. */
function h264Wanted(type: i32): bool {
  return type !== 0 && type !== 7 && type !== 8 && type !== 9 && type !== 12 && type < 24;
}

function h265Wanted(type: i32): bool {
  return (type < 32 || type > 35) && type !== 38 && type < 48;
}

/** Flags of a unit with a slice of such a type: BLA, IDR and CRA are 16 to 21, IDR_N_LP is the one without leading pictures. */
function h265Flags(type: i32): i32 {
  if (type === 20) return UNIT_KEY | UNIT_CLOSED;
  return type >= 16 && type <= 21 ? UNIT_KEY : 0;
}
