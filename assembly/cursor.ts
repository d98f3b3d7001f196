import { BLOCK_HEADER, FLAG_START_OF_FRAME, FLAG_VIDEO, MAX_TRACKS } from "./abi";
import {
  blockOf,
  entryArrival,
  entryAt,
  entryFlags,
  entrySize,
  entryTrack,
  LOG_HEAD,
  Log,
  LogBlock,
} from "./log";
import { trackAt } from "./track";

/**
 * Where a reader stands in a log, always on a packet boundary. A layout, never constructed. While `plain` is set the
 * reader gets the bytes of the log as they are; otherwise a copy with its own tracks and channels.
 */
export class Cursor {
  log!: i32;
  /** Block it stands in; 0 before the log's first. */
  block!: i32;
  /** Address of the next byte, when plain. */
  position!: i32;
  /** Sequence number of the next packet. */
  seq!: i32;
  plain!: i32;
  /** Whether it can be plain: all tracks on the usual channels. */
  usual!: i32;
  /** Tracks it wants, tracks waiting for a random access point, tracks that wait after the frame they are in. */
  selected!: i32;
  dropping!: i32;
  ending!: i32;
  /** The rest of a partly written packet, from `cursorMove`. */
  restAddress!: i32;
  lostPackets!: u32;
  lostFrames!: u32;
  /** Tracks whose first random access point has not arrived: earlier packets do not count as lost. */
  awaiting!: i32;
  /** Packets that the last `cursorMove` or `cursorFill` has passed to the reader. */
  passed!: i32;
  /** Tracks of which the reader has had no packet yet; `cursorFill` stops after the first one of each. */
  fresh!: i32;
  /** Of `unitPull`: when the last packet arrived, and how long none did, in all, ms. */
  arrival!: i32;
  stalled!: i32;
}

/** Channel of each track, MAX_TRACKS bytes. */
export const CURSOR_CHANNELS: i32 = offsetof<Cursor>();
export const CURSOR_SIZE: i32 = CURSOR_CHANNELS + MAX_TRACKS;
export const CURSOR_POSITION: i32 = offsetof<Cursor>("position");
export const CURSOR_SEQ: i32 = offsetof<Cursor>("seq");
export const CURSOR_PLAIN: i32 = offsetof<Cursor>("plain");
export const CURSOR_DROPPING: i32 = offsetof<Cursor>("dropping");
export const CURSOR_ENDING: i32 = offsetof<Cursor>("ending");
export const CURSOR_REST: i32 = offsetof<Cursor>("restAddress");
export const CURSOR_LOST_PACKETS: i32 = offsetof<Cursor>("lostPackets");
export const CURSOR_FRESH: i32 = offsetof<Cursor>("fresh");
export const CURSOR_LOST_FRAMES: i32 = offsetof<Cursor>("lostFrames");
export const CURSOR_PASSED: i32 = offsetof<Cursor>("passed");

/**
 * Opens a cursor at the live edge. The caller writes its channels first.
 *
 * @param usual 1 when it takes all tracks, track n on channel 2n
 * @param fresh tracks after whose first packet `cursorFill` stops; it is not plain before
 */
export function cursorOpen(address: i32, log: i32, selected: i32, usual: i32, fresh: i32): void {
  const cursor = changetype<Cursor>(address);
  memory.fill(address, 0, CURSOR_CHANNELS);
  cursor.log = log;
  cursor.selected = selected;
  cursor.usual = usual;
  cursor.fresh = fresh & selected;
  cursor.plain = cursor.fresh === 0 ? usual : 0;
  toHead(cursor);
}

/** The packet number is derived from the address, because the owner may publish more at any moment. */
function toHead(cursor: Cursor): void {
  const head = atomic.load<i32>(cursor.log + LOG_HEAD);
  cursor.position = head;
  cursor.block = head === 0 ? 0 : blockOf(head);
  if (head === 0) {
    cursor.seq = 0;
    return;
  }
  const block = cursor.block;
  let count = countOf(block);
  while (count > 0 && load<i32>(entryAt(block, count - 1)) >= head) count -= 1;
  cursor.seq = changetype<LogBlock>(block).firstSeq + count;
}

