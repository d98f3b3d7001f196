import { ALIGN_MASK, FLV_CONFIG_MAX, FLV_TRACKS_MAX, FLV_VIDEO } from "../abi";
import { Timeline, TrackTimes } from "../timeline";
import {
  SAMPLE_FORMAT_KIND,
  SAMPLE_FORMAT_LENGTH_SIZE,
  SAMPLE_FORMAT_SETS,
  SAMPLE_FORMAT_SETS_SIZE,
  SAMPLE_FORMAT_SIZE,
  SAMPLE_FORMAT_UNITS,
  SAMPLE_SIZE,
  Sample,
  SampleFormat,
} from "../units/sample";

/**
 * Reads the bodies of audio and video messages of RTMP, which are those of FLV tags. A layout, never constructed; behind
 * it are a Timeline, the messages in progress, one of audio and one of video, and the tracks.
 */
export class FlvDemux {
  tracks!: i32;
  /** FLV_EVENT_* that stopped the last call, 0 without one, and the number of the track that it is about. */
  event!: i32;
  eventTrack!: i32;
  /** Messages that end within a header, or are wrong otherwise; packets of unknown types, which are ignored. */
  malformed!: i32;
  ignored!: i32;
}

/** A message in progress; behind it are a Sample, a scratch, and the sequence header in progress. */
export class FlvMessage {
  /** FLV_AUDIO, FLV_VIDEO */
  kind!: i32;
  /** Bytes of the message and of the track in it that have not come. */
  left!: i32;
  trackLeft!: i32;
  /** FIELD_*: what comes next; bytes of it that have not come, and those that have as a number. */
  field!: i32;
  fieldLeft!: i32;
  value!: u32;
  /** MULTITRACK_* */
  multitrack!: i32;
  packetType!: i32;
  frameType!: i32;
  /** Number of the track. */
  id!: i32;
  /** Codec id or FourCC, with the flags of a legacy audio header where they matter. */
  codec!: u32;
  /** Bytes of the extension in progress, and what its first three may say. */
  extension!: i32;
  extended!: u32;
  /** Timestamp offset, ns. */
  nano!: u32;
  /** Address of the track, 0: its bytes are skipped; which one it is. */
  track!: i32;
  index!: i32;
  /** BODY_* */
  body!: i32;
  /** Bytes of the sequence header so far. */
  config!: i32;
  /** Whether a unit has been started; bytes of a frame header so far, and of the frame that are still to come. */
  open!: i32;
  headFill!: i32;
  frameLeft!: i32;
  /** First byte of a sample of two; -1 without one. */
  carry!: i32;
  /** Units of the message so far. */
  units!: i32;
  /** Composition time, ms. */
  composition!: i32;
  /** Timestamp, ms, 32 bits; and what it is on the timeline, offset included. */
  timestamp!: f64;
  time!: f64;
}

/** A track; behind it are its times (TrackTimes) and its SampleFormat. */
export class FlvTrack {
  /** FLV_AUDIO, FLV_VIDEO */
  kind!: i32;
  /** Its number in multitrack messages. */
  id!: i32;
  /** As in FlvMessage. */
  codec!: u32;
  /** FLV_SAMPLE and so on; 0: the codec is not supported, or nobody wants the track. */
  form!: i32;
  /** Whether frames without a sequence header in front are dropped, and how many were. */
  needsConfig!: i32;
  early!: i32;
  /** CRC and bytes of the last sequence header. */
  configCheck!: u32;
  configSize!: i32;
  /** Messages with another codec. */
  changed!: i32;
  /** Units so far. */
  frames!: i32;
  /** Of the first frame header: sample rate and channels. */
  rate!: i32;
  channels!: i32;
  /** Bytes of one sample of all channels. */
  sampleBytes!: i32;
  /** Whether there was a unit, its decoding time in ticks, and when the next one is due if that is known. */
  started!: i32;
  lastDts!: f64;
  due!: f64;
  /** Ticks of a frame; 0 if unknown. */
  frameTicks!: f64;
  /** How far decoding is moved ahead of the timestamps: presentation was before them, ms. */
  lag!: f64;
}

