import { UnitTrack } from "../units/layout";
import { unitDrop, unitFinishAt, unitStart } from "../units/log";
import { sampleBegin, sampleEnd, samplePut } from "../units/sample-put";
import { Mp4Reader, Mp4Run, Mp4Track, mp4Format, mp4RunAt, mp4Sample } from "./layout";
import { mp4Duration, mp4Flags, mp4Offset, mp4Size } from "./read-fragment";

/** sample_is_non_sync_sample (ISO/IEC 14496-12 §8.8.3.1). */
const NON_SYNC: u32 = 0x10000;

/** Takes bytes of media data, which begin at the reader's position. */
export function mp4Media(reader: Mp4Reader, src: i32, size: i32): void {
  const sample = mp4Sample(reader);
  let at = 0;
  while (at < size) {
    if (reader.open === 0) {
      const gap = nextSample(reader, reader.position + (at as f64));
      if (gap === 0) continue;
      if (gap >= ((size - at) as f64)) return;
      at += gap as i32;
      continue;
    }
    const n = min(size - at, sample.left);
    if (reader.skipped === 0) samplePut(sample, mp4Format(trackOf(reader)), src + at, n);
    sample.left -= n;
    at += n;
    if (sample.left === 0) finish(reader);
  }
}

/**
 * Forgets the sample in progress: its bytes end too soon.
 *
 * @param isOver whether no more media of the fragment come: samples that are left are missing
 */
export function mp4EndMedia(reader: Mp4Reader, isOver: bool): void {
  if (reader.open !== 0) {
    reader.missing += 1;
    drop(reader);
    reader.open = 0;
    advance(reader, run(reader));
  }
  if (!isOver) return;
  while (reader.run < reader.runs) {
    const here = run(reader);
    if (mp4Size(here, reader.sample) !== 0) reader.missing += 1;
    advance(reader, here);
  }
}

function run(reader: Mp4Reader): Mp4Run {
  return changetype<Mp4Run>(mp4RunAt(changetype<i32>(reader), reader.run));
}

function trackOf(reader: Mp4Reader): Mp4Track {
  return changetype<Mp4Track>(run(reader).track);
}

function unitsOf(track: Mp4Track): UnitTrack {
  return changetype<UnitTrack>(mp4Format(track).units);
}

/**
 * Opens the next sample when its bytes begin at `position`.
 *
 * @returns how many bytes are to be left out first; Infinity when there are no more samples
 */
function nextSample(reader: Mp4Reader, position: f64): f64 {
  while (reader.run < reader.runs) {
    const here = run(reader);
    const gap = here.offset - position;
    if (gap > 0) return gap;
    if (gap < 0) {
      reader.missing += 1;
      advance(reader, here);
    } else {
      open(reader, here);
      if (mp4Sample(reader).left > 0) return 0;
      finish(reader);
    }
  }
  return Infinity;
}

function advance(reader: Mp4Reader, here: Mp4Run): void {
  here.offset += mp4Size(here, reader.sample) as f64;
  here.dts += mp4Duration(here, reader.sample) as i64;
  reader.sample += 1;
  if (reader.sample < here.count) return;
  reader.run += 1;
  reader.sample = 0;
}

function open(reader: Mp4Reader, here: Mp4Run): void {
  const track = changetype<Mp4Track>(here.track);
  const i = reader.sample;
  const ticks = here.dts + (track.offset as i64);
  reader.open = 1;
  const size = mp4Size(here, i) as i32;
  sampleBegin(mp4Sample(reader), size, (mp4Flags(here, i) & NON_SYNC) === 0);
  const shift = Math.floor(reader.shift * track.rate + 0.5);
  reader.dts = rescale(ticks, track) + shift;
  reader.pts = rescale(ticks + (mp4Offset(here, i) as i64), track) + shift;
  // decoding times grow, whatever the file says
  if (track.started !== 0 && reader.dts <= track.last) reader.dts = track.last + 1;
  track.started = 1;
  track.last = reader.dts;
  reader.skipped = size === 0 || unitStart(unitsOf(track)) !== 0 ? 1 : 0;
}

/** Ticks of the file in ticks of the units, to the nearest; exact, so that nothing drifts. */
function rescale(ticks: i64, track: Mp4Track): f64 {
  const scale = track.scale as i64;
  const rate = track.rate as i64;
  let whole = ticks / scale;
  let rest = ticks % scale;
  if (rest < 0) {
    rest += scale;
    whole -= 1;
  }
  return (whole * rate + (rest * rate + scale / 2) / scale) as f64;
}

function finish(reader: Mp4Reader): void {
  const here = run(reader);
  const track = changetype<Mp4Track>(here.track);
  reader.open = 0;
  if (reader.skipped === 0) {
    sampleEnd(mp4Sample(reader), mp4Format(track));
    unitFinishAt(unitsOf(track), reader.pts, reader.dts);
    reader.samples += 1;
  }
  advance(reader, here);
}

function drop(reader: Mp4Reader): void {
  if (reader.skipped !== 0) return;
  unitDrop(unitsOf(trackOf(reader)));
}
