import {
  MAX_FRAME_BYTES,
  MP4_ERROR_BOX,
  MP4_ERROR_RUNS,
  MP4_ERROR_SAMPLE,
  MP4_ERROR_SAMPLES,
  MP4_ERROR_TIME,
  MP4_RUNS_MAX,
  MP4_SAMPLES_MAX,
} from "../abi";
import { get32 } from "../wire";
import {
  MP4_MOOF,
  MP4_RUN_STRIDE,
  Mp4Reader,
  Mp4Run,
  Mp4Track,
  mp4Format,
  mp4RunAt,
  mp4TrackAt,
} from "./layout";

const TRAF: u32 = 0x74726166;
const TFHD: u32 = 0x74666864;
const TFDT: u32 = 0x74666474;
const TRUN: u32 = 0x7472756e;

/** Fields of `tfhd` (ISO/IEC 14496-12 §8.8.7). */
const BASE_OFFSET: u32 = 0x1;
const DESCRIPTION: u32 = 0x2;
const DURATION: u32 = 0x8;
const SIZE: u32 = 0x10;
const FLAGS: u32 = 0x20;
const BASE_IS_MOOF: u32 = 0x20000;
/** Fields of `trun` (§8.8.8). */
const DATA_OFFSET: u32 = 0x1;
const FIRST_FLAGS: u32 = 0x4;
const SAMPLE_DURATION: i32 = 0x100;
const SAMPLE_SIZE: i32 = 0x200;
const SAMPLE_FLAGS: i32 = 0x400;
const SAMPLE_OFFSET: i32 = 0x800;

/** Seconds that no stream reaches. */
const TIME_MAX: f64 = 4000000000;

/**
 * Parses a complete fragment header: lists the sample runs of its tracks in byte order.
 *
 * @returns false if it is invalid
 */
export function mp4Fragment(reader: Mp4Reader): bool {
  reader.runs = 0;
  reader.run = 0;
  reader.sample = 0;
  reader.first = Infinity;
  reader.end = -Infinity;
  const start = changetype<i32>(reader) + MP4_MOOF;
  const end = start + reader.moofSize;
  let at = start;
  let samples = 0;
  // where the data of the next track begin, unless it says so itself
  let data = reader.moofStart;
  while (at < end) {
    const size = boxSize(at, end);
    if (size < 0) return fail(reader, MP4_ERROR_BOX, at - start);
    if (get32(at + 4) === TRAF) {
      data = readTrack(reader, at + boxHeader(at), at + size, data);
      if (data < 0) return false;
      samples = countSamples(reader);
      if (samples > MP4_SAMPLES_MAX) return fail(reader, MP4_ERROR_SAMPLES, samples);
    }
    at += size;
  }
  return true;
}

function fail(reader: Mp4Reader, error: i32, detail: i32): bool {
  reader.runs = 0;
  reader.error = error;
  reader.detail = detail;
  return false;
}

function failed(reader: Mp4Reader, error: i32, detail: i32): f64 {
  fail(reader, error, detail);
  return -1;
}

function countSamples(reader: Mp4Reader): i32 {
  let samples = 0;
  for (let i = 0; i < reader.runs; i++) {
    samples += changetype<Mp4Run>(mp4RunAt(changetype<i32>(reader), i)).count;
    if (samples > MP4_SAMPLES_MAX) break;
  }
  return samples;
}

/** Bytes of the box at `at`, its header included; -1 if its size is invalid. */
function boxSize(at: i32, end: i32): i32 {
  const left = end - at;
  if (left < 8) return -1;
  const short = get32(at);
  if (short === 0) return left;
  let size = short;
  if (short === 1) {
    if (left < 16 || get32(at + 8) !== 0) return -1;
    size = get32(at + 12);
  }
  return size < (boxHeader(at) as u32) || size > (left as u32) ? -1 : (size as i32);
}

function boxHeader(at: i32): i32 {
  return get32(at) === 1 ? 16 : 8;
}

/** Address of the first box of a type, or 0. */
function find(type: u32, start: i32, end: i32): i32 {
  for (let at = start; at < end; ) {
    const size = boxSize(at, end);
    if (size < 0) return 0;
    if (get32(at + 4) === type) return at;
    at += size;
  }
  return 0;
}

/**
 * Reads a `traf`.
 *
 * @param base where its data begin when it does not say so
 * @returns where they end; -1 if it is invalid
 */
