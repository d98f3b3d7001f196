import { ALIGN_MASK, HEAD_MAX, PARAM_MAX, PAYLOAD_TYPES_MAX } from "./abi";
import { LOG_TRACKS } from "./log";

/**
 * What the core knows of one track of a stream. A layout, never constructed; in front of it lies a byte for
 * each payload type, its kind (KIND_*).
 */
export class Track {
  /** 1 when its frames may span packets. */
  video!: i32;
  /** The SSRC that readers see, that of its first packet, and whether it is known. */
  ssrc!: u32;
  started!: i32;
  /** The SSRC of the publisher. */
  source!: u32;
  /** Another SSRC, and its packets since the last one of the publisher. */
  rival!: u32;
  rivalRun!: i32;
  /** Added to RTP times, so that they go on where the SSRC has changed. */
  timeOffset!: u32;
  /** Last sequence number received, and the offset added to those sent. */
  lastSeq!: i32;
  seqOffset!: i32;
  lastTime!: u32;
  /** Random access points seen, and the first packet of the last one. */
  rapCount!: i32;
  rapSeq!: i32;
  rapAddress!: i32;
  /** The frame in progress: its first packet, its time, its bytes; and the frame before. */
  frameOpen!: i32;
  frameSeq!: i32;
  frameAddress!: i32;
  previousSeq!: i32;
  frameTime!: u32;
  frameBytes!: i32;
  frames!: i32;
  keyFrames!: i32;
  /** `frames` at the last random access point, how many came from the one before to it, and bytes at TRACK_HEAD. */
  rapFrames!: i32;
  gopFrames!: i32;
  headSize!: i32;
  /** Parameter sets: a slot with the newest of each, bits of those known and needed, and how often they changed. */
  params!: i32;
  paramsKnown!: i32;
  paramsNeeded!: i32;
  paramsVersion!: i32;
  /** Slot of the NAL unit that is looked through fragment by fragment (`NalScan`); 0 without one. */
  scan!: i32;
  /** Slot of fragments of an AU whose size is not known yet (`HeldFragments`); 0 without any. */
  held!: i32;
  /** 1 once it is known that the sender sets no markers: what looks like a fragment is a whole AU. */
  unmarked!: i32;
  /** 1 once a packet was too large: from then on the server assigns sequence numbers. */
  refragment!: i32;
  /** Last sender report: NTP seconds and fraction, RTP time. */
  reportSeconds!: u32;
  reportFraction!: u32;
  reportTime!: u32;
  reports!: i32;
  /** RTP time at `anchorArrival`, by the earliest arrivals. */
  anchorTime!: u32;
  clockRate!: f64;
  anchorArrival!: f64;
  reportArrival!: f64;
  lastArrival!: f64;
  rapArrival!: f64;
  /** Packets, their bytes (headers included), their payload bytes, packets lost. */
  packets!: f64;
  bytes!: f64;
  octets!: f64;
  lost!: f64;
}

/** A parameter set in the slot of a track, by bit: how many bytes it has; these follow. */
class ParamSet {
  size!: i32;
}

export const TRACK_KINDS: i32 = PAYLOAD_TYPES_MAX;
/** After the track: first bytes of the payload that identified the last random access point, at most HEAD_MAX. */
export const TRACK_HEAD: i32 = TRACK_KINDS + offsetof<Track>();
export const TRACK_STRIDE: i32 = (TRACK_HEAD + HEAD_MAX + ALIGN_MASK) & ~ALIGN_MASK;
/** Parameter sets in their slot: bytes of each, and where its own begin. */
export const PARAM_SET_DATA: i32 = offsetof<ParamSet>();
export const PARAM_SET_STRIDE: i32 = PARAM_SET_DATA + PARAM_MAX;

