import { BLOCK_HEADER, FLAG_END_OF_FRAME, FLAG_RANDOM, FLAG_START_OF_FRAME } from "./abi";
import { CURSOR_CHANNELS, Cursor, entryHere, lose } from "./cursor";
import { entryAt, entryFlags, entrySize, entryTrack, Log, LogBlock, RECORD_ROW, writeRow } from "./log";
import { trackAt, trackOpenFrame } from "./track";
import { get8, put8 } from "./wire";

/**
 * Copies packets for a reader that is not plain, with its channels, as many as fit. Stops after the first
 * packet of a track that it has had none of.
 *
 * @param only tracks to copy; packets of others count as lost
 * @returns bytes written at `dst`
 */
export function cursorFill(address: i32, dst: i32, limit: i32, only: i32): i32 {
  const cursor = changetype<Cursor>(address);
  const isFramed = changetype<Log>(cursor.log).records === 0;
  let out = 0;
  cursor.passed = 0;
  while (true) {
    const entry = wanted(cursor, only);
    if (entry === 0) break;
    const size = entrySize(entry);
    if (out + size > limit) break;
    memory.copy(dst + out, load<i32>(entry), size);
    if (isFramed) put8(dst + out + 1, get8(address + CURSOR_CHANNELS + entryTrack(entry)));
    out += size;
    cursor.passed += 1;
    pass(cursor, entry);
    const first = cursor.fresh & (1 << entryTrack(entry));
    cursor.fresh &= ~first;
    if (first !== 0 && only === -1) break;
    if (only !== -1 && cursor.ending === 0) break;
  }
  settle(cursor);
  return out;
}

/**
 * Lists the next records for a reader that takes them one by one.
 *
 * @param out receives RECORD_ROW bytes for each: address, size with track and flags, time, number
 * @param limit rows that fit
 * @param only tracks to list; records of others count as lost
 * @returns rows written
 */
export function cursorGather(address: i32, out: i32, limit: i32, only: i32): i32 {
  const cursor = changetype<Cursor>(address);
  let rows = 0;
  while (rows < limit) {
    const entry = wanted(cursor, only);
    if (entry === 0) break;
    writeRow(out + rows * RECORD_ROW, entry, cursor.seq);
    rows += 1;
    pass(cursor, entry);
    if (only !== -1 && cursor.ending === 0) break;
  }
  return rows;
}

/** The next entry for a reader; 0 if there is none now. Entries that it does not get are skipped. */
function wanted(cursor: Cursor, only: i32): i32 {
  const log = changetype<Log>(cursor.log);
  while (true) {
    const entry = entryHere(cursor);
    if (entry === 0) return 0;
    const track = entryTrack(entry);
    const bit = 1 << track;
    const flags = entryFlags(entry);
    if ((cursor.ending & bit) !== 0 && (flags & FLAG_START_OF_FRAME) !== 0) drop(cursor, bit);
    if ((cursor.dropping & only & bit) !== 0) {
      if (log.records === 0 && undecided(cursor, track)) return 0;
      if (isRandom(cursor, track, flags)) {
        cursor.dropping &= ~bit;
        cursor.awaiting &= ~bit;
      }
    }
    if ((cursor.selected & bit) === 0) {
      cursor.seq += 1;
    } else if ((cursor.dropping & bit) !== 0 || (only & bit) === 0) {
      lose(cursor, bit, flags);
    } else {
      return entry;
    }
    if (only !== -1 && cursor.ending === 0) return 0;
  }
}

/** Whether the entry at the cursor starts a random access point. */
function isRandom(cursor: Cursor, track: i32, flags: i32): bool {
  if (changetype<Log>(cursor.log).records !== 0) return (flags & FLAG_RANDOM) !== 0;
  const last = trackAt(cursor.log, track);
  return last.rapCount !== 0 && last.rapSeq === cursor.seq;
}

/** Moves behind an entry that the reader gets. */
function pass(cursor: Cursor, entry: i32): void {
  const bit = 1 << entryTrack(entry);
  cursor.seq += 1;
  if ((cursor.ending & bit) !== 0 && (entryFlags(entry) & FLAG_END_OF_FRAME) !== 0) drop(cursor, bit);
}

/** The frame that was to be finished is over. */
function drop(cursor: Cursor, track: i32): void {
  cursor.ending &= ~track;
  cursor.dropping |= track;
}

/**
 * Whether the next packet starts a frame in progress whose type is not known yet. Other tracks wait for
 * that, but no longer than a reader may lag.
 */
function undecided(cursor: Cursor, track: i32): bool {
  const log = changetype<Log>(cursor.log);
  return trackOpenFrame(cursor.log, track, cursor.seq) && log.headSeq - cursor.seq <= log.lagPackets;
}

/** End of the packet before packet `seq` of a block. */
function endBefore(block: i32, seq: i32): i32 {
  const i = seq - changetype<LogBlock>(block).firstSeq;
  if (i === 0) return block + BLOCK_HEADER;
  const entry = entryAt(block, i - 1);
  return load<i32>(entry) + entrySize(entry);
}

/** Goes back to plain when nothing stands against it. */
function settle(cursor: Cursor): void {
  if (cursor.usual === 0 || cursor.fresh !== 0 || (cursor.dropping | cursor.ending) !== 0) return;
  const entry = entryHere(cursor);
  const block = cursor.block;
  if (entry !== 0) cursor.position = load<i32>(entry);
  else if (block !== 0) cursor.position = endBefore(block, cursor.seq);
  cursor.plain = 1;
}
