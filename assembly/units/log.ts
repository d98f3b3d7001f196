import { BLOCK_HEADER, ERR_BUDGET, ERR_FRAME, ERR_FULL, UNIT_END, UNIT_START } from "../abi";
import { LogBlock } from "../log";
import { blockCapacity, blockGive, blockTake } from "../memory";
import { put32 } from "../wire";
import {
  UNIT_ABANDONED,
  UNIT_CLOSED,
  UNIT_ENTRY_STRIDE,
  UNIT_HEAD_SEQ,
  UNIT_NONE,
  UNIT_OPEN,
  UNIT_RECENT,
  UNIT_RECENT_MAX,
  UNIT_SPAN_STRIDE,
  UNIT_TRACK_SIZE,
  UnitEntry,
  UnitSpan,
  UnitTrack,
} from "./layout";

/** Between two units, an RTP time that deviates from arrival by more than this is ignored, ms. */
const JUMP_MS: f64 = 5000;
/** So is one that goes back by more than this, ms; reordered pictures go back by less. */
const JUMP_BACK_MS: f64 = 1000;
/** Bytes of the length in front of a NAL unit, and of the size of an OBU. */
const LENGTH_BYTES = 4;

/**
 * @param limit largest unit, bytes
 * @param account that its blocks are charged to
 */
export function unitOpen(address: i32, limit: i32, account: i32): void {
  memory.fill(address, 0, UNIT_TRACK_SIZE);
  changetype<UnitTrack>(address).limit = limit;
  changetype<UnitTrack>(address).account = account;
}

/** Gives back every block. Nobody may read it any more. */
export function unitClose(address: i32): void {
  const track = changetype<UnitTrack>(address);
  giveFrom(track.tail);
  track.tail = 0;
  track.headBlock = 0;
}

function giveFrom(first: i32): void {
  let block = first;
  while (block !== 0) {
    const next = changetype<LogBlock>(block).next;
    blockGive(block);
    block = next;
  }
}

/** Address of entry number `i` of a block. */
export function unitEntry(block: i32, i: i32): i32 {
  return block + blockCapacity() - (i + 1) * UNIT_ENTRY_STRIDE;
}

export function unitEntryAt(entry: i32): UnitEntry {
  return changetype<UnitEntry>(entry);
}

function grow(track: UnitTrack): bool {
  const block = blockTake(track.account);
  if (block === 0) return false;
  const header = changetype<LogBlock>(block);
  header.next = 0;
  header.count = 0;
  header.end = 0;
  const old = track.headBlock;
  if (old === 0) {
    header.firstSeq = track.headSeq;
    track.tail = block;
  } else {
    header.firstSeq = changetype<LogBlock>(old).firstSeq + track.count;
    changetype<LogBlock>(old).count = track.count;
    atomic.store<i32>(old + offsetof<LogBlock>("next"), block);
  }
  track.headBlock = block;
  track.blocks += 1;
  track.write = block + BLOCK_HEADER;
  track.count = 0;
  return true;
}

/** Room for at least `wanted` contiguous bytes; ends the present piece if necessary. */
function room(track: UnitTrack, wanted: i32): i32 {
  if (track.headBlock !== 0) {
    const left = unitEntry(track.headBlock, track.count) - track.write;
    if (left >= wanted) return left;
    endPiece(track, 0);
  }
  if (!grow(track)) return 0;
  track.piece = track.write;
  return unitEntry(track.headBlock, 0) - track.write;
}

/** Enters what was written of the unit since its last piece. */
function endPiece(track: UnitTrack, flags: i32): void {
  const size = track.write - track.piece;
  if (size === 0) return;
  const entry = unitEntryAt(unitEntry(track.headBlock, track.count));
  const isFirst = track.firstEntry === 0;
  entry.start = track.piece;
  entry.size = size;
  entry.flags = flags | (isFirst ? UNIT_START : 0);
  if (isFirst) track.firstEntry = changetype<i32>(entry);
  track.count += 1;
  track.piece = track.write;
}

