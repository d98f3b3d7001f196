import { UNIT_HEAD_SEQ } from "../units/layout";
import { unitEntryAt } from "../units/log";
import { put16 } from "../wire";
import {
  Packetizer,
  PacketTrack,
  packetBegin,
  packetEnd,
  payloadMax,
  readerOf,
  scoutOf,
  unfit,
} from "./state";
import { readerCopy, readerOpen, readSkip, readTo } from "./unit-reader";

/** Largest AU that 13 bits of size can say (RFC 3640 §3.3.6). */
const AU_MAX = 8191;
/** AUs of one packet at most. */
const AUS_MAX = 8;
/** Bytes of the AU headers of a packet with one AU. */
const AU_HEAD = 4;

/** A frame per packet: Opus (RFC 7587 §4.2). Returns false when there is no room for it. */
export function framePacket(p: Packetizer, track: PacketTrack): bool {
  const reader = readerOf(p);
  const size = reader.rest;
  if (size > payloadMax(p)) return unfit(track, reader);
  const payload = packetBegin(p);
  if (payload === 0) return false;
  readTo(reader, payload, size);
  packetEnd(p, track, size, track.time, false);
  return true;
}

/**
 * AAC in the mode AAC-hbr (RFC 3640 §3.3.6): as many available AUs as fit; fragments of a large one.
 *
 * @returns false when there is no room for the next packet
 */
export function genericPackets(p: Packetizer, track: PacketTrack): bool {
  const reader = readerOf(p);
  if (track.done === 0) {
    if (reader.rest > AU_MAX) return unfit(track, reader);
    track.left = reader.rest;
  }
  const room = payloadMax(p) - AU_HEAD;
  if (track.left <= room) return aggregate(p, track);
  while (reader.rest > 0) {
    const payload = packetBegin(p);
    if (payload === 0) return false;
    put16(payload, 16);
    put16(payload + 2, track.left << 3);
    const size = min(room, reader.rest);
    readTo(reader, payload + AU_HEAD, size);
    track.done += size;
    packetEnd(p, track, AU_HEAD + size, track.time, reader.rest === 0);
  }
  track.left = 0;
  return true;
}

/** The unit in progress, and the following ones that fit the same packet and are contiguous in time. */
function aggregate(p: Packetizer, track: PacketTrack): bool {
  const payload = packetBegin(p);
  if (payload === 0) return false;
  const reader = readerOf(p);
  const count = following(p, track);
  let at = 2 + 2 * count;
  put16(payload, 16 * count);
  for (let i = 0; i < count; i++) {
    if (i > 0) readerOpen(reader, track.units, reader.seq + 1);
    const size = reader.rest;
    put16(payload + 2 + 2 * i, size << 3);
    readTo(reader, payload + at, size);
    at += size;
  }
  packetEnd(p, track, at, track.time, true);
  track.left = 0;
  return true;
}

/** How many units from the one in progress on go into one packet. */
function following(p: Packetizer, track: PacketTrack): i32 {
  const scout = scoutOf(p);
  readerCopy(scout, readerOf(p));
  const head = atomic.load<i32>(track.units + UNIT_HEAD_SEQ);
  let total = AU_HEAD + scout.rest;
  let count = 1;
  while (count < AUS_MAX) {
    readSkip(scout, scout.rest);
    if (head - (scout.seq + 1) <= 0) break;
    const entry = readerOpen(scout, track.units, scout.seq + 1);
    if (entry === 0) break;
    const dts = unitEntryAt(entry).dts;
    const late = dts - track.dts - (count as f64) * track.frameTicks;
    total += 2 + scout.rest;
    if (total > payloadMax(p) || !(dts <= track.limit) || !(Math.abs(late) <= 1)) break;
    count += 1;
  }
  return count;
}
