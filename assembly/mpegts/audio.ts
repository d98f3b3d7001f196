import { TS_EVENT_STREAM, TS_LATM, UNIT_KEY } from "../abi";
import { UnitTrack } from "../units/layout";
import { unitDrop, unitFinishAt, unitPut, unitStart } from "../units/log";
import { audioHeader } from "./audio-header";
import { TS_STREAM_HEAD, TS_STREAM_SCRATCH, TsDemux, TsStream, tsTimeline } from "./demux-layout";
import { latmFrame, latmRead, latmSubframes } from "./latm";

/** Frame times are counted in samples from a PES time; a larger deviation restarts the count, s. */
const TOLERANCE: f64 = 0.01;
/** Consecutive frames with other parameters, each at the start of a PES packet, after which they are accepted. */
const MISMATCHES_MAX = 3;
/** Destination of the frame in progress: its unit, or the scratch, to be parsed when complete. */
const FRAME = 1;
const LATM = 2;
const LATM_WAITS = 3;

/** A PES packet begins. */
export function audioStart(stream: TsStream): void {
  stream.atStart = 1;
  stream.early = stream.headFill > 0 ? 1 : 0;
}

/**
 * Cuts frames out of an elementary stream, wherever the pieces are cut: each is a unit with a time of its own.
 *
 * @returns bytes taken; `asked` is 1 when the unit track has to be opened first
 */
export function audioBytes(demux: TsDemux, stream: TsStream, from: i32, size: i32): i32 {
  let at = 0;
  while (true) {
    if (stream.framing === LATM_WAITS) {
      latmEnd(demux, stream);
      if (stream.asked === 1) return at;
    } else if (stream.frameLeft > 0) {
      const n = min(stream.frameLeft, size - at);
      if (stream.framing === LATM) {
        const place = changetype<i32>(stream) + TS_STREAM_SCRATCH;
        memory.copy(place + stream.frameSize - stream.frameLeft, from + at, n);
      } else if (stream.framing !== 0) {
        unitPut(changetype<UnitTrack>(stream.units), from + at, n);
      }
      stream.frameLeft -= n;
      at += n;
      if (n > 0) stream.atStart = 0;
      if (stream.frameLeft > 0) return at;
      frameEnd(demux, stream);
      if (stream.framing === LATM_WAITS) continue;
    }
    const need = audioHeader(stream);
    if (need === 0) {
      resync(stream);
    } else if (need > stream.headFill) {
      if (at === size) return at;
      if (stream.headFill === 0) stream.headStart = stream.atStart;
      const n = min(need - stream.headFill, size - at);
      memory.copy(changetype<i32>(stream) + TS_STREAM_HEAD + stream.headFill, from + at, n);
      stream.headFill += n;
      at += n;
      stream.atStart = 0;
    } else if (!frameBegin(demux, stream)) {
      return at;
    }
  }
}

/**
 * A frame of LATM is whole. The next header proves that it is one unless it began a PES packet or followed another.
 */
function latmEnd(demux: TsDemux, stream: TsStream): void {
  if (!latmRead(stream)) {
    stream.framing = 0;
    if (stream.units !== 0) changetype<UnitTrack>(stream.units).malformed += 1;
    return;
  }
  if (stream.units === 0 && stream.asked === 0) {
    stream.asked = 1;
    demux.events |= TS_EVENT_STREAM;
    return;
  }
  stream.framing = 0;
  if (stream.units === 0) return;
  const count = latmSubframes(stream);
  for (let i = 0; i < count; i++) {
    if (nextTime(stream) && latmFrame(stream)) publish(demux, stream);
  }
}

/** Handles a complete frame header. False if the unit track has to be opened first. */
function frameBegin(demux: TsDemux, stream: TsStream): bool {
  if (stream.known !== 0 && stream.key !== stream.known) {
    mismatch(stream);
    return true;
  }
  if (stream.held !== 0) publish(demux, stream);
  if (stream.kind === TS_LATM) {
    if (stream.headStart === 0 && stream.locked === 0 && stream.candidate === 0) {
      stream.candidate = stream.key;
      skip(stream);
      return true;
    }
    stream.locked = 1;
    claimTime(stream);
    stream.framing = LATM;
    stream.frameLeft = stream.frameSize - stream.headFill;
    stream.headFill = 0;
    return true;
  }
  if (stream.known === 0) {
    // within a stream a header is accepted if another one follows its frame
    if (stream.headStart === 0 && stream.candidate !== stream.key) {
      stream.candidate = stream.key;
      skip(stream);
      return true;
    }
    stream.known = stream.key;
    stream.ready = 1;
  }
  stream.mismatches = 0;
  if (stream.units === 0 && stream.asked === 0) {
    stream.asked = 1;
    demux.events |= TS_EVENT_STREAM;
    return false;
  }
  claimTime(stream);
  if (stream.units === 0 || !nextTime(stream) || unitStart(changetype<UnitTrack>(stream.units)) !== 0) {
    skip(stream);
    return true;
  }
  const track = changetype<UnitTrack>(stream.units);
  track.flags |= UNIT_KEY;
  const head = changetype<i32>(stream) + TS_STREAM_HEAD;
  unitPut(track, head + stream.headSkip, stream.headFill - stream.headSkip);
  if (stream.headStart !== 0) stream.locked = 1;
  stream.framing = FRAME;
  stream.frameLeft = stream.frameSize - stream.headFill;
  stream.headFill = 0;
  if (stream.frameLeft === 0) frameEnd(demux, stream);
  return true;
}