/** Bytes of a frame header, or of swapped samples. */
const SCRATCH_MAX = 64;
const TIMELINE: i32 = (offsetof<FlvDemux>() + ALIGN_MASK) & ~ALIGN_MASK;
const MESSAGES: i32 = (TIMELINE + offsetof<Timeline>() + ALIGN_MASK) & ~ALIGN_MASK;
const MESSAGE_SAMPLE: i32 = (offsetof<FlvMessage>() + ALIGN_MASK) & ~ALIGN_MASK;
const MESSAGE_SCRATCH: i32 = MESSAGE_SAMPLE + SAMPLE_SIZE;
const MESSAGE_CONFIG: i32 = MESSAGE_SCRATCH + SCRATCH_MAX;
const MESSAGE_STRIDE: i32 = MESSAGE_CONFIG + FLV_CONFIG_MAX;
const TRACK_TIMES: i32 = (offsetof<FlvTrack>() + ALIGN_MASK) & ~ALIGN_MASK;
const TRACK_FORMAT: i32 = (TRACK_TIMES + offsetof<TrackTimes>() + ALIGN_MASK) & ~ALIGN_MASK;

export const FLV_SCRATCH_BYTES: i32 = SCRATCH_MAX;
const VIDEO_MESSAGE: i32 = MESSAGES + MESSAGE_STRIDE;
export const FLV_TRACKS: i32 = VIDEO_MESSAGE + MESSAGE_STRIDE;
export const FLV_TRACK_STRIDE: i32 = TRACK_FORMAT + SAMPLE_FORMAT_SIZE;
export const FLV_DEMUX_SIZE: i32 = FLV_TRACKS + FLV_TRACKS_MAX * FLV_TRACK_STRIDE;
export const FLV_TRACK_COUNT: i32 = offsetof<FlvDemux>("tracks");
export const FLV_EVENT: i32 = offsetof<FlvDemux>("event");
export const FLV_EVENT_NUMBER: i32 = offsetof<FlvDemux>("eventTrack");
export const FLV_MALFORMED: i32 = offsetof<FlvDemux>("malformed");
export const FLV_IGNORED: i32 = offsetof<FlvDemux>("ignored");
export const FLV_JUMPS: i32 = TIMELINE + offsetof<Timeline>("jumps");
export const FLV_LATEST: i32 = TIMELINE + offsetof<Timeline>("latest");
export const FLV_TRACK_KIND: i32 = offsetof<FlvTrack>("kind");
export const FLV_TRACK_ID: i32 = offsetof<FlvTrack>("id");
export const FLV_TRACK_CODEC: i32 = offsetof<FlvTrack>("codec");
export const FLV_TRACK_FORM: i32 = offsetof<FlvTrack>("form");
export const FLV_TRACK_NEEDS_CONFIG: i32 = offsetof<FlvTrack>("needsConfig");
export const FLV_TRACK_EARLY: i32 = offsetof<FlvTrack>("early");
export const FLV_TRACK_CONFIG_SIZE: i32 = offsetof<FlvTrack>("configSize");
export const FLV_TRACK_CHANGED: i32 = offsetof<FlvTrack>("changed");
export const FLV_TRACK_FRAMES: i32 = offsetof<FlvTrack>("frames");
export const FLV_TRACK_RATE: i32 = offsetof<FlvTrack>("rate");
export const FLV_TRACK_CHANNELS: i32 = offsetof<FlvTrack>("channels");
export const FLV_TRACK_SAMPLE_BYTES: i32 = offsetof<FlvTrack>("sampleBytes");
export const FLV_TRACK_FRAME_TICKS: i32 = offsetof<FlvTrack>("frameTicks");
export const FLV_TRACK_UNITS: i32 = TRACK_FORMAT + SAMPLE_FORMAT_UNITS;
export const FLV_TRACK_SAMPLE: i32 = TRACK_FORMAT + SAMPLE_FORMAT_KIND;
export const FLV_TRACK_LENGTH_SIZE: i32 = TRACK_FORMAT + SAMPLE_FORMAT_LENGTH_SIZE;
export const FLV_TRACK_SETS: i32 = TRACK_FORMAT + SAMPLE_FORMAT_SETS;
export const FLV_TRACK_SETS_SIZE: i32 = TRACK_FORMAT + SAMPLE_FORMAT_SETS_SIZE;

