import { put8, put16 } from "../wire";
import { Packetizer, PacketTrack, packetBegin, packetEnd, payloadMax, readerOf, scoutOf } from "./state";
import { readerCopy, readPeek, readPeek32, readSkip, readTo, UnitReader } from "./unit-reader";

const STAP_A = 24;
const FU_A = 28;
const H265_AP = 48;
const H265_FU = 49;

/**
 * An access unit of H264 (RFC 6184 §5: single NAL units, STAP-A, FU-A) or H265 (RFC 7798 §4.4: single NAL units, AP,
 * FU). NAL units that fit a packet together go together.
 *
 * @returns false when there is no room for the next packet
 */
export function nalPackets(p: Packetizer, track: PacketTrack, isH265: bool): bool {
  const reader = readerOf(p);
  if (track.left === 0) skipForeign(reader, isH265);
  while (reader.rest > 0) {
    const payload = packetBegin(p);
    if (payload === 0) return false;
    let size = 0;
    if (track.left > 0) size = fragment(p, track, payload, isH265);
    else if (nalSize(reader) > payloadMax(p)) size = firstFragment(p, track, payload, isH265);
    else size = whole(p, payload, isH265);
    if (track.left === 0) skipForeign(reader, isH265);
    packetEnd(p, track, size, track.time, reader.rest === 0);
  }
  return true;
}

/** Size of the next NAL unit, as far as available. */
function nalSize(reader: UnitReader): i32 {
  const size = readPeek32(reader);
  const most = reader.rest - 4;
  return size > (most as u32) ? most : (size as i32);
}

/** Skips what no packet can carry: empty NAL units, and types with another meaning in RTP. */
function skipForeign(reader: UnitReader, isH265: bool): void {
  while (reader.rest > 0) {
    if (reader.rest <= 4) {
      readSkip(reader, reader.rest);
      return;
    }
    const size = nalSize(reader);
    if (isOfCodec(reader, size, isH265)) return;
    readSkip(reader, 4 + size);
  }
}

function isOfCodec(reader: UnitReader, size: i32, isH265: bool): bool {
  const first = readPeek(reader, 4);
  if (isH265) return size >= 2 && ((first >> 1) & 63) < H265_AP;
  const type = first & 31;
  return size >= 1 && type !== 0 && type < STAP_A;
}

/** The whole next NAL unit, with the following ones that fit. */
function whole(p: Packetizer, payload: i32, isH265: bool): i32 {
  const reader = readerOf(p);
  const count = fitting(p, isH265);
  if (count === 1) {
    const size = nalSize(reader);
    readSkip(reader, 4);
    readTo(reader, payload, size);
    return size;
  }
  let at = isH265 ? 2 : 1;
  let layer = 0xffff;
  let importance = 0;
  for (let i = 0; i < count; i++) {
    skipForeign(reader, isH265);
    const size = nalSize(reader);
    const first = readPeek(reader, 4);
    importance = max(importance & 0x60, first & 0x60) | ((importance | first) & 0x80);
    if (isH265) layer = min(layer, ((first & 1) << 8) | readPeek(reader, 5));
    readSkip(reader, 4);
    put16(payload + at, size);
    readTo(reader, payload + at + 2, size);
    at += 2 + size;
  }
  if (isH265) put16(payload, (H265_AP << 9) | layer);
  else put8(payload, importance | STAP_A);
  return at;
}

/** Number of NAL units, from the next one on, that fit one packet together; at least one. */
function fitting(p: Packetizer, isH265: bool): i32 {
  const scout = scoutOf(p);
  readerCopy(scout, readerOf(p));
  let total = isH265 ? 2 : 1;
  let count = 0;
  while (scout.rest > 0) {
    const size = nalSize(scout);
    total += 2 + size;
    if (total > payloadMax(p)) break;
    count += 1;
    readSkip(scout, 4 + size);
    skipForeign(scout, isH265);
  }
  return max(count, 1);
}

/** Starts a NAL unit that is larger than a packet: its header goes into the headers of its fragments. */
function firstFragment(p: Packetizer, track: PacketTrack, payload: i32, isH265: bool): i32 {
  const reader = readerOf(p);
  const size = nalSize(reader);
  const first = readPeek(reader, 4);
  if (isH265) {
    track.header =
      ((first & 0x81) << 16) | (H265_FU << 17) | (readPeek(reader, 5) << 8) | ((first >> 1) & 63);
  } else {
    track.header = ((first & 0xe0) << 8) | (FU_A << 8) | (first & 31);
  }
  const header = isH265 ? 2 : 1;
  readSkip(reader, 4 + header);
  track.left = size - header;
  const written = fragment(p, track, payload, isH265);
  const flags = payload + header;
  put8(flags, load<u8>(flags) | 0x80);
  return written;
}

/** The next fragment of the NAL unit in progress (FU-A, RFC 6184 §5.8; FU, RFC 7798 §4.4.3). */
function fragment(p: Packetizer, track: PacketTrack, payload: i32, isH265: bool): i32 {
  const reader = readerOf(p);
  const header = isH265 ? 3 : 2;
  const size = min(min(payloadMax(p) - header, track.left), reader.rest);
  for (let i = 0; i < header; i++) put8(payload + i, track.header >> (8 * (header - 1 - i)));
  readTo(reader, payload + header, size);
  track.left -= size;
  if (track.left === 0) put8(payload + header - 1, (track.header & 63) | 0x40);
  return header + size;
}