/**
 * Begins a unit; one that was not finished is dropped.
 *
 * @param time its RTP time
 * @param arrival when its first packet came, ms
 * @returns 0 or ERR_BUDGET
 */
export function unitBegin(track: UnitTrack, time: u32, arrival: i32): i32 {
  const code = unitStart(track);
  if (code !== 0) return code;
  if (track.started === 0) {
    track.started = 1;
    track.ticks = time as f64;
  } else {
    track.ticks += elapsed(track, time, arrival);
  }
  track.lastTime = time;
  track.lastArrival = arrival;
  track.lastStalled = track.stalled;
  return 0;
}

/**
 * Starts a unit whose times are given when it is finished (`unitFinishAt`); an unfinished one is dropped.
 *
 * @returns 0 or ERR_BUDGET
 */
export function unitStart(track: UnitTrack): i32 {
  unitDrop(track);
  if (track.headBlock === 0 && !grow(track)) return ERR_BUDGET;
  track.open = UNIT_OPEN;
  track.piece = track.write;
  track.firstEntry = 0;
  track.bytes = 0;
  track.flags = 0;
  track.broken = 0;
  track.lengthAt = 0;
  track.startBlock = track.headBlock;
  track.startWrite = track.write;
  track.startCount = track.count;
  return 0;
}

/**
 * Ticks since the last unit: by RTP time, or by arrival if the RTP time has jumped. After a stall of all tracks, packets
 * may merely be late, and their RTP times still count.
 */
function elapsed(track: UnitTrack, time: u32, arrival: i32): f64 {
  const ticks = (time - track.lastTime) as i32 as f64;
  const arrived = (arrival - track.lastArrival) as f64;
  const stalled = (track.stalled - track.lastStalled) as f64;
  const passed = (ticks * 1000) / track.clockRate;
  const isEven = passed <= arrived + JUMP_MS && passed >= arrived - stalled - JUMP_MS;
  if (passed >= -JUMP_BACK_MS && isEven) return ticks;
  track.jumps += 1;
  return Math.floor(max<f64>((arrived * track.clockRate) / 1000, track.frameTicks as f64));
}

/** Forgets the unit in progress, if there is one. */
export function unitDrop(track: UnitTrack): void {
  if (track.open === UNIT_OPEN) {
    track.dropped += 1;
    rollBack(track);
  }
  track.open = UNIT_NONE;
}

/** Frees the unit in progress, and ignores the rest of it. */
function abandon(track: UnitTrack, code: i32): i32 {
  unitDrop(track);
  track.broken = 1;
  track.open = UNIT_ABANDONED;
  return code;
}

function abandonOversized(track: UnitTrack): i32 {
  track.oversized += 1;
  return abandon(track, ERR_FRAME);
}

/** Takes back what was written of the unit in progress. */
function rollBack(track: UnitTrack): void {
  const start = track.startBlock;
  const header = changetype<LogBlock>(start);
  if (header.next !== 0) {
    let block = header.next;
    while (block !== 0) {
      block = changetype<LogBlock>(block).next;
      track.blocks -= 1;
    }
    giveFrom(header.next);
    atomic.store<i32>(start + offsetof<LogBlock>("next"), 0);
  }
  track.headBlock = start;
  track.write = track.startWrite;
  track.count = track.startCount;
  track.open = UNIT_NONE;
  track.lengthAt = 0;
}

/**
 * Adds bytes to the unit in progress; nothing is done without one.
 *
 * @returns 0; ERR_BUDGET or ERR_FRAME when it is abandoned, as there is no memory for it or it is too large
 */
export function unitPut(track: UnitTrack, src: i32, size: i32): i32 {
  if (track.open !== UNIT_OPEN) return 0;
  if (size > track.limit - track.bytes) return abandonOversized(track);
  let done = 0;
  while (done < size) {
    const left = room(track, 1);
    if (left === 0) return abandon(track, ERR_BUDGET);
    const n = min(left, size - done);
    memory.copy(track.write, src + done, n);
    track.write += n;
    done += n;
  }
  track.bytes += size;
  return 0;
}