/** Number of packets published in a block; their entries may be read. */
function countOf(block: i32): i32 {
  return atomic.load<i32>(block + offsetof<LogBlock>("count"));
}

/** Moves a cursor to the live edge; skipped packets do not count as lost. */
export function cursorToHead(address: i32): void {
  toHead(changetype<Cursor>(address));
}

/** Moves a cursor to the position of another one of the same log. */
export function cursorFollow(address: i32, leader: i32): void {
  const cursor = changetype<Cursor>(address);
  const other = changetype<Cursor>(leader);
  cursor.block = other.block;
  cursor.position = other.position;
  cursor.seq = other.seq;
}

/** Moves a cursor to the last random access point of its first video track, if the log still has it. */
export function cursorToRandomAccess(address: i32): bool {
  const cursor = changetype<Cursor>(address);
  const log = changetype<Log>(cursor.log);
  for (let i = 0; i < log.trackCount; i++) {
    const track = trackAt(cursor.log, i);
    if (track.rapCount === 0 || ((cursor.selected >> i) & 1) === 0) continue;
    if (!find(cursor, track.rapSeq)) return false;
    return true;
  }
  return false;
}

/** Moves to the packet `seq`, searching the chain from its first block. */
function find(cursor: Cursor, seq: i32): bool {
  const log = changetype<Log>(cursor.log);
  let block = log.tail;
  while (block !== 0) {
    const header = changetype<LogBlock>(block);
    const i = seq - header.firstSeq;
    if (i < 0) return false;
    if (i < header.count) {
      cursor.block = block;
      cursor.seq = seq;
      cursor.position = load<i32>(entryAt(block, i));
      return true;
    }
    block = header.next;
  }
  return false;
}

/**
 * How many bytes may be sent from `position` in one piece, when plain. 0: it has seen everything.
 */
export function cursorSpan(address: i32): i32 {
  const cursor = changetype<Cursor>(address);
  const head = atomic.load<i32>(cursor.log + LOG_HEAD);
  if (head === 0) return 0;
  if (cursor.block === 0) enter(cursor, changetype<Log>(cursor.log).tail);
  while (blockOf(head) !== cursor.block) {
    const header = changetype<LogBlock>(cursor.block);
    if (cursor.position < header.end) return header.end - cursor.position;
    enter(cursor, header.next);
  }
  return head - cursor.position;
}

function enter(cursor: Cursor, block: i32): void {
  cursor.block = block;
  cursor.position = block + BLOCK_HEADER;
}

/**
 * Advances by `size` sent bytes, and to the end of a partly sent packet.
 *
 * @returns bytes of that packet which are still to be sent, from `restAddress`; 0 on a boundary
 */
export function cursorMove(address: i32, size: i32): i32 {
  const cursor = changetype<Cursor>(address);
  const target = cursor.position + size;
  const block = cursor.block;
  cursor.passed = 0;
  const header = changetype<LogBlock>(block);
  let low = cursor.seq - header.firstSeq;
  let high = countOf(block) - 1;
  if (low > high) {
    if (size !== 0) unreachable();
    return 0;
  }
  const last = entryAt(block, high);
  if (load<i32>(last) + entrySize(last) === target) low = high;
  while (low < high) {
    const middle = (low + high) >> 1;
    const entry = entryAt(block, middle);
    if (load<i32>(entry) + entrySize(entry) < target) low = middle + 1;
    else high = middle;
  }
  const entry = entryAt(block, low);
  if (target <= load<i32>(entry)) return 0;
  const end = load<i32>(entry) + entrySize(entry);
  if (target > end) unreachable();
  cursor.position = end;
  cursor.passed = header.firstSeq + low + 1 - cursor.seq;
  cursor.seq += cursor.passed;
  cursor.restAddress = target;
  return end - target;
}

/** Age of the oldest packet not sent yet, ms; 0 when there is none. */
export function cursorAge(address: i32, now: i32): i32 {
  const entry = entryHere(changetype<Cursor>(address));
  return entry === 0 ? 0 : now - entryArrival(entry);
}

