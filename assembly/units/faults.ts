import { UnitTrack } from "./layout";
import { unitFinish } from "./log";

/** Counts a packet that made no sense; the unit in progress is not touched. */
export function unitMalformed(track: UnitTrack): i32 {
  track.malformed += 1;
  return 0;
}

/** Counts a packet that made no sense, with which the unit in progress is lost. */
export function unitSpoil(track: UnitTrack): i32 {
  track.malformed += 1;
  track.broken = 1;
  return 0;
}

/** Drops the unit in progress, whose end never came. */
export function unitAbandon(track: UnitTrack): void {
  if (track.open === 0) return;
  track.broken = 1;
  unitFinish(track, 0);
}
