import { ERR_BUDGET, FLAG_GAP, UNIT_KEY } from "../abi";
import { get8, get16 } from "../wire";
import { unitMalformed } from "./faults";
import { UNIT_NONE, UNIT_OPEN, UnitTrack } from "./layout";
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
  // the only AU of its packet may be cut in several
  if (headerBits < each + track.sizeBits + track.deltaBits) {
    const length = bits(payload, 16, track.sizeBits);
    const isWhole = (length as u32) <= ((size - data) as u32);
    if (!isWhole || !marker || (track.open !== UNIT_NONE && track.lastTime === time)) {
      const part = isWhole ? length : size - data;
      const total = isWhole ? 0 : length;
      return fragment(track, payload + data, part, time, arrival, flags, marker, total);
    }
  }
  return wholeFrames(track, payload, size, time, arrival, flags);
}

function wholeFrames(track: UnitTrack, payload: i32, size: i32, time: u32, arrival: i32, flags: i32): i32 {
  const end = 16 + get16(payload);
  let at = 2 + ((end - 16 + 7) >> 3);
  let bit = 16;
  let offset = 0;
  let code = 0;
  let indexBits = track.indexBits;
  endFragments(track, flags);
  while (bit + track.sizeBits + indexBits <= end) {
    const length = bits(payload, bit, track.sizeBits);
    const index = bits(payload, bit + track.sizeBits, indexBits);
    if (bit > 16) offset += index * track.frameTicks;
    bit += track.sizeBits + indexBits;
    indexBits = track.deltaBits;
    if ((length as u32) > ((size - at) as u32)) return unitMalformed(track);
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

/**
 * A fragment of an AU: the AU continues while the time stays the same, up to the marker.
 *
 * @param total size of the AU; 0 when the header has that of the fragment, as MediaMTX writes it: an AU of a sender that
 * sets no markers looks the same until the next packet comes
 */
function fragment(
  track: UnitTrack,
  at: i32,
  size: i32,
  time: u32,
  arrival: i32,
  flags: i32,
  marker: bool,
  total: i32,
): i32 {
  if (track.open === UNIT_NONE || track.lastTime !== time) {
    endFragments(track, flags);
    if (unitBegin(track, time, arrival) !== 0) return ERR_BUDGET;
    track.flags |= UNIT_KEY;
    track.whole = total === 0 ? 1 : 0;
  } else if ((flags & FLAG_GAP) !== 0) {
    track.broken = 1;
  }
  const code = unitPut(track, at, size);
  if (!marker) return code;
  if (total > 0 && track.bytes !== total) track.broken = 1;
  unitFinish(track, 0);
  return code;
}

/** Ends the AU in progress in front of another one. */
function endFragments(track: UnitTrack, flags: i32): void {
  if (track.open === UNIT_OPEN && track.whole !== 0 && (flags & FLAG_GAP) === 0) unitFinish(track, 0);
  else unitDrop(track);
}

/** An unsigned number of at most 32 bits. */
function bits(base: i32, from: i32, count: i32): i32 {
  let value = 0;
  for (let i = from; i < from + count; i++) {
    value = (value << 1) | ((get8(base + (i >> 3)) >> (7 - (i & 7))) & 1);
  }
  return value;
}
