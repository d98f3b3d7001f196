import { ERR_BUDGET, FLAG_GAP, UNIT_KEY } from "../abi";
import { get8, put8 } from "../wire";
import { unitMalformed } from "./faults";
import {
  latmBits,
  latmOpen,
  latmPosition,
  latmSkip,
  latmSlotLength,
  latmSpoilt,
  readMuxConfig,
} from "./latm-config";
import { LatmState, latmState, UNIT_NONE, UNIT_SHIFT, UNIT_SHIFT_BYTES, UnitTrack } from "./layout";
import { unitBegin, unitDrop, unitFinish, unitPut } from "./log";

/**
 * MPEG-4 Audio in LATM (RFC 6416 §6, ISO/IEC 14496-3 §1.7.3): one AudioMuxElement, or a piece of one; the marker is on
 * its last packet. Of a track `sizeBits` is the number of subframes, `indexBits` the bytes of each when that is fixed,
 * else 0, `deltaBits` whether a StreamMuxConfig may be in band.
 */
export function latmFrames(
  track: UnitTrack,
  payload: i32,
  size: i32,
  time: u32,
  arrival: i32,
  flags: i32,
): i32 {
  if (track.open !== UNIT_NONE && track.lastTime === time) {
    if ((flags & FLAG_GAP) !== 0) track.broken = 1;
    return goOn(track, payload, size, time, arrival);
  }
  unitDrop(track);
  latmOpen(payload, 8 * size);
  if (track.deltaBits !== 0 && latmBits(1) === 0) readMuxConfig(track);
  if (latmSpoilt() || track.sizeBits <= 0) return unitMalformed(track);
  latmState(track).left = track.sizeBits;
  return frames(track, payload, size, time, arrival);
}

/** The frames that begin at the present bit. */
function frames(track: UnitTrack, payload: i32, size: i32, time: u32, arrival: i32): i32 {
  const state = latmState(track);
  for (let left = state.left; left > 0; left--) {
    const length = track.indexBits > 0 ? track.indexBits : latmSlotLength();
    if (latmSpoilt()) return unitMalformed(track);
    state.left = left - 1;
    if (length === 0) continue;
    if (unitBegin(track, time, arrival) !== 0) return ERR_BUDGET;
    track.flags |= UNIT_KEY;
    track.lengthBytes = length;
    const position = latmPosition();
    const code = take(track, payload, position, size);
    if (track.lengthBytes > 0) return code;
    latmSkip(8 * length);
    finish(track, left - 1);
    if (code === ERR_BUDGET) return code;
  }
  return 0;
}

/** The next packet of an AudioMuxElement. */
function goOn(track: UnitTrack, payload: i32, size: i32, time: u32, arrival: i32): i32 {
  const carried = latmState(track).carryBits;
  const wanted = 8 * track.lengthBytes - carried;
  const code = take(track, payload, -carried, size);
  if (track.lengthBytes > 0) return code;
  const left = latmState(track).left;
  finish(track, left);
  if (left === 0 || code === ERR_BUDGET) return code;
  latmOpen(payload, 8 * size);
  latmSkip(wanted);
  return frames(track, payload, size, time, arrival);
}

/**
 * Adds the available bytes of the frame in progress. They start at bit `from` of the payload; a negative `from` starts
 * with the bits kept from the packet before.
 */
function take(track: UnitTrack, payload: i32, from: i32, size: i32): i32 {
  const state = latmState(track);
  const shifted = changetype<i32>(track) + UNIT_SHIFT;
  const count = min(track.lengthBytes, (8 * size - from) >> 3);
  const shift = from & 7;
  let code = 0;
  if (shift === 0) {
    code = unitPut(track, payload + (from >> 3), count);
  } else {
    for (let done = 0; done < count; done += UNIT_SHIFT_BYTES) {
      const n = min(UNIT_SHIFT_BYTES, count - done);
      for (let i = 0; i < n; i++) put8(shifted + i, byteAt(state, payload, from + 8 * (done + i)));
      code = unitPut(track, shifted, n);
      if (code !== 0) break;
    }
  }
  track.lengthBytes -= count;
  const rest = shift === 0 ? 0 : 8 - shift;
  state.carry = rest === 0 ? 0 : get8(payload + size - 1) & ((1 << rest) - 1);
  state.carryBits = rest;
  return code;
}

/** Eight bits from bit `from` on; bits before the payload are kept from the packet before. */
function byteAt(state: LatmState, payload: i32, from: i32): i32 {
  const shift = from & 7;
  const first = from < 0 ? state.carry : get8(payload + (from >> 3));
  return ((first << shift) | (get8(payload + (from >> 3) + 1) >> (8 - shift))) & 255;
}

/** @param left subframes behind this one */
function finish(track: UnitTrack, left: i32): void {
  unitFinish(track, (track.sizeBits - 1 - left) * track.frameTicks);
}
