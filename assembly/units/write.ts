import { UNIT_END, UNIT_KEY, UNIT_START } from "../abi";
import { UnitTrack } from "./layout";
import { unitFinishAt, unitPut, unitStart } from "./log";

/**
 * Adds `size` bytes to the unit in progress of a log.
 *
 * @param flags UNIT_START: they begin a unit; UNIT_END: they end it; UNIT_KEY: it is a random access point
 * @param pts presentation time, ticks of the track without wraps; looked at with UNIT_END
 * @param dts decoding time, likewise
 * @returns 0; ERR_BUDGET or ERR_FRAME when the unit is lost, as there is no memory for it or it is too large
 */
export function unitWrite(address: i32, src: i32, size: i32, flags: i32, pts: f64, dts: f64): i32 {
  const track = changetype<UnitTrack>(address);
  if ((flags & UNIT_START) !== 0) {
    const code = unitStart(track);
    if (code !== 0) return code;
  }
  track.flags |= flags & UNIT_KEY;
  const code = unitPut(track, src, size);
  if ((flags & UNIT_END) !== 0) unitFinishAt(track, pts, dts);
  return code;
}
