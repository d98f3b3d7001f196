import { UnitTrack } from "./layout";

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
