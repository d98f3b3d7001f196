import { ALIGN_MASK, MP4_RUNS_MAX, MP4_TRACKS_MAX } from "../abi";
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

/** Reads segments of fragmented files as their bytes come. A layout, never constructed. */
export class Mp4Reader {
  /** STATE_* */
  state!: i32;
  /** MP4_ERROR_*, and the number that it is about. */
  error!: i32;
  detail!: i32;
  /** Bytes of the header of the box in progress, and of the fragment in progress that have come; size of the latter. */
  header!: i32;
  moof!: i32;
  moofSize!: i32;
  tracks!: i32;
  /** Runs of samples of the present fragment in the order of their bytes; the one in progress. */
  runs!: i32;
  run!: i32;
  /** The sample in progress: its number in the run. */
  sample!: i32;
  /** Whether it is open, and whether its bytes are left out. */
  open!: i32;
  skipped!: i32;
  /** Samples demuxed; samples whose bytes were missing. */
  samples!: i32;
  missing!: i32;
  /** File positions of the next byte, of the end of the box in progress, of the present fragment. */
  position!: f64;
  boxEnd!: f64;
  moofStart!: f64;
  /** Decoding time of the first sample of the present fragment and of what follows the last one, s. */
  first!: f64;
  end!: f64;
  /** What is added to all times, s. */
  shift!: f64;
  /** Times of the sample in progress, ticks of the units. */
  pts!: f64;
  dts!: f64;
}

/** What is known of a track; a SampleFormat follows. */
export class Mp4Track {
  id!: i32;
  /** Of samples that do not say it (`trex`). */
  duration!: u32;
  size!: u32;
  sampleFlags!: u32;
  /** Whether `last` is known. */
  started!: i32;
  /** Ticks a second in the file, and of the units. */
  scale!: f64;
  rate!: f64;
  /** Ticks of the file that are added to all times (edit list). */
  offset!: f64;
  /** Decoding time of the last sample, ticks of the units. */
  last!: f64;
  /** Decoding time of a fragment without its own, ticks of the file. */
  next!: i64;
}

/** Samples whose bytes are in one place. */
export class Mp4Run {
  /** Address of its track. */
  track!: i32;
  /** Address of the fields of its first sample, bytes of those of one sample, and which there are. */
  entries!: i32;
  stride!: i32;
  fields!: i32;
  count!: i32;
  duration!: u32;
  size!: u32;
  sampleFlags!: u32;
  firstFlags!: u32;
  reserved!: i32;
  /** Place in the file of the next sample. */
  offset!: f64;
  /** Decoding time of the next sample, ticks of the file. */
  dts!: i64;
}

export const STATE_HEADER: i32 = 0;
export const STATE_MOOF: i32 = 1;
export const STATE_MDAT: i32 = 2;
export const STATE_SKIP: i32 = 3;

/** Bytes of the header of a box. */
const HEADER_MAX = 16;

/** Where what belongs to a reader lies, from its address. */
export const MP4_HEADER: i32 = offsetof<Mp4Reader>();
const MP4_SAMPLE: i32 = (MP4_HEADER + HEADER_MAX + ALIGN_MASK) & ~ALIGN_MASK;
export const MP4_TRACKS: i32 = MP4_SAMPLE + SAMPLE_SIZE;
const MP4_FORMAT: i32 = (offsetof<Mp4Track>() + ALIGN_MASK) & ~ALIGN_MASK;
export const MP4_TRACK_STRIDE: i32 = MP4_FORMAT + SAMPLE_FORMAT_SIZE;
export const MP4_RUNS: i32 = MP4_TRACKS + MP4_TRACKS_MAX * MP4_TRACK_STRIDE;
export const MP4_RUN_STRIDE: i32 = (offsetof<Mp4Run>() + ALIGN_MASK) & ~ALIGN_MASK;
export const MP4_MOOF: i32 = MP4_RUNS + MP4_RUNS_MAX * MP4_RUN_STRIDE;

export const MP4_ERROR: i32 = offsetof<Mp4Reader>("error");
export const MP4_DETAIL: i32 = offsetof<Mp4Reader>("detail");
export const MP4_TRACK_COUNT: i32 = offsetof<Mp4Reader>("tracks");
export const MP4_SAMPLES: i32 = offsetof<Mp4Reader>("samples");
export const MP4_MISSING: i32 = offsetof<Mp4Reader>("missing");
export const MP4_END: i32 = offsetof<Mp4Reader>("end");
export const MP4_FIRST: i32 = offsetof<Mp4Reader>("first");
export const MP4_SHIFT: i32 = offsetof<Mp4Reader>("shift");
export const MP4_TRACK_UNITS: i32 = MP4_FORMAT + SAMPLE_FORMAT_UNITS;
export const MP4_TRACK_ID: i32 = offsetof<Mp4Track>("id");
export const MP4_TRACK_KIND: i32 = MP4_FORMAT + SAMPLE_FORMAT_KIND;
export const MP4_TRACK_LENGTH_SIZE: i32 = MP4_FORMAT + SAMPLE_FORMAT_LENGTH_SIZE;
export const MP4_TRACK_SETS: i32 = MP4_FORMAT + SAMPLE_FORMAT_SETS;
export const MP4_TRACK_SETS_SIZE: i32 = MP4_FORMAT + SAMPLE_FORMAT_SETS_SIZE;
export const MP4_TRACK_DURATION: i32 = offsetof<Mp4Track>("duration");
export const MP4_TRACK_SIZE: i32 = offsetof<Mp4Track>("size");
export const MP4_TRACK_FLAGS: i32 = offsetof<Mp4Track>("sampleFlags");
export const MP4_TRACK_SCALE: i32 = offsetof<Mp4Track>("scale");
export const MP4_TRACK_RATE: i32 = offsetof<Mp4Track>("rate");
export const MP4_TRACK_OFFSET: i32 = offsetof<Mp4Track>("offset");

export function mp4TrackAt(address: i32, i: i32): Mp4Track {
  return changetype<Mp4Track>(address + MP4_TRACKS + i * MP4_TRACK_STRIDE);
}

export function mp4RunAt(address: i32, i: i32): i32 {
  return address + MP4_RUNS + i * MP4_RUN_STRIDE;
}

/** The sample in progress. */
export function mp4Sample(reader: Mp4Reader): Sample {
  return changetype<Sample>(changetype<i32>(reader) + MP4_SAMPLE);
}

/** What the samples of a track are. */
export function mp4Format(track: Mp4Track): SampleFormat {
  return changetype<SampleFormat>(changetype<i32>(track) + MP4_FORMAT);
}
