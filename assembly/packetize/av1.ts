import { UNIT_KEY } from "../abi";
import { put8 } from "../wire";
import { Packetizer, PacketTrack, packetBegin, packetEnd, payloadMax, readerOf, scoutOf } from "./state";
import { readerCopy, readPeek, readSkip, readTo, UnitReader } from "./unit-reader";

/** Elements that the count of an aggregation header can say. */
const ELEMENTS_MAX = 3;
/** Smallest fragment of an OBU after others in a packet, bytes. */
const PIECE_MIN = 16;
/** In the header of the OBU in progress: it has a second byte; it is still to be sent. */
const EXTENDED = 0x10000;
const UNSENT = 0x20000;
const TEMPORAL_DELIMITER = 2;
const TILE_LIST = 8;
const PADDING = 15;

/**
 * A temporal unit of AV1 (AV1 RTP §4.4): OBUs without their size, cut where a packet ends.
 *
 * @returns false when there is no room for the next packet
 */
export function av1Packets(p: Packetizer, track: PacketTrack): bool {
  const reader = readerOf(p);
  if (track.left === 0) skipForeign(reader);
  while (reader.rest > 0) {
    const payload = packetBegin(p);
    if (payload === 0) return false;
    const isFirst = track.done === 0;
    const size = elements(p, track, payload);
    if (isFirst && (reader.flags & UNIT_KEY) !== 0) put8(payload, load<u8>(payload) | 0x08);
    track.done = 1;
    packetEnd(p, track, size, track.time, reader.rest === 0);
  }
  return true;
}

/** Fills a packet; each element but the last has its length in front. */
function elements(p: Packetizer, track: PacketTrack, payload: i32): i32 {
  const reader = readerOf(p);
  const room = payloadMax(p);
  const continues = track.left > 0;
  let at = 1;
  let count = 0;
  let goesOn = false;
  while (count < ELEMENTS_MAX) {
    if (track.left === 0) beginObu(track, reader);
    const size = track.left;
    const lengthBytes = lebSize(size);
    const after = at + lengthBytes + size;
    const isLast = count === ELEMENTS_MAX - 1 || after + PIECE_MIN > room || !hasNext(p, track);
    if (isLast) {
      const piece = min(size, room - at);
      at += putPiece(track, reader, payload + at, piece);
      count += 1;
      goesOn = track.left > 0;
      break;
    }
    putLeb(payload + at, size);
    at += lengthBytes;
    at += putPiece(track, reader, payload + at, size);
    count += 1;
    skipForeign(reader);
  }
  if (!goesOn) skipForeign(reader);
  put8(payload, (continues ? 0x80 : 0) | (goesOn ? 0x40 : 0) | (count << 4));
  return at;
}

/** Reads the header and the size of the next OBU (AV1 §5.3.2). Its header is sent without the size. */
function beginObu(track: PacketTrack, reader: UnitReader): void {
  const first = readPeek(reader, 0);
  const hasExtension = (first & 0x04) !== 0;
  track.header = (first & 0xfd) | (hasExtension ? EXTENDED | (max(readPeek(reader, 1), 0) << 8) : 0);
  const head = headSize(reader);
  const size = bodySize(reader, head);
  readSkip(reader, head);
  // counted with its header, which is not sent yet
  track.left = size + (hasExtension ? 2 : 1);
  track.header |= UNSENT;
}

/** Writes a piece of the OBU in progress, with its header if that was not sent yet. */
function putPiece(track: PacketTrack, reader: UnitReader, dst: i32, size: i32): i32 {
  let at = 0;
  if ((track.header & UNSENT) !== 0) {
    put8(dst, track.header & 0xff);
    at = 1;
    if ((track.header & EXTENDED) !== 0) {
      put8(dst + 1, track.header >> 8);
      at = 2;
    }
    track.header = 0;
  }
  readTo(reader, dst + at, size - at);
  track.left -= size;
  return size;
}

/** Whether another OBU follows the one in progress. */
function hasNext(p: Packetizer, track: PacketTrack): bool {
  const scout = scoutOf(p);
  readerCopy(scout, readerOf(p));
  let body = track.left;
  if ((track.header & UNSENT) !== 0) body -= (track.header & EXTENDED) !== 0 ? 2 : 1;
  readSkip(scout, body);
  skipForeign(scout);
  return scout.rest > 0;
}

/** Passes over OBUs that are not sent (AV1 RTP §5). */
function skipForeign(reader: UnitReader): void {
  while (reader.rest > 0) {
    const type = (readPeek(reader, 0) >> 3) & 15;
    const head = headSize(reader);
    if (head <= reader.rest && type !== TEMPORAL_DELIMITER && type !== TILE_LIST && type !== PADDING) return;
    readSkip(reader, head + bodySize(reader, head));
  }
}

/** Bytes of the header of the next OBU with its size. */
function headSize(reader: UnitReader): i32 {
  const first = readPeek(reader, 0);
  let size = (first & 0x04) !== 0 ? 2 : 1;
  if ((first & 0x02) === 0) return size;
  for (let i = 0; i < 8; i++) {
    size += 1;
    if ((readPeek(reader, size - 1) & 0x80) === 0) break;
  }
  return size;
}

/** Bytes of the next OBU behind its header, as far as they are there. */
function bodySize(reader: UnitReader, head: i32): i32 {
  const first = readPeek(reader, 0);
  const most = max(reader.rest - head, 0);
  if ((first & 0x02) === 0) return most;
  let value: u64 = 0;
  const start = (first & 0x04) !== 0 ? 2 : 1;
  for (let i = start; i < head; i++) value |= ((readPeek(reader, i) & 0x7f) as u64) << (7 * (i - start));
  return value > (most as u64) ? most : (value as i32);
}

function lebSize(value: i32): i32 {
  let size = 1;
  for (let rest = value >> 7; rest > 0; rest >>= 7) size += 1;
  return size;
}

function putLeb(dst: i32, value: i32): void {
  let rest = value;
  let at = 0;
  while (rest > 127) {
    put8(dst + at, (rest & 0x7f) | 0x80);
    rest >>= 7;
    at += 1;
  }
  put8(dst + at, rest);
}
