import { ERR_BUDGET, FLAG_GAP, UNIT_KEY } from "../abi";
import { get8, get16 } from "../wire";
import { unitMalformed } from "./faults";
import { UNIT_NONE, UnitTrack } from "./layout";
import { unitBegin, unitDrop, unitFinish, unitPut } from "./log";

/** A packet that is one frame: Opus (RFC 7587 §4.2), or samples. */
export function plainFrame(track: UnitTrack, payload: i32, size: i32, time: u32, arrival: i32): i32 {
  if (unitBegin(track, time, arrival) !== 0) return ERR_BUDGET;
  track.flags |= UNIT_KEY;
  const code = unitPut(track, payload, size);
  unitFinish(track, 0);
  return code;
}

/**
 * MPEG-4 elementary streams (RFC 3640 §3.2): AU headers, then whole AUs, or a fragment of one.
 *
 * @param marker whether the packet ends its last AU
 */
export function genericFrames(
  track: UnitTrack,
  payload: i32,
  size: i32,
  time: u32,
  arrival: i32,
  flags: i32,
  marker: bool,
): i32 {
  if (size < 2) return unitMalformed(track);
  const headerBits = get16(payload);
  const data = 2 + ((headerBits + 7) >> 3);
  const each = track.sizeBits + track.indexBits;
  if (track.sizeBits === 0 || headerBits < each || data > size) return unitMalformed(track);
  let at = data;
  let bit = 16;
  let offset = 0;
  let code = 0;
  const end = 16 + headerBits;
  let indexBits = track.indexBits;
  while (bit + track.sizeBits + indexBits <= end) {
    const length = bits(payload, bit, track.sizeBits);
    const index = bits(payload, bit + track.sizeBits, indexBits);
    if (bit > 16) offset += index * track.frameTicks;
    bit += track.sizeBits + indexBits;
    indexBits = track.deltaBits;
    if ((length as u32) > ((size - at) as u32)) {
      // the only AU of its packet may be cut in several
      if (bit + track.sizeBits + indexBits <= end || at !== data) return unitMalformed(track);
      return fragment(track, payload + at, size - at, time, arrival, flags, marker);
    }
    unitDrop(track);
    if (unitBegin(track, time, arrival) !== 0) return ERR_BUDGET;
    track.flags |= UNIT_KEY;
    const result = unitPut(track, payload + at, length);
    if (result !== 0) code = result;
    unitFinish(track, offset);
    offset += track.frameTicks;
    at += length;
  }
  return code;
}

/** A fragment of an AU: the AU continues while the time stays the same, up to the marker. */
function fragment(
  track: UnitTrack,
  at: i32,
  size: i32,
  time: u32,
  arrival: i32,
  flags: i32,
  marker: bool,
): i32 {
  if (track.open === UNIT_NONE || track.lastTime !== time) {
    unitDrop(track);
    if (unitBegin(track, time, arrival) !== 0) return ERR_BUDGET;
    track.flags |= UNIT_KEY;
  } else if ((flags & FLAG_GAP) !== 0) {
    track.broken = 1;
  }
  const code = unitPut(track, at, size);
  if (marker) unitFinish(track, 0);
  return code;
}

/** An unsigned number of at most 32 bits. */
function bits(base: i32, from: i32, count: i32): i32 {
  let value = 0;
  for (let i = from; i < from + count; i++) {
    value = (value << 1) | ((get8(base + (i >> 3)) >> (7 - (i & 7))) & 1);
  }
  return value;
}