export const TRACK_SSRC: i32 = TRACK_KINDS + offsetof<Track>("ssrc");
export const TRACK_SOURCE: i32 = TRACK_KINDS + offsetof<Track>("source");
export const TRACK_STARTED: i32 = TRACK_KINDS + offsetof<Track>("started");
export const TRACK_LAST_SEQ: i32 = TRACK_KINDS + offsetof<Track>("lastSeq");
export const TRACK_SEQ_OFFSET: i32 = TRACK_KINDS + offsetof<Track>("seqOffset");
export const TRACK_LAST_TIME: i32 = TRACK_KINDS + offsetof<Track>("lastTime");
export const TRACK_RAP_COUNT: i32 = TRACK_KINDS + offsetof<Track>("rapCount");
export const TRACK_RAP_SEQ: i32 = TRACK_KINDS + offsetof<Track>("rapSeq");
export const TRACK_RAP_ARRIVAL: i32 = TRACK_KINDS + offsetof<Track>("rapArrival");
export const TRACK_FRAMES: i32 = TRACK_KINDS + offsetof<Track>("frames");
export const TRACK_GOP_FRAMES: i32 = TRACK_KINDS + offsetof<Track>("gopFrames");
export const TRACK_HEAD_SIZE: i32 = TRACK_KINDS + offsetof<Track>("headSize");
export const TRACK_FRAME_OPEN: i32 = TRACK_KINDS + offsetof<Track>("frameOpen");
export const TRACK_FRAME_TIME: i32 = TRACK_KINDS + offsetof<Track>("frameTime");
export const TRACK_PARAMS: i32 = TRACK_KINDS + offsetof<Track>("params");
export const TRACK_PARAMS_KNOWN: i32 = TRACK_KINDS + offsetof<Track>("paramsKnown");
export const TRACK_PARAMS_NEEDED: i32 = TRACK_KINDS + offsetof<Track>("paramsNeeded");
export const TRACK_PARAMS_VERSION: i32 = TRACK_KINDS + offsetof<Track>("paramsVersion");
export const TRACK_REPORT_SECONDS: i32 = TRACK_KINDS + offsetof<Track>("reportSeconds");
export const TRACK_REPORT_FRACTION: i32 = TRACK_KINDS + offsetof<Track>("reportFraction");
export const TRACK_REPORT_TIME: i32 = TRACK_KINDS + offsetof<Track>("reportTime");
export const TRACK_REPORTS: i32 = TRACK_KINDS + offsetof<Track>("reports");
export const TRACK_ANCHOR_TIME: i32 = TRACK_KINDS + offsetof<Track>("anchorTime");
export const TRACK_CLOCK_RATE: i32 = TRACK_KINDS + offsetof<Track>("clockRate");
export const TRACK_ANCHOR_ARRIVAL: i32 = TRACK_KINDS + offsetof<Track>("anchorArrival");
export const TRACK_REPORT_ARRIVAL: i32 = TRACK_KINDS + offsetof<Track>("reportArrival");
export const TRACK_LAST_ARRIVAL: i32 = TRACK_KINDS + offsetof<Track>("lastArrival");
export const TRACK_PACKETS: i32 = TRACK_KINDS + offsetof<Track>("packets");
export const TRACK_BYTES: i32 = TRACK_KINDS + offsetof<Track>("bytes");
export const TRACK_OCTETS: i32 = TRACK_KINDS + offsetof<Track>("octets");
export const TRACK_LOST: i32 = TRACK_KINDS + offsetof<Track>("lost");

/** Address of the kinds of track `i`. */
export function trackKinds(log: i32, i: i32): i32 {
  return log + LOG_TRACKS + i * TRACK_STRIDE;
}

export function trackAt(log: i32, i: i32): Track {
  return changetype<Track>(trackKinds(log, i) + TRACK_KINDS);
}

/**
 * Whether packet `seq` starts the frame in progress of a track, and it is not known yet whether that frame is a random
 * access point.
 */
export function trackOpenFrame(log: i32, i: i32, seq: i32): bool {
  const track = trackAt(log, i);
  if (track.frameOpen === 0 || track.frameSeq !== seq) return false;
  return track.rapCount === 0 || track.rapSeq !== seq;
}
