import { UNIT_KEY } from "../abi";
import { put8, put16 } from "../wire";
import { Packetizer, PacketTrack, packetBegin, packetEnd, payloadMax, readerOf } from "./state";
import { readPeek, readTo, UnitReader } from "./unit-reader";

/** A frame of VP8 (RFC 7741 §4.2), with a picture id of 15 bits. Returns false when there is no room for a packet. */
export function vp8Packets(p: Packetizer, track: PacketTrack): bool {
  const reader = readerOf(p);
  while (reader.rest > 0) {
    const payload = packetBegin(p);
    if (payload === 0) return false;
    put8(payload, track.done === 0 ? 0x90 : 0x80);
    put8(payload + 1, 0x80);
    put16(payload + 2, 0x8000 | track.picture);
    rest(p, track, payload, 4);
  }
  return true;
}

/**
 * A frame of VP9 (RFC 9628 §4.2) of one layer, with a picture id of 15 bits; key frames say their size. Returns false
 * when there is no room for a packet.
 */
export function vp9Packets(p: Packetizer, track: PacketTrack): bool {
  const reader = readerOf(p);
  while (reader.rest > 0) {
    const payload = packetBegin(p);
    if (payload === 0) return false;
    const isKey = (reader.flags & UNIT_KEY) !== 0;
    let flags = isKey ? 0x80 : 0xc0;
    let head = 3;
    put16(payload + 1, 0x8000 | track.picture);
    if (track.done === 0) {
      flags |= 0x08;
      const size = isKey ? pictureSize(reader) : 0;
      if (size !== 0) {
        // one layer with a size, no description of a group of pictures
        flags |= 0x02;
        put8(payload + 3, 0x10);
        put16(payload + 4, (size >> 16) + 1);
        put16(payload + 6, (size & 0xffff) + 1);
        head = 8;
      }
    }
    if (reader.rest <= payloadMax(p) - head) flags |= 0x04;
    put8(payload, flags);
    rest(p, track, payload, head);
  }
  return true;
}

/** As much of the frame as fits after `head` bytes of descriptor. */
function rest(p: Packetizer, track: PacketTrack, payload: i32, head: i32): void {
  const reader = readerOf(p);
  const size = min(payloadMax(p) - head, reader.rest);
  readTo(reader, payload + head, size);
  track.done += size;
  if (reader.rest === 0) track.picture = (track.picture + 1) & 0x7fff;
  packetEnd(p, track, head + size, track.time, reader.rest === 0);
}

/**
 * Width and height, each less one, in 16 bits each, of a key frame (VP9 bitstream §6.2); 0 when its header is not that
 * of one, or a size has no place in a scalability structure.
 */
function pictureSize(reader: UnitReader): u32 {
  const marker = bits(reader, 0, 2);
  const profile = bits(reader, 2, 1) | (bits(reader, 3, 1) << 1);
  let at = profile === 3 ? 5 : 4;
  // neither show_existing_frame nor an inter frame
  if (marker !== 2 || bits(reader, at, 2) !== 0) return 0;
  at += 4;
  if (bits(reader, at, 24) !== 0x498342) return 0;
  at += 24;
  if (profile >= 2) at += 1;
  const space = bits(reader, at, 3);
  at += 3;
  const isSubsampled = (profile & 1) !== 0;
  if (space !== 7) at += isSubsampled ? 4 : 1;
  else if (isSubsampled) at += 1;
  if ((at + 32 + 7) >> 3 > reader.rest) return 0;
  const width = bits(reader, at, 16);
  const height = bits(reader, at + 16, 16);
  return width === 0xffff || height === 0xffff ? 0 : (width << 16) | height;
}

function bits(reader: UnitReader, from: i32, count: i32): u32 {
  let value: u32 = 0;
  for (let i = from; i < from + count; i++) {
    value = (value << 1) | (((readPeek(reader, i >> 3) >> (7 - (i & 7))) & 1) as u32);
  }
  return value;
}