function readTrack(reader: Mp4Reader, start: i32, end: i32, base: f64): f64 {
  const box = find(TFHD, start, end);
  if (box === 0) return failed(reader, MP4_ERROR_BOX, 0);
  let at = box + boxHeader(box);
  const limit = box + boxSize(box, end);
  if (at + 8 > limit) return failed(reader, MP4_ERROR_BOX, 0);
  const flags = get32(at) & 0xffffff;
  const track = trackOf(reader, get32(at + 4));
  at += 8;
  const optional = 4 * (popcnt(flags & (DESCRIPTION | DURATION | SIZE | FLAGS)) as i32);
  if (at + ((flags & BASE_OFFSET) !== 0 ? 8 : 0) + optional > limit) return failed(reader, MP4_ERROR_BOX, 0);
  let data = (flags & BASE_IS_MOOF) !== 0 ? reader.moofStart : base;
  if ((flags & BASE_OFFSET) !== 0) {
    data = (get32(at) as f64) * 4294967296 + (get32(at + 4) as f64);
    at += 8;
  }
  if ((flags & DESCRIPTION) !== 0) at += 4;
  const known = changetype<i32>(track) !== 0;
  let duration: u32 = known ? track.duration : 0;
  let size: u32 = known ? track.size : 0;
  let sampleFlags: u32 = known ? track.sampleFlags : 0;
  if ((flags & DURATION) !== 0) {
    duration = get32(at);
    at += 4;
  }
  if ((flags & SIZE) !== 0) {
    size = get32(at);
    at += 4;
  }
  if ((flags & FLAGS) !== 0) sampleFlags = get32(at);
  if (known && !readTime(reader, track, start, end)) return -1;
  let next = data;
  for (let box = start; box < end && next >= 0; box += boxSize(box, end)) {
    if (boxSize(box, end) < 0) return failed(reader, MP4_ERROR_BOX, 0);
    if (get32(box + 4) !== TRUN) continue;
    next = readRun(reader, track, box, end, data, next, duration, size, sampleFlags);
  }
  return next;
}

function trackOf(reader: Mp4Reader, id: u32): Mp4Track {
  for (let i = 0; i < reader.tracks; i++) {
    const track = mp4TrackAt(changetype<i32>(reader), i);
    if ((track.id as u32) === id) return track;
  }
  return changetype<Mp4Track>(0);
}

/** The decoding time that the fragment says (§8.8.12), if it does. */
function readTime(reader: Mp4Reader, track: Mp4Track, start: i32, end: i32): bool {
  const box = find(TFDT, start, end);
  if (box !== 0) {
    const at = box + boxHeader(box);
    const left = box + boxSize(box, end) - at;
    if (left < 8) return fail(reader, MP4_ERROR_BOX, 0);
    const isLong = get32(at) >> 24 === 1;
    if (isLong && left < 12) return fail(reader, MP4_ERROR_BOX, 0);
    track.next = isLong ? ((get32(at + 4) as i64) << 32) | (get32(at + 8) as i64) : (get32(at + 4) as i64);
  }
  return checkTime(reader, track);
}

function checkTime(reader: Mp4Reader, track: Mp4Track): bool {
  if (track.next >= 0 && (track.next as f64) / track.scale < TIME_MAX) return true;
  return fail(reader, MP4_ERROR_TIME, 0);
}

/**
 * Enters a run of samples.
 *
 * @param base what its data offset counts from
 * @param next where its data begin without one
 * @returns where they end; -1 if it is invalid
 */
