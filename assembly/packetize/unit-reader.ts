import { LogBlock } from "../log";
import { UnitTrack } from "../units/layout";
import { unitBlockWith, unitEntry, unitEntryAt, unitLastSeq } from "../units/log";
import { get8 } from "../wire";

/** Reads a published unit from its first byte to its last, across its pieces. A layout, never constructed. */
export class UnitReader {
  /** The entry of the present piece: its number, its block, its index there. */
  seq!: i32;
  block!: i32;
  index!: i32;
  /** The next byte, bytes left of the piece and of the unit. */
  at!: i32;
  left!: i32;
  rest!: i32;
  /** Flags of the unit. */
  flags!: i32;
}

export const READER_SIZE: i32 = offsetof<UnitReader>();

/** Moves to the start of the unit with first entry `seq`. Returns the address of that entry; 0 if it no longer exists. */
export function readerOpen(reader: UnitReader, units: i32, seq: i32): i32 {
  const track = changetype<UnitTrack>(units);
  const block = unitBlockWith(track, seq);
  reader.rest = 0;
  if (block === 0) return 0;
  reader.seq = seq;
  reader.block = block;
  reader.index = seq - changetype<LogBlock>(block).firstSeq;
  if (!settle(reader)) return 0;
  const entry = unitEntry(reader.block, reader.index);
  reader.flags = unitEntryAt(entry).flags;
  reader.rest = unitEntryAt(entry).bytes;
  return entry;
}

/** Finds the piece that has the number `seq`. */
function settle(reader: UnitReader): bool {
  while (reader.seq - unitLastSeq(reader.block) > 0) {
    reader.block = changetype<LogBlock>(reader.block).next;
    reader.index = 0;
    if (reader.block === 0) return false;
  }
  const entry = unitEntryAt(unitEntry(reader.block, reader.index));
  reader.at = entry.start;
  reader.left = entry.size;
  return true;
}

/** Moves to the next piece when the present one is used up. */
function turn(reader: UnitReader): void {
  while (reader.left === 0 && reader.rest > 0) {
    reader.seq += 1;
    reader.index += 1;
    if (!settle(reader)) reader.rest = 0;
  }
}

/** Copies the next bytes, as many as there are up to `size`. */
export function readTo(reader: UnitReader, dst: i32, size: i32): void {
  let done = 0;
  while (done < size && reader.rest > 0) {
    turn(reader);
    const n = min(min(reader.left, reader.rest), size - done);
    memory.copy(dst + done, reader.at, n);
    advance(reader, n);
    done += n;
  }
}

export function readSkip(reader: UnitReader, size: i32): void {
  let done = 0;
  while (done < size && reader.rest > 0) {
    turn(reader);
    const n = min(min(reader.left, reader.rest), size - done);
    advance(reader, n);
    done += n;
  }
}

function advance(reader: UnitReader, size: i32): void {
  reader.at += size;
  reader.left -= size;
  reader.rest -= size;
}

/** The byte `offset` behind the next one; -1 behind the end of the unit. */
export function readPeek(reader: UnitReader, offset: i32): i32 {
  if (offset >= reader.rest) return -1;
  if (offset < reader.left) return get8(reader.at + offset);
  let skip = offset - reader.left;
  let seq = reader.seq;
  let block = reader.block;
  let index = reader.index;
  while (block !== 0) {
    seq += 1;
    index += 1;
    while (block !== 0 && seq - unitLastSeq(block) > 0) {
      block = changetype<LogBlock>(block).next;
      index = 0;
    }
    if (block === 0) break;
    const entry = unitEntryAt(unitEntry(block, index));
    if (skip < entry.size) return get8(entry.start + skip);
    skip -= entry.size;
  }
  return -1;
}

/** The next four bytes as a big-endian number; the caller has made sure that they are there. */
export function readPeek32(reader: UnitReader): u32 {
  let value: u32 = 0;
  for (let i = 0; i < 4; i++) value = (value << 8) | (readPeek(reader, i) as u32);
  return value;
}

/** Makes `to` stand where `from` stands. */
export function readerCopy(to: UnitReader, from: UnitReader): void {
  memory.copy(changetype<i32>(to), changetype<i32>(from), READER_SIZE);
}
