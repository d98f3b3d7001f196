import { get8, get32, put32 } from "../wire";
import { Packetizer, PacketTrack, packetBegin, packetEnd, payloadMax, readerOf, scoutOf } from "./state";
import { readerCopy, readSkip, readTo } from "./unit-reader";

/** Start codes (ISO/IEC 13818-2 §6.2.1): a picture, the first and the last slice, a sequence, a group of pictures. */
const PICTURE = 0x00;
const SLICE_FIRST = 0x01;
const SLICE_LAST = 0xaf;
const SEQUENCE = 0xb3;
const GROUP = 0xb8;
const HEAD = 4;

/** What `scan` finds in a payload: bits of the header, and where the payload should end. */
const HAS_SEQUENCE: u32 = 0x2000;
const BEGINS_SLICE: u32 = 0x1000;
const ENDS_SLICE: u32 = 0x0800;
let found: u32 = 0;
let cut: i32 = 0;

/** A picture of MPEG-4 Video (RFC 6416 §5), cut anywhere. Returns false when there is no room for the next packet. */
export function mpeg4Packets(p: Packetizer, track: PacketTrack): bool {
  const reader = readerOf(p);
  while (reader.rest > 0) {
    const payload = packetBegin(p);
    if (payload === 0) return false;
    const size = min(payloadMax(p), reader.rest);
    readTo(reader, payload, size);
    packetEnd(p, track, size, track.time, reader.rest === 0);
  }
  return true;
}

/**
 * A picture of MPEG-1/2 Video (RFC 2250 §3.1, §3.4): packets end where slices do; a slice alone is cut. Returns false
 * when there is no room for the next packet.
 */
export function mpeg12Packets(p: Packetizer, track: PacketTrack): bool {
  const reader = readerOf(p);
  const scout = scoutOf(p);
  while (reader.rest > 0) {
    const payload = packetBegin(p);
    if (payload === 0) return false;
    const data = payload + HEAD;
    const size = min(payloadMax(p) - HEAD, reader.rest);
    readerCopy(scout, reader);
    readTo(scout, data, size);
    scan(track, data, size, size === reader.rest);
    readSkip(reader, cut);
    put32(payload, track.header | found);
    packetEnd(p, track, HEAD + cut, track.time, reader.rest === 0);
  }
  return true;
}

/** Looks for start codes among `size` bytes. `isEnd`: they are the last ones of the picture. */
function scan(track: PacketTrack, data: i32, size: i32, isEnd: bool): void {
  found = 0;
  cut = isEnd ? size : 0;
  let slices = 0;
  let isInside = true;
  for (let i = 0; i + 3 < size; i++) {
    if (get8(data + i + 2) > 1) {
      i += 2;
      continue;
    }
    if (get8(data + i) !== 0 || get8(data + i + 1) !== 0 || get8(data + i + 2) !== 1) continue;
    const code = get8(data + i + 3);
    if (i === 0) isInside = false;
    const isSlice = code >= SLICE_FIRST && code <= SLICE_LAST;
    const isHeader = code === SEQUENCE || code === GROUP || code === PICTURE;
    // headers may only be at the start; the rest of a slice has its own packet
    if ((isHeader && slices > 0) || (isInside && (isHeader || isSlice))) {
      cut = i;
      break;
    }
    if (isSlice) {
      if (slices === 0) found |= BEGINS_SLICE;
      else if (!isEnd) cut = i;
      slices += 1;
    }
    if (code === SEQUENCE) found |= HAS_SEQUENCE;
    if (code === PICTURE && i + 9 < size) readPicture(track, data + i + 4);
    i += 3;
  }
  if (cut !== 0) found |= ENDS_SLICE;
  else cut = size;
}

/** Fields of the picture header (ISO/IEC 13818-2 §6.2.3), as the RTP payload header has them. */
function readPicture(track: PacketTrack, at: i32): void {
  const head = get32(at);
  const type = (head >> 19) & 7;
  let header = ((head >> 22) << 16) | (type << 8);
  const tail = ((head & 7) << 16) | (get8(at + 4) << 8) | get8(at + 5);
  // full_pel_forward_vector and forward_f_code, the same backward
  if (type === 2 || type === 3) header |= (tail >> 15) & 15;
  if (type === 3) header |= ((tail >> 11) & 15) << 4;
  track.header = header;
}