/**
 * Adds four bytes of big-endian length in one piece.
 *
 * @returns their address, to write them as long as the unit is in progress; 0 where `unitPut` would add nothing
 */
export function unitPutLength(track: UnitTrack, value: u32): i32 {
  if (track.open !== UNIT_OPEN) return 0;
  if (LENGTH_BYTES > track.limit - track.bytes) {
    abandonOversized(track);
    return 0;
  }
  if (room(track, LENGTH_BYTES) === 0) {
    abandon(track, ERR_BUDGET);
    return 0;
  }
  const at = track.write;
  put32(at, value);
  track.write += LENGTH_BYTES;
  track.bytes += LENGTH_BYTES;
  return at;
}

/**
 * Publishes the unit in progress, unless it is empty or broken.
 *
 * @param offset ticks after the RTP time it began with
 */
export function unitFinish(track: UnitTrack, offset: i32): void {
  if (!isWhole(track)) return;
  const pts = track.ticks + (offset as f64);
  publish(track, pts, decodingTime(track, pts));
}

/**
 * Publishes the unit in progress with times that its container says, unless it is empty or broken.
 *
 * @param pts presentation time, ticks of the track, without wraps
 * @param dts decoding time, likewise
 */
export function unitFinishAt(track: UnitTrack, pts: f64, dts: f64): void {
  if (isWhole(track)) publish(track, pts, dts);
}

/** Whether there is a unit in progress that may be published; an unusable one is dropped. */
function isWhole(track: UnitTrack): bool {
  if (track.open === UNIT_OPEN) {
    if (track.broken === 0 && track.bytes !== 0) return true;
    if (track.broken !== 0) track.dropped += 1;
    rollBack(track);
  }
  track.open = UNIT_NONE;
  return false;
}

function publish(track: UnitTrack, pts: f64, dts: f64): void {
  endPiece(track, UNIT_END);
  const first = unitEntryAt(track.firstEntry);
  first.flags |= track.flags;
  first.bytes = track.bytes;
  first.pts = pts;
  first.dts = dts;
  track.open = UNIT_NONE;
  const header = changetype<LogBlock>(track.headBlock);
  atomic.store<i32>(track.headBlock + offsetof<LogBlock>("count"), track.count);
  atomic.store<i32>(changetype<i32>(track) + UNIT_HEAD_SEQ, header.firstSeq + track.count);
}

/**
 * The decoding time of the next frame: with a reorder depth of `depth`, that many
 * places back in the presentation times so far. It is never later than `pts`, and always later than the one before.
 */
function decodingTime(track: UnitTrack, pts: f64): f64 {
  const times = changetype<i32>(track) + UNIT_RECENT;
  const count = track.recent;
  let at = count;
  while (at > 0 && load<f64>(times + (at - 1) * sizeof<f64>()) > pts) at -= 1;
  // this many frames came before this one and are shown after it
  if (count - at > track.depth) track.depth = min(count - at, UNIT_RECENT_MAX - 1);
  memory.copy(times + (at + 1) * sizeof<f64>(), times + at * sizeof<f64>(), (count - at) * sizeof<f64>());
  store<f64>(times + at * sizeof<f64>(), pts);
  const size = count + 1;
  const place = size - 1 - track.depth;
  let dts =
    place >= 0 ? load<f64>(times + place * sizeof<f64>()) : beforeFirst(track, load<f64>(times), place);
  if (count !== 0 && dts <= track.lastDts) dts = track.lastDts + 1;
  track.lastDts = dts;
  // what lies before the place of the next frame is not needed again
  const keep = min(track.depth + 1, size);
  if (size > keep) memory.copy(times, times + (size - keep) * sizeof<f64>(), keep * sizeof<f64>());
  track.recent = keep;
  return dts;
}

/**
 * A decoding time before there are enough frames: `place` (negative) frames from the first presentation time. The first
 * frame leaves room for as many that are shown before it, unless its type says that there are none.
 */
