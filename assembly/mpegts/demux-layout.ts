import {
  ALIGN_MASK,
  PARAM_MAX,
  TS_PARAMS_MAX,
  TS_PIDS_MAX,
  TS_SECTION_MAX,
  TS_SECTIONS_MAX,
  TS_TARGETS_MAX,
} from "../abi";
import { Timeline, TrackTimes } from "../timeline";
import { UNIT_TRACK_SIZE } from "../units/layout";

/**
 * A transport stream demuxer (ISO/IEC 13818-1 §2.4). A layout, never constructed; behind it are a Timeline, an index of
 * one byte for each PID (TS_PIDS) and the addresses of the contexts by index (TS_TARGETS): 0 is
 * nothing, others are a TsSection or a TsStream.
 */
export class TsDemux {
  /** Whether the last packet ended where one should begin. */
  synced!: i32;
  /** Sync losses, and packets demuxed. */
  syncLosses!: i32;
  packets!: i32;
  /** Continuity counter errors; duplicate, scrambled and malformed packets. */
  continuityErrors!: i32;
  duplicates!: i32;
  scrambled!: i32;
  malformed!: i32;
  /** TS_EVENT_*. */
  events!: i32;
  /** The rest of the packet in which a call has stopped: address, bytes, stream. */
  rest!: i32;
  restSize!: i32;
  restStream!: i32;
}

/** What all that a packet identifier stands for begins with. */
export class TsTarget {
  /** 0 for tables, else what a stream carries: TS_H264 and so on. */
  kind!: i32;
  /** Continuity counter of the last packet, -1 when there was none. */
  counter!: i32;
  /** The last bytes of the last packet, to tell one that comes twice. */
  mark!: u64;
}

/** A table of program information in sections (§2.4.4). The section in progress and those that are done lie behind it. */
export class TsSection {
  kind!: i32;
  counter!: i32;
  mark!: u64;
  /** Bytes of the section in progress; -1 without one. */
  fill!: i32;
  /** Bytes of sections that are done, for the façade to take. */
  done!: i32;
  /** Whether a section equal to the last one is skipped, and its CRC. */
  quiet!: i32;
  check!: u32;
}

export const TS_SECTION_DATA: i32 = offsetof<TsSection>();
export const TS_SECTION_DONE: i32 = TS_SECTION_DATA + TS_SECTION_MAX;
export const TS_SECTION_SIZE: i32 = TS_SECTION_DONE + TS_SECTIONS_MAX;

/** An elementary stream. Its times (TrackTimes) and its scratch lie behind it. */
export class TsStream {
  kind!: i32;
  counter!: i32;
  mark!: u64;
  /** The unit track of the stream; 0 while its clock rate is unknown. */
  units!: i32;
  /** Whether its parameters are known, and whether they have changed since. */
  ready!: i32;
  changed!: i32;
  /** Whether data was lost: everything before the next PES packet is ignored. */
  lost!: i32;

  /** The PES packet in progress: whether there is one, bytes of its header so far, bytes left (-1: up to the next). */
  inPes!: i32;
  headerFill!: i32;
  left!: i32;
  /** Whether its time has not been used yet; the times, 90 kHz without wraps. */
  hasTime!: i32;
  pts!: f64;
  dts!: f64;
  /** Whether it has ever said decoding times. */
  hasDts!: i32;

  /** Between start codes: 0 nothing, 1 the beginning of a NAL unit, 2 what is kept of it, 3 what is not. */
  state!: i32;
  /** Zeros that may belong to a start code; bytes of the NAL unit. */
  zeros!: i32;
  nalSize!: i32;
  /** The parameter set in progress: number, or -1. */
  param!: i32;
  /** Of the access unit: whether it has slices, and whether it has a time. */
  hasSlices!: i32;
  /** Its parameter sets: bits PARAM_*. */
  hasSets!: i32;
  unitTimed!: i32;
  unitPts!: f64;
  unitDts!: f64;
  /** Whether a PES packet has begun since the last slice; PES packets of one access unit in a row; a unit in several. */
  pesBegun!: i32;
  alone!: i32;
  splits!: i32;
  /** Number of the picture in progress (MPEG-1/2 Video). */
  picture!: i32;
  /** Whether there was a unit, and its times. */
  published!: i32;
  lastPts!: f64;
  lastDts!: f64;
  /** Ticks of a frame; the last time that was said, and units since. */
  frameTicks!: f64;
  saidDts!: f64;
  sinceSaid!: i32;

  /** The header of the frame in progress, and bytes of the frame that are still to come. */
  headFill!: i32;
  frameLeft!: i32;
  /** Whether the frame has a unit; whether it waits for the header of the next one. */
  framing!: i32;
  held!: i32;
  /** Whether the last frame ended where this one begins; whether the present byte is the first of a PES packet. */
  locked!: i32;
  atStart!: i32;
  /** Whether the header in progress began there. */
  headStart!: i32;
  /** Whether the header in progress began before this PES packet. */
  early!: i32;
  /** Whether the frame in progress has the time `unitPts`. */
  claimed!: i32;
  /** From a header: bytes not part of the unit, bytes of the frame, samples, parameters that must not change. */
  headSkip!: i32;
  frameSize!: i32;
  frameSamples!: i32;
  key!: i32;
  /** Parameters of the stream: key, sample rate, channels, AudioSpecificConfig. */
  known!: i32;
  asked!: i32;
  rate!: i32;
  channels!: i32;
  config!: i32;
  /** The key of a possible false header, and consecutive headers with another key. */
  candidate!: i32;
  mismatches!: i32;
  /** The time that samples are counted from, ticks of its clock, and how many there were. */
  base!: f64;
  samples!: f64;
  frameTime!: f64;

