import { UnitTrack } from "./layout";

/** Counts a malformed packet; the unit in progress is kept. */
export function unitMalformed(track: UnitTrack): i32 {
  track.malformed += 1;
  return 0;
}

/** Counts a malformed packet; the unit in progress is dropped. */
export function unitSpoil(track: UnitTrack): i32 {
  track.malformed += 1;
  track.broken = 1;
  return 0;
}
