import { UNIT_KEY } from "../abi";
import { vp8 as isVp8Key, vp9 as isVp9Key, vp9Structure } from "../rtp/frames";
import { get8 } from "../wire";
import { unitSpoil } from "./faults";
import { UnitTrack } from "./layout";
import { unitPut } from "./log";

/** RFC 7741 §4.2: the payload behind the descriptor. */
export function vp8Packet(track: UnitTrack, payload: i32, size: i32): i32 {
  if (isVp8Key(payload, size)) track.flags |= UNIT_KEY;
  let at = 1;
  if ((get8(payload) & 0x80) !== 0) {
    if (size < 2) return unitSpoil(track);
    const extension = get8(payload + 1);
    at = 2;
    if ((extension & 0x80) !== 0) at += size > 2 && (get8(payload + 2) & 0x80) !== 0 ? 2 : 1;
    if ((extension & 0x40) !== 0) at += 1;
    if ((extension & 0x30) !== 0) at += 1;
  }
  return at >= size ? unitSpoil(track) : unitPut(track, payload + at, size - at);
}

/** RFC 9628 §4.2: the payload behind the descriptor. */
export function vp9Packet(track: UnitTrack, payload: i32, size: i32): i32 {
  if (isVp9Key(payload, size)) track.flags |= UNIT_KEY;
  const flags = get8(payload);
  let at = 1;
  if ((flags & 0x80) !== 0) at += size > 1 && (get8(payload + 1) & 0x80) !== 0 ? 2 : 1;
  if ((flags & 0x20) !== 0) at += (flags & 0x10) !== 0 ? 1 : 2;
  if ((flags & 0x50) === 0x50) {
    for (let i = 0; i < 3 && at < size; i++) {
      at += 1;
      if ((get8(payload + at - 1) & 1) === 0) break;
    }
  }
  if ((flags & 0x02) !== 0) at = vp9Structure(payload, size, at);
  return at >= size ? unitSpoil(track) : unitPut(track, payload + at, size - at);
}