  /** Parameter sets: bytes of SPS, PPS, VPS, and how often any has changed. */
  sps!: i32;
  pps!: i32;
  vps!: i32;
  paramsVersion!: i32;
}

/** Bytes of a PES header, and bytes parsed of a NAL unit or frame. */
const PES_HEADER_MAX = 288;
export const TS_HEAD_MAX = 96;
/** Bytes of a frame of LATM. */
const SCRATCH_MAX = 8448;

/** Scratch of a stream: the header of a PES packet, the first bytes of a NAL unit or frame, parameter sets. */
const TS_STREAM_TIMES: i32 = (offsetof<TsStream>() + ALIGN_MASK) & ~ALIGN_MASK;
export const TS_STREAM_HEADER: i32 = TS_STREAM_TIMES + offsetof<TrackTimes>();
export const TS_STREAM_HEAD: i32 = TS_STREAM_HEADER + PES_HEADER_MAX;
export const TS_STREAM_PARAMS: i32 = TS_STREAM_HEAD + TS_HEAD_MAX;
/** The one in progress lies behind the others; so does a frame of LATM, and behind it what its configuration says. */
export const TS_STREAM_SCRATCH: i32 = TS_STREAM_PARAMS + TS_PARAMS_MAX * PARAM_MAX;
export const TS_STREAM_LATM: i32 = (TS_STREAM_SCRATCH + SCRATCH_MAX + ALIGN_MASK) & ~ALIGN_MASK;
export const TS_STREAM_SIZE: i32 = TS_STREAM_LATM + UNIT_TRACK_SIZE;

const TS_TIMELINE: i32 = (offsetof<TsDemux>() + ALIGN_MASK) & ~ALIGN_MASK;
export const TS_PIDS: i32 = TS_TIMELINE + offsetof<Timeline>();
export const TS_TARGETS: i32 = (TS_PIDS + TS_PIDS_MAX + ALIGN_MASK) & ~ALIGN_MASK;
export const TS_DEMUX_SIZE: i32 = TS_TARGETS + TS_TARGETS_MAX * sizeof<i32>();
export const TS_DEMUX_SYNC_LOSSES: i32 = offsetof<TsDemux>("syncLosses");
export const TS_DEMUX_PACKETS: i32 = offsetof<TsDemux>("packets");
export const TS_DEMUX_CONTINUITY: i32 = offsetof<TsDemux>("continuityErrors");
export const TS_DEMUX_DUPLICATES: i32 = offsetof<TsDemux>("duplicates");
export const TS_DEMUX_SCRAMBLED: i32 = offsetof<TsDemux>("scrambled");
export const TS_DEMUX_MALFORMED: i32 = offsetof<TsDemux>("malformed");
export const TS_DEMUX_JUMPS: i32 = TS_TIMELINE + offsetof<Timeline>("jumps");
export const TS_DEMUX_EVENTS: i32 = offsetof<TsDemux>("events");
export const TS_DEMUX_LATEST: i32 = TS_TIMELINE + offsetof<Timeline>("latest");

export const TS_SECTION_DONE_BYTES: i32 = offsetof<TsSection>("done");
export const TS_SECTION_QUIET: i32 = offsetof<TsSection>("quiet");
export const TS_STREAM_UNITS: i32 = offsetof<TsStream>("units");
export const TS_STREAM_READY: i32 = offsetof<TsStream>("ready");
export const TS_STREAM_CHANGED: i32 = offsetof<TsStream>("changed");
export const TS_STREAM_ASKED: i32 = offsetof<TsStream>("asked");
export const TS_STREAM_RATE: i32 = offsetof<TsStream>("rate");
export const TS_STREAM_CHANNELS: i32 = offsetof<TsStream>("channels");
export const TS_STREAM_CONFIG: i32 = offsetof<TsStream>("config");
export const TS_STREAM_SPS: i32 = offsetof<TsStream>("sps");
export const TS_STREAM_PPS: i32 = offsetof<TsStream>("pps");
export const TS_STREAM_VPS: i32 = offsetof<TsStream>("vps");

/** Address of the context number `index` of TS_TARGETS; 0 if there is none. */
export function tsTarget(demux: i32, index: i32): i32 {
  return load<i32>(demux + TS_TARGETS + index * sizeof<i32>());
}

/** What the times of all streams have in common, 90 kHz. */
export function tsTimeline(demux: TsDemux): Timeline {
  return changetype<Timeline>(changetype<i32>(demux) + TS_TIMELINE);
}

export function tsTimes(stream: TsStream): TrackTimes {
  return changetype<TrackTimes>(changetype<i32>(stream) + TS_STREAM_TIMES);
}