/** The index entry at the cursor, moving to the next block if needed; 0 at the head. */
export function entryHere(cursor: Cursor): i32 {
  const log = changetype<Log>(cursor.log);
  if (cursor.block === 0) {
    if (log.tail === 0) return 0;
    enter(cursor, log.tail);
  }
  while (true) {
    const next = atomic.load<i32>(cursor.block + offsetof<LogBlock>("next"));
    const i = cursor.seq - changetype<LogBlock>(cursor.block).firstSeq;
    if (i < 0) unreachable();
    if (i < countOf(cursor.block)) return entryAt(cursor.block, i);
    if (next === 0) return 0;
    enter(cursor, next);
  }
}

/**
 * Makes a reader that is too far behind drop its video tracks up to their next random access points; a frame that was
 * begun is finished first, other tracks go on. A reader without video goes to the live edge.
 */
export function cursorSkip(address: i32): void {
  const cursor = changetype<Cursor>(address);
  const video = videoOf(cursor);
  if (video === 0) {
    loseAll(cursor);
    return;
  }
  cursor.plain = 0;
  const fresh = video & ~cursor.dropping & ~cursor.ending;
  const begun = begunFrames(cursor, fresh);
  cursor.ending |= begun;
  cursor.dropping |= fresh & ~begun;
}

/** Tracks of the reader whose frames may span packets. */
function videoOf(cursor: Cursor): i32 {
  const log = changetype<Log>(cursor.log);
  let video = 0;
  for (let i = 0; i < log.trackCount; i++) {
    if (trackAt(cursor.log, i).video !== 0) video |= cursor.selected & (1 << i);
  }
  return video;
}

/** Of `tracks`, those whose next packet continues a frame. */
function begunFrames(cursor: Cursor, tracks: i32): i32 {
  let unknown = tracks;
  let begun = 0;
  let block = cursor.block === 0 ? changetype<Log>(cursor.log).tail : cursor.block;
  if (block === 0) return 0;
  let i = cursor.seq - changetype<LogBlock>(block).firstSeq;
  while (unknown !== 0 && block !== 0) {
    if (i >= changetype<LogBlock>(block).count) {
      block = changetype<LogBlock>(block).next;
      i = 0;
      continue;
    }
    const entry = entryAt(block, i);
    const bit = 1 << entryTrack(entry);
    if ((unknown & bit) !== 0 && (entryFlags(entry) & FLAG_START_OF_FRAME) === 0) begun |= bit;
    unknown &= ~bit;
    i += 1;
  }
  for (let t = 0; t < MAX_TRACKS; t++) {
    if (((unknown >> t) & 1) !== 0 && trackAt(cursor.log, t).frameOpen !== 0) begun |= 1 << t;
  }
  return begun;
}

/** Drops everything not sent yet; video then waits for a random access point. */
export function cursorJump(address: i32): void {
  const cursor = changetype<Cursor>(address);
  cursorSkip(address);
  cursor.dropping |= cursor.ending;
  cursor.ending = 0;
  loseAll(cursor);
}

/** Moves to the live edge; skipped packets of wanted tracks count as lost. */
function loseAll(cursor: Cursor): void {
  let entry = entryHere(cursor);
  while (entry !== 0) {
    const bit = 1 << entryTrack(entry);
    if ((cursor.selected & bit) !== 0) lose(cursor, bit, entryFlags(entry));
    else cursor.seq += 1;
    entry = entryHere(cursor);
  }
  toHead(cursor);
}

/** Makes a reader of records wait for the first random access points of its video tracks; other tracks continue. */
export function cursorAwait(address: i32): void {
  const cursor = changetype<Cursor>(address);
  const video = videoOf(cursor);
  if (video === 0) return;
  cursor.plain = 0;
  cursor.dropping |= video;
  cursor.awaiting |= video;
}

/** Moves a cursor to the entry `seq`; false if the log no longer has it. */
export function cursorTo(address: i32, seq: i32): bool {
  return find(changetype<Cursor>(address), seq);
}

/** Passes over an entry that the reader wanted. */
export function lose(cursor: Cursor, bit: i32, flags: i32): void {
  cursor.seq += 1;
  if ((cursor.awaiting & bit) !== 0) return;
  cursor.lostPackets += 1;
  if ((flags & FLAG_VIDEO) !== 0 && (flags & FLAG_START_OF_FRAME) !== 0) cursor.lostFrames += 1;
}
