import { put8, put16 } from "../wire";
import { Packetizer, PacketTrack, packetBegin, packetEnd, payloadMax, readerOf, unfit } from "./state";
import { readTo } from "./unit-reader";

/** Largest offset of a fragment (RFC 2250 §3.5). */
const MPA_MAX = 65535;
const MPA_HEAD = 4;
/** Fragments that the header can count, and its bytes (RFC 4184 §4.1.1). */
const AC3_PIECES = 255;
const AC3_HEAD = 2;

/** A frame of MPEG-1/2 Audio (RFC 2250 §3.5). Returns false when there is no room for the next packet. */
export function mpaPackets(p: Packetizer, track: PacketTrack): bool {
  const reader = readerOf(p);
  if (track.done === 0 && reader.rest > MPA_MAX) return unfit(track, reader);
  while (reader.rest > 0) {
    const payload = packetBegin(p);
    if (payload === 0) return false;
    put16(payload, 0);
    put16(payload + 2, track.done);
    const size = min(payloadMax(p) - MPA_HEAD, reader.rest);
    readTo(reader, payload + MPA_HEAD, size);
    track.done += size;
    packetEnd(p, track, MPA_HEAD + size, track.time, false);
  }
  return true;
}

/** A frame of AC-3 (RFC 4184 §4). Returns false when there is no room for the next packet. */
export function ac3Packets(p: Packetizer, track: PacketTrack): bool {
  const reader = readerOf(p);
  const room = payloadMax(p) - AC3_HEAD;
  if (track.done === 0) {
    if (reader.rest > room * AC3_PIECES) return unfit(track, reader);
    track.left = reader.rest;
  }
  const pieces = (track.left + room - 1) / room;
  while (reader.rest > 0) {
    const payload = packetBegin(p);
    if (payload === 0) return false;
    const size = min(room, reader.rest);
    let type = 0;
    // 1: the first fragment has five eighths of the frame; 2: it has less; 3: another fragment
    if (track.done > 0) type = 3;
    else if (pieces > 1) type = 8 * size >= 5 * track.left ? 1 : 2;
    put8(payload, type);
    put8(payload + 1, pieces);
    readTo(reader, payload + AC3_HEAD, size);
    track.done += size;
    packetEnd(p, track, AC3_HEAD + size, track.time, reader.rest === 0);
  }
  track.left = 0;
  return true;
}

/**
 * Samples, cut between two of them (RFC 3551 §4.5). The time of a packet is that of its first sample. Returns false
 * when there is no room for the next packet.
 */
export function samplePackets(p: Packetizer, track: PacketTrack): bool {
  const reader = readerOf(p);
  const each = track.sampleBytes;
  const most = payloadMax(p) - (payloadMax(p) % each);
  if (most === 0) return unfit(track, reader);
  while (reader.rest > 0) {
    const payload = packetBegin(p);
    if (payload === 0) return false;
    const size = min(most, reader.rest);
    readTo(reader, payload, size);
    packetEnd(p, track, size, track.time + ((track.done / each) as u32), false);
    track.done += size;
  }
  return true;
}