/** Goes over a frame without a unit. */
function skip(stream: TsStream): void {
  claimTime(stream);
  stream.framing = 0;
  stream.frameLeft = stream.frameSize - stream.headFill;
  stream.headFill = 0;
}

/** A header with other parameters than before: a false sync, or the stream has changed. */
function mismatch(stream: TsStream): void {
  if (stream.headStart !== 0) stream.mismatches += 1;
  if (stream.mismatches >= MISMATCHES_MAX) stream.changed = 1;
  resync(stream);
}

/** What was taken for a header is none: looks on from its second byte. */
function resync(stream: TsStream): void {
  if (stream.units !== 0) {
    const track = changetype<UnitTrack>(stream.units);
    if (stream.locked !== 0) track.malformed += 1;
    if (stream.held !== 0) unitDrop(track);
  }
  stream.held = 0;
  stream.locked = 0;
  stream.candidate = 0;
  stream.headStart = 0;
  stream.headFill -= 1;
  const head = changetype<i32>(stream) + TS_STREAM_HEAD;
  memory.copy(head, head + 1, stream.headFill);
}

/** The frame that begins here is the one that the time of its PES packet belongs to, unless an earlier one was. */
function claimTime(stream: TsStream): void {
  stream.claimed = stream.hasTime !== 0 && stream.early === 0 ? 1 : 0;
  if (stream.claimed !== 0) {
    stream.hasTime = 0;
    stream.unitPts = stream.pts;
  }
  stream.early = 0;
}

/**
 * Says when the frame is played: by the time that it has claimed, but counted by samples as long as that agrees, as
 * times are in 90 kHz.
 *
 * @returns whether there is a time
 */
function nextTime(stream: TsStream): bool {
  const clock = changetype<UnitTrack>(stream.units).clockRate;
  const rate = stream.rate as f64;
  if (stream.claimed !== 0) {
    stream.claimed = 0;
    const given = (stream.unitPts * clock) / 90000;
    const expected = stream.base + (stream.samples * clock) / rate;
    if (stream.unitTimed === 0 || Math.abs(given - expected) > TOLERANCE * clock) {
      stream.base = given;
      stream.samples = 0;
      stream.unitTimed = 1;
    }
  }
  if (stream.unitTimed === 0) return false;
  stream.frameTime = stream.base + (stream.samples * clock) / rate;
  stream.samples += stream.frameSamples as f64;
  return true;
}

/** All bytes of a frame are there. */
function frameEnd(demux: TsDemux, stream: TsStream): void {
  if (stream.framing === LATM) {
    stream.framing = LATM_WAITS;
    return;
  }
  if (stream.framing === 0) return;
  stream.framing = 0;
  if (stream.locked !== 0) publish(demux, stream);
  else stream.held = 1;
}

function publish(demux: TsDemux, stream: TsStream): void {
  const track = changetype<UnitTrack>(stream.units);
  let time = Math.round(stream.frameTime);
  if (stream.published !== 0 && time <= stream.lastDts) time = stream.lastDts + 1;
  unitFinishAt(track, time, time);
  stream.held = 0;
  stream.locked = 1;
  stream.published = 1;
  stream.lastDts = time;
  const line = tsTimeline(demux);
  line.latest = max<f64>(line.latest, (time * 90000) / track.clockRate);
}

/** No more will come. */
export function audioEnd(demux: TsDemux, stream: TsStream): void {
  if (stream.held !== 0) publish(demux, stream);
  if (stream.framing === FRAME) unitDrop(changetype<UnitTrack>(stream.units));
  audioLose(stream);
}

/** Forgets the frame in progress; its unit is dropped by the caller. */
export function audioLose(stream: TsStream): void {
  stream.headFill = 0;
  stream.frameLeft = 0;
  stream.framing = 0;
  stream.held = 0;
  stream.locked = 0;
  stream.early = 0;
  stream.candidate = 0;
}