/** What comes next of a message: nothing that matters, fields of headers, the packet of a track, its body. */
export const FIELD_NONE: i32 = 0;
export const FIELD_FIRST: i32 = 1;
export const FIELD_EXTENSION_SIZE: i32 = 2;
export const FIELD_EXTENSION_SIZE_16: i32 = 3;
export const FIELD_EXTENSION: i32 = 4;
export const FIELD_EXTENSION_REST: i32 = 5;
export const FIELD_EXTENSION_TYPE: i32 = 6;
export const FIELD_MULTITRACK: i32 = 7;
export const FIELD_FOURCC: i32 = 8;
export const FIELD_TRACK: i32 = 9;
export const FIELD_TRACK_SIZE: i32 = 10;
/** Packet type and composition time of the legacy form; packet type of AAC. */
export const FIELD_AVC: i32 = 11;
export const FIELD_AAC: i32 = 12;
export const FIELD_PACKET: i32 = 13;
export const FIELD_COMPOSITION: i32 = 14;
export const FIELD_BODY: i32 = 15;

/** Layouts of messages with more than one track; -1: a message of one track that has no number. */
export const MULTITRACK_NONE: i32 = -1;
export const MULTITRACK_ONE: i32 = 0;
export const MULTITRACK_CODEC: i32 = 1;
export const MULTITRACK_CODECS: i32 = 2;

export const BODY_SKIPPED: i32 = 0;
export const BODY_CONFIG: i32 = 1;
export const BODY_FRAMES: i32 = 2;

export function flvMessage(demux: FlvDemux, kind: i32): FlvMessage {
  return changetype<FlvMessage>(changetype<i32>(demux) + (kind === FLV_VIDEO ? VIDEO_MESSAGE : MESSAGES));
}

export function flvTrackAt(demux: FlvDemux, i: i32): FlvTrack {
  return changetype<FlvTrack>(changetype<i32>(demux) + FLV_TRACKS + i * FLV_TRACK_STRIDE);
}

/** What the times of all tracks have in common, ms. */
export function flvTimeline(demux: FlvDemux): Timeline {
  return changetype<Timeline>(changetype<i32>(demux) + TIMELINE);
}

export function flvTimes(track: FlvTrack): TrackTimes {
  return changetype<TrackTimes>(changetype<i32>(track) + TRACK_TIMES);
}

export function flvFormat(track: FlvTrack): SampleFormat {
  return changetype<SampleFormat>(changetype<i32>(track) + TRACK_FORMAT);
}

export function flvSample(message: FlvMessage): Sample {
  return changetype<Sample>(changetype<i32>(message) + MESSAGE_SAMPLE);
}

/** Address of the scratch of a message. */
export function flvScratch(message: FlvMessage): i32 {
  return changetype<i32>(message) + MESSAGE_SCRATCH;
}

/** Address of its sequence header. */
export function flvConfig(message: FlvMessage): i32 {
  return changetype<i32>(message) + MESSAGE_CONFIG;
}

/** Address of the last sequence header of a kind. */
export function flvConfigOf(address: i32, kind: i32): i32 {
  return flvConfig(flvMessage(changetype<FlvDemux>(address), kind));
}

/** The next field of a message, and its bytes. */
export function flvExpect(message: FlvMessage, field: i32, bytes: i32): void {
  message.field = field;
  message.fieldLeft = bytes;
  message.value = 0;
}
