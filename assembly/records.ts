import {
  ERR_BUDGET,
  ERR_FULL,
  FLAG_END_OF_FRAME,
  FLAG_RANDOM,
  FLAG_START_OF_FRAME,
  FLAG_VIDEO,
  RECORD_MAX,
} from "./abi";
import {
  entryAt,
  LOG_CHANNELS,
  Log,
  LogBlock,
  logEnter,
  logFits,
  logGrow,
  logNextSeq,
  logOpen,
  logPublish,
  writeRow,
} from "./log";
import { setFloor } from "./rtp/ingest";
import { trackAt } from "./track";
import { UNIT_SPAN_STRIDE, UnitSpan } from "./units/layout";

/**
 * Extra state of a log of records, in the place of the channel map. The records of a form are made by a
 * muxer, once for all readers; a frame of a track is one record or more. The track behind the last one is the preamble's:
 * what readers need before anything else. A layout, never constructed.
 */
class Records {
  /** Whether readers can begin at `startSeq`: the last random access point of the first video, or its preamble. */
  started!: i32;
  startSeq!: i32;
  /** Number of the record behind the last preamble. */
  preambleEnd!: i32;
  /** The frame in progress: its track, FLAG_RANDOM or 0, its time and arrival, its records so far. */
  track!: i32;
  flags!: i32;
  time!: u32;
  now!: i32;
  count!: i32;
}

export const RECORDS_STARTED: i32 = LOG_CHANNELS + offsetof<Records>("started");
export const RECORDS_START: i32 = LOG_CHANNELS + offsetof<Records>("startSeq");

function recordsAt(log: i32): Records {
  return changetype<Records>(log + LOG_CHANNELS);
}

/**
 * Prepares `size` bytes at `address` as a log of records without blocks.
 *
 * @param tracks without the preamble's
 * @param video tracks (bits) whose frames can be left out only up to the next random access point
 * @param account its blocks are charged to it
 */
export function recordOpen(
  address: i32,
  size: i32,
  tracks: i32,
  lagPackets: i32,
  video: i32,
  account: i32,
): void {
  logOpen(address, size, tracks + 1, lagPackets, RECORD_MAX, account);
  memory.fill(address + LOG_CHANNELS, 0, offsetof<Records>());
  changetype<Log>(address).records = 1;
  for (let i = 0; i < tracks; i++) trackAt(address, i).video = (video >> i) & 1;
}

/**
 * Begins a frame.
 *
 * @param flags FLAG_RANDOM when it is a random access point
 * @param time in the clock of the form
 * @param now when it came, monotonic ms
 */
export function recordBegin(address: i32, track: i32, flags: i32, time: u32, now: i32): void {
  if (track < 0 || track >= changetype<Log>(address).trackCount) unreachable();
  const records = recordsAt(address);
  records.track = track;
  records.flags = flags;
  records.time = time;
  records.now = now;
  records.count = 0;
}

/**
 * Appends a record of the frame; readers see it after `recordPublish`.
 *
 * @param last 1 when the frame ends with it
 * @returns 0, ERR_BUDGET, or ERR_FULL when it is larger than RECORD_MAX or empty
 */
export function recordPut(address: i32, src: i32, size: i32, last: i32): i32 {
  const at = recordRoom(address, size);
  if (at < 0) return at;
  memory.copy(at, src, size);
  recordEnter(address, size, last !== 0);
  return 0;
}

/**
 * Appends the bytes of spans (UnitSpan, one after the other) in records of `limit` bytes, the last one shorter.
 *
 * @param last 1 when the frame ends with them
 * @returns 0, ERR_BUDGET, or ERR_FULL when a record would be larger than RECORD_MAX or there are no bytes
 */
export function recordCut(address: i32, spans: i32, count: i32, limit: i32, last: i32): i32 {
  let left = 0;
  for (let i = 0; i < count; i++) left += spanAt(spans, i).size;
  if (left === 0) return ERR_FULL;
  let next = 0;
  let done = 0;
  while (left > 0) {
    const size = min(limit, left);
    const at = recordRoom(address, size);
    if (at < 0) return at;
    for (let filled = 0; filled < size; ) {
      const span = spanAt(spans, next);
      const n = min(size - filled, span.size - done);
      memory.copy(at + filled, span.start + done, n);
      filled += n;
      done += n;
      if (done === span.size) {
        next += 1;
        done = 0;
      }
    }
    left -= size;
    recordEnter(address, size, left === 0 && last !== 0);
  }
  return 0;
}

/** Where a record of `size` bytes goes; ERR_BUDGET, or ERR_FULL when it is larger than RECORD_MAX or empty. */
export function recordRoom(address: i32, size: i32): i32 {
  const log = changetype<Log>(address);
  if (size <= 0 || size > RECORD_MAX) return ERR_FULL;
  return logFits(log, log.write + size) || logGrow(log) ? log.write : ERR_BUDGET;
}

/** Enters the record that was written where `recordRoom` said. */
export function recordEnter(address: i32, size: i32, isLast: bool): void {
  const log = changetype<Log>(address);
  const records = recordsAt(address);
  const track = trackAt(address, records.track);
  let flags = track.video !== 0 ? FLAG_VIDEO : 0;
  if (records.count === 0) {
    flags |= FLAG_START_OF_FRAME | records.flags;
    beginFrame(address, records);
  }
  if (isLast) flags |= FLAG_END_OF_FRAME;
  logEnter(log, size, records.track, flags, records.time, records.now);
  records.count += 1;
  if (!isLast) return;
  track.frameOpen = 0;
  if (records.track === log.trackCount - 1) records.preambleEnd = logNextSeq(log);
  setFloor(address);
}

function beginFrame(address: i32, records: Records): void {
  const log = changetype<Log>(address);
  const track = trackAt(address, records.track);
  const seq = logNextSeq(log);
  track.previousSeq = track.frameSeq;
  track.frameSeq = seq;
  track.frameOpen = 1;
  track.frames += 1;
  const isPreamble = records.track === log.trackCount - 1;
  if (!isPreamble && (records.flags & FLAG_RANDOM) === 0) return;
  track.rapCount += 1;
  track.rapSeq = seq;
  if (track.video === 0 || !isFirstVideo(address, records.track)) return;
  const preamble = trackAt(address, log.trackCount - 1);
  records.started = 1;
  records.startSeq = preamble.rapCount !== 0 && records.preambleEnd === seq ? preamble.rapSeq : seq;
}

function isFirstVideo(address: i32, track: i32): bool {
  for (let i = 0; i < track; i++) if (trackAt(address, i).video !== 0) return false;
  return true;
}

/** Shows readers everything appended so far. */
export function recordPublish(address: i32): void {
  logPublish(changetype<Log>(address));
}

function spanAt(spans: i32, i: i32): UnitSpan {
  return changetype<UnitSpan>(spans + i * UNIT_SPAN_STRIDE);
}

/**
 * Finds a published record.
 *
 * @param out receives a row: address, size with track and flags as in an index entry, time, number
 * @returns false when it is not there, or not kept any more
 */
export function recordFind(address: i32, seq: i32, out: i32): bool {
  let block = changetype<Log>(address).tail;
  while (block !== 0) {
    const header = changetype<LogBlock>(block);
    const i = seq - header.firstSeq;
    if (i < 0) return false;
    if (i < header.count) {
      writeRow(out, entryAt(block, i), seq);
      return true;
    }
    block = header.next;
  }
  return false;
}
