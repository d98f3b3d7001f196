import { ERR_BUDGET, FLAG_GAP, UNIT_KEY } from "../abi";
import { get8, get16 } from "../wire";
import { unitMalformed } from "./faults";
import { ac3FrameSize, ac3SampleRate, mpaFrameSize, mpaSampleRate, mpaSamples } from "./frame-headers";
import { UNIT_NONE, UnitTrack } from "./layout";
import { unitBegin, unitDrop, unitFinish, unitPut } from "./log";

const MPA_HEAD = 4;
const AC3_HEAD = 2;
const AC3_SAMPLES: f64 = 1536;

/** MPEG-1/2 Audio (RFC 2250 §3.5): whole frames, or a fragment of one with its offset. */
export function mpaFrames(
  track: UnitTrack,
  payload: i32,
  size: i32,
  time: u32,
  arrival: i32,
  flags: i32,
): i32 {
  if (size <= MPA_HEAD) return unitMalformed(track);
  const offset = get16(payload + 2);
  if (offset !== 0) return mpaFragment(track, payload, size, offset, flags);
  unitDrop(track);
  let ticks: f64 = 0;
  for (let at = MPA_HEAD; at < size; ) {
    const frame = payload + at;
    const length = mpaFrameSize(frame, size - at);
    if (length === 0) return unitMalformed(track);
    if (unitBegin(track, time, arrival) !== 0) return ERR_BUDGET;
    track.flags |= UNIT_KEY;
    const code = unitPut(track, frame, min(length, size - at));
    if (at + length > size) {
      // the rest follows in other packets; after other frames there cannot be a fragment
      track.lengthBytes = length;
      if (at !== MPA_HEAD) unitDrop(track);
      return code;
    }
    unitFinish(track, Math.floor(ticks) as i32);
    if (code === ERR_BUDGET) return code;
    ticks += ((mpaSamples(frame) as f64) * track.clockRate) / (mpaSampleRate(frame) as f64);
    at += length;
  }
  return 0;
}

/** The next fragment of the frame in progress, whose size is known from its header. */
function mpaFragment(track: UnitTrack, payload: i32, size: i32, offset: i32, flags: i32): i32 {
  if (track.open === UNIT_NONE) return 0;
  if ((flags & FLAG_GAP) !== 0 || offset !== track.bytes) track.broken = 1;
  const code = unitPut(track, payload + MPA_HEAD, size - MPA_HEAD);
  if (track.bytes > track.lengthBytes) track.broken = 1;
  if (track.bytes >= track.lengthBytes || track.broken !== 0) unitFinish(track, 0);
  return code;
}

/** AC-3 (RFC 4184 §4): whole frames, or a fragment of one; the marker is on the last. */
export function ac3Frames(
  track: UnitTrack,
  payload: i32,
  size: i32,
  time: u32,
  arrival: i32,
  flags: i32,
  marker: bool,
): i32 {
  if (size <= AC3_HEAD) return unitMalformed(track);
  const type = get8(payload) & 3;
  if (type === 3) {
    if (track.open === UNIT_NONE) return 0;
    if ((flags & FLAG_GAP) !== 0 || track.lastTime !== time) track.broken = 1;
  } else {
    unitDrop(track);
    if (type === 0 && get8(payload + 1) > 1) return ac3Several(track, payload, size, time, arrival);
    if (unitBegin(track, time, arrival) !== 0) return ERR_BUDGET;
    track.flags |= UNIT_KEY;
  }
  const code = unitPut(track, payload + AC3_HEAD, size - AC3_HEAD);
  if (type === 0 || marker || track.broken !== 0) unitFinish(track, 0);
  return code;
}

/** Several frames in one packet. */
function ac3Several(track: UnitTrack, payload: i32, size: i32, time: u32, arrival: i32): i32 {
  let ticks: f64 = 0;
  for (let at = AC3_HEAD; at < size; ) {
    const frame = payload + at;
    const length = ac3FrameSize(frame, size - at);
    if (length === 0 || at + length > size) return unitMalformed(track);
    if (unitBegin(track, time, arrival) !== 0) return ERR_BUDGET;
    track.flags |= UNIT_KEY;
    const code = unitPut(track, frame, length);
    unitFinish(track, Math.floor(ticks) as i32);
    if (code === ERR_BUDGET) return code;
    ticks += (AC3_SAMPLES * track.clockRate) / (ac3SampleRate(frame) as f64);
    at += length;
  }
  return 0;
}