function beforeFirst(track: UnitTrack, first: f64, place: i32): f64 {
  const mayFollow = track.recent === 0 && (track.flags & UNIT_CLOSED) === 0;
  const frames = mayFollow ? place - track.depth : place;
  return first + (frames as f64) * (track.frameTicks as f64);
}

/** The block that holds an entry, or 0. */
export function unitBlockWith(track: UnitTrack, seq: i32): i32 {
  let block = track.tail;
  while (block !== 0) {
    const next = atomic.load<i32>(block + offsetof<LogBlock>("next"));
    if (next === 0 || seq - changetype<LogBlock>(next).firstSeq < 0) break;
    block = next;
  }
  return block === 0 || seq - changetype<LogBlock>(block).firstSeq < 0 ? 0 : block;
}

/**
 * Finds the unit that begins with entry `seq`.
 *
 * @param out receives the address of the entry
 * @returns how many entries it has; 0 when it is not there yet; ERR_FULL when it is not kept any more
 */
export function unitAt(address: i32, seq: i32, out: i32): i32 {
  const track = changetype<UnitTrack>(address);
  const head = atomic.load<i32>(address + UNIT_HEAD_SEQ);
  if (head - seq <= 0) return 0;
  let block = unitBlockWith(track, seq);
  if (block === 0) return ERR_FULL;
  let i = seq - changetype<LogBlock>(block).firstSeq;
  store<i32>(out, unitEntry(block, i));
  let entries = 1;
  while ((unitEntryAt(unitEntry(block, i)).flags & UNIT_END) === 0) {
    i += 1;
    entries += 1;
    while (seq + entries - 1 - unitLastSeq(block) > 0) {
      block = changetype<LogBlock>(block).next;
      if (block === 0) return ERR_FULL;
      i = 0;
    }
  }
  return entries;
}

/** Number of the last entry of a block that has a next one, or is the head. */
export function unitLastSeq(block: i32): i32 {
  const header = changetype<LogBlock>(block);
  const next = header.next;
  return next === 0 ? header.firstSeq + header.count - 1 : changetype<LogBlock>(next).firstSeq - 1;
}

/**
 * Lists the bytes of the entries from `seq` up to `end`, not included, as UnitSpan one after the other; neighbours are
 * one.
 *
 * @returns spans written, or ERR_FULL when they do not fit or are not kept any more
 */
export function unitSpans(address: i32, seq: i32, end: i32, out: i32, limit: i32): i32 {
  const track = changetype<UnitTrack>(address);
  let spans = 0;
  let block = unitBlockWith(track, seq);
  let i = block === 0 ? 0 : seq - changetype<LogBlock>(block).firstSeq;
  for (let at = seq; end - at > 0; at++) {
    if (block === 0) return ERR_FULL;
    while (at - unitLastSeq(block) > 0) {
      block = changetype<LogBlock>(block).next;
      if (block === 0) return ERR_FULL;
      i = 0;
    }
    const entry = unitEntryAt(unitEntry(block, i));
    const last = changetype<UnitSpan>(out + (spans - 1) * UNIT_SPAN_STRIDE);
    if (spans > 0 && last.start + last.size === entry.start) {
      last.size += entry.size;
    } else {
      if (spans === limit) return ERR_FULL;
      const span = changetype<UnitSpan>(out + spans * UNIT_SPAN_STRIDE);
      span.start = entry.start;
      span.size = entry.size;
      spans += 1;
    }
    i += 1;
  }
  return spans;
}

/** Gives back the blocks whose entries all lie before `seq`. */
export function unitTrim(address: i32, seq: i32): void {
  const track = changetype<UnitTrack>(address);
  while (track.tail !== track.headBlock) {
    if (track.open === UNIT_OPEN && track.tail === track.startBlock) return;
    const next = changetype<LogBlock>(track.tail).next;
    if (seq - changetype<LogBlock>(next).firstSeq < 0) return;
    blockGive(track.tail);
    track.tail = next;
    track.blocks -= 1;
  }
}
