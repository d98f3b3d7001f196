import { ERR_BUDGET, FLV_AC3, FLV_EVENT_FRAME, UNIT_KEY } from "../abi";
import {
  ac3Channels,
  ac3FrameSize,
  ac3SampleRate,
  mpaFrameSize,
  mpaSampleRate,
  mpaSamples,
} from "../units/frame-headers";
import { UnitTrack } from "../units/layout";
import { unitPut, unitStart } from "../units/log";
import { get8, put8 } from "../wire";
import {
  BODY_SKIPPED,
  FLV_SCRATCH_BYTES,
  FlvDemux,
  FlvMessage,
  FlvTrack,
  flvFormat,
  flvScratch,
} from "./layout";
import { flvFinishAudio } from "./times";

/** Bytes of a frame header that say how large the frame is, and what it is. */
const MPA_HEAD: i32 = 4;
const AC3_HEAD: i32 = 7;
const AC3_SAMPLES: i32 = 1536;

/** Frames of MPEG-1/2 Audio or AC-3, cut anywhere; each becomes a unit. Returns how many bytes were taken. */
export function flvAudioFrames(
  demux: FlvDemux,
  message: FlvMessage,
  track: FlvTrack,
  src: i32,
  size: i32,
): i32 {
  const head = flvScratch(message);
  const need = track.form === FLV_AC3 ? AC3_HEAD : MPA_HEAD;
  let at = 0;
  while (at < size) {
    if (message.open !== 0) {
      const n = min(size - at, message.frameLeft);
      unitPut(changetype<UnitTrack>(flvFormat(track).units), src + at, n);
      message.frameLeft -= n;
      at += n;
      if (message.frameLeft === 0) flvFinishAudio(demux, message, track, frameTicks(track, head));
    } else if (message.headFill < need) {
      put8(head + message.headFill, get8(src + at));
      message.headFill += 1;
      at += 1;
    } else {
      const bytes = frameSize(track, head, need + message.trackLeft - at);
      if (bytes <= need) {
        demux.malformed += 1;
        message.body = BODY_SKIPPED;
        return size;
      }
      if (flvFormat(track).units === 0 && track.rate === 0) return learn(demux, message, track, head, at);
      if (!begin(message, track, head, need)) return size;
      message.frameLeft = bytes - need;
    }
  }
  return at;
}

function frameSize(track: FlvTrack, head: i32, size: i32): i32 {
  return track.form === FLV_AC3 ? ac3FrameSize(head, size) : mpaFrameSize(head, size);
}

/** How long a frame lasts, ticks of the track. */
function frameTicks(track: FlvTrack, head: i32): f64 {
  const rate = changetype<UnitTrack>(flvFormat(track).units).clockRate;
  if (track.form === FLV_AC3) return ((AC3_SAMPLES as f64) * rate) / (ac3SampleRate(head) as f64);
  return ((mpaSamples(head) as f64) * rate) / (mpaSampleRate(head) as f64);
}

/** The owner has to know what the frames are before there can be units. */
function learn(demux: FlvDemux, message: FlvMessage, track: FlvTrack, head: i32, at: i32): i32 {
  track.rate = ac3SampleRate(head);
  track.channels = ac3Channels(get8(head + 6));
  demux.event = FLV_EVENT_FRAME;
  demux.eventTrack = message.index;
  return at;
}

function begin(message: FlvMessage, track: FlvTrack, head: i32, size: i32): bool {
  const units = changetype<UnitTrack>(flvFormat(track).units);
  if (flvFormat(track).units === 0 || unitStart(units) === ERR_BUDGET) {
    message.body = BODY_SKIPPED;
    return false;
  }
  message.open = 1;
  message.headFill = 0;
  units.flags |= UNIT_KEY;
  unitPut(units, head, size);
  return true;
}

/** Samples of 16 bits: little-endian ones become big-endian ones, as RTP has them. */
export function flvSwapped(message: FlvMessage, track: FlvTrack, src: i32, size: i32): void {
  const units = changetype<UnitTrack>(flvFormat(track).units);
  const scratch = flvScratch(message);
  let fill = 0;
  for (let i = 0; i < size; i++) {
    const byte = get8(src + i);
    if (message.carry < 0) {
      message.carry = byte;
      continue;
    }
    put8(scratch + fill, byte);
    put8(scratch + fill + 1, message.carry);
    message.carry = -1;
    fill += 2;
    if (fill < FLV_SCRATCH_BYTES) continue;
    unitPut(units, scratch, fill);
    fill = 0;
  }
  if (fill > 0) unitPut(units, scratch, fill);
  if (message.carry >= 0 && message.trackLeft === size) units.broken = 1;
}