function readRun(
  reader: Mp4Reader,
  track: Mp4Track,
  box: i32,
  end: i32,
  base: f64,
  next: f64,
  duration: u32,
  size: u32,
  sampleFlags: u32,
): f64 {
  let at = box + boxHeader(box);
  const limit = box + boxSize(box, end);
  if (at + 8 > limit) return failed(reader, MP4_ERROR_BOX, 0);
  const fields = (get32(at) & 0xffffff) as i32;
  const count = get32(at + 4);
  at += 8;
  if (at + 4 * (popcnt(fields & ((DATA_OFFSET | FIRST_FLAGS) as i32)) as i32) > limit) {
    return failed(reader, MP4_ERROR_BOX, 0);
  }
  let offset = next;
  if ((fields & (DATA_OFFSET as i32)) !== 0) {
    offset = base + (get32(at) as i32 as f64);
    at += 4;
  }
  let firstFlags = sampleFlags;
  if ((fields & (FIRST_FLAGS as i32)) !== 0) {
    firstFlags = get32(at);
    at += 4;
  }
  const stride = 4 * (popcnt(fields & 0xf00) as i32);
  if (count > (MP4_SAMPLES_MAX as u32)) return failed(reader, MP4_ERROR_SAMPLES, count as i32);
  if (at + stride * (count as i32) > limit) return failed(reader, MP4_ERROR_BOX, 0);
  if (reader.runs >= MP4_RUNS_MAX - 1) return failed(reader, MP4_ERROR_RUNS, reader.runs);
  const run = changetype<Mp4Run>(mp4RunAt(changetype<i32>(reader), MP4_RUNS_MAX - 1));
  run.track = changetype<i32>(track);
  run.entries = at;
  run.stride = stride;
  run.fields = fields;
  run.count = count as i32;
  run.duration = duration;
  run.size = size;
  run.sampleFlags = sampleFlags;
  run.firstFlags = firstFlags;
  run.offset = offset;
  return measure(reader, run, offset);
}

/** Adds up the sizes and durations of a run, and lists it if its track is wanted. */
function measure(reader: Mp4Reader, run: Mp4Run, offset: f64): f64 {
  let bytes: f64 = 0;
  let ticks: i64 = 0;
  const track = changetype<Mp4Track>(run.track);
  const isWanted = run.track !== 0 && mp4Format(track).units !== 0 && run.count > 0;
  for (let i = 0; i < run.count; i++) {
    const size = mp4Size(run, i);
    if (isWanted && size > (MAX_FRAME_BYTES as u32)) return failed(reader, MP4_ERROR_SAMPLE, size as i32);
    bytes += size as f64;
    ticks += mp4Duration(run, i) as i64;
  }
  if (run.track === 0) return offset + bytes;
  run.dts = track.next;
  track.next += ticks;
  if (!checkTime(reader, track)) return -1;
  if (!isWanted) return offset + bytes;
  reader.first = Math.min(reader.first, ((run.dts as f64) + track.offset) / track.scale);
  reader.end = Math.max(reader.end, ((track.next as f64) + track.offset) / track.scale);
  enter(reader, run);
  return offset + bytes;
}

/** Puts a run in its place among the others. */
function enter(reader: Mp4Reader, run: Mp4Run): void {
  let i = reader.runs;
  while (i > 0 && changetype<Mp4Run>(mp4RunAt(changetype<i32>(reader), i - 1)).offset > run.offset) i -= 1;
  const place = mp4RunAt(changetype<i32>(reader), i);
  memory.copy(place + MP4_RUN_STRIDE, place, MP4_RUN_STRIDE * (reader.runs - i));
  memory.copy(place, changetype<i32>(run), MP4_RUN_STRIDE);
  reader.runs += 1;
}

/** Address of a field of sample `i`. */
function fieldAt(run: Mp4Run, i: i32, field: i32): i32 {
  return run.entries + run.stride * i + 4 * (popcnt(run.fields & 0xf00 & (field - 1)) as i32);
}

export function mp4Duration(run: Mp4Run, i: i32): u32 {
  return (run.fields & SAMPLE_DURATION) === 0 ? run.duration : get32(fieldAt(run, i, SAMPLE_DURATION));
}

export function mp4Size(run: Mp4Run, i: i32): u32 {
  return (run.fields & SAMPLE_SIZE) === 0 ? run.size : get32(fieldAt(run, i, SAMPLE_SIZE));
}

/** What the flags of a sample are (§8.8.3.1). */
export function mp4Flags(run: Mp4Run, i: i32): u32 {
  if ((run.fields & SAMPLE_FLAGS) !== 0) {
    // some files set the flags of the first sample twice; first_sample_flags has precedence
    if (i > 0 || (run.fields & (FIRST_FLAGS as i32)) === 0) return get32(fieldAt(run, i, SAMPLE_FLAGS));
  }
  return i === 0 ? run.firstFlags : run.sampleFlags;
}

/** Composition offset; many files have negative ones in version 0 too. */
export function mp4Offset(run: Mp4Run, i: i32): i32 {
  return (run.fields & SAMPLE_OFFSET) === 0 ? 0 : (get32(fieldAt(run, i, SAMPLE_OFFSET)) as i32);
}
