import { FRAMING, KIND_H264 } from "../abi";
import { Log } from "../log";
import { trackAt } from "../track";
import { get8, get16, put8 } from "../wire";
import { enterPacket, frame, makeRoom, rtpHeaderSize } from "./packet";
import { stamp } from "./source";

/** The packet being refragmented, during one call. */
let source: i32 = 0;
let track: i32 = 0;
let kind: i32 = 0;
let received: f64 = 0;
/** Packets written for it so far. */
let written: i32 = 0;

/**
 * Splits an oversized H264 or H265 packet into packets readers can get: aggregates are split, NAL units
 * and fragments become fragments (FU-A, RFC 6184 §5.8; FU, RFC 7798 §4.4.3). Sequence numbers grow accordingly.
 *
 * @param packet an RTP packet outside the log, of `size` bytes
 * @returns 0, or ERR_*
 */
export function refragment(log: Log, index: i32, packetKind: i32, packet: i32, size: i32, now: f64): i32 {
  source = packet;
  track = index;
  kind = packetKind;
  received = now;
  written = 0;
  const header = rtpHeaderSize(packet, size);
  const payload = packet + header;
  const length = size - header;
  if (length <= unitHeader()) return 0;
  const type = unitType(payload);
  let code = 0;
  if (type === (kind === KIND_H264 ? 28 : 49)) code = cutFragment(log, payload, length);
  else if (type === (kind === KIND_H264 ? 24 : 48)) code = cutAggregate(log, payload, length);
  else code = cutUnit(log, payload, length, true);
  if (written > 1) trackAt(changetype<i32>(log), index).seqOffset += written - 1;
  return code;
}

function unitHeader(): i32 {
  return kind === KIND_H264 ? 1 : 2;
}

function unitType(unit: i32): i32 {
  return kind === KIND_H264 ? get8(unit) & 31 : (get8(unit) >> 1) & 63;
}

function cutAggregate(log: Log, payload: i32, length: i32): i32 {
  const end = payload + length;
  let at = nextUnit(payload + unitHeader(), end);
  while (at !== 0) {
    const size = get16(at);
    const next = nextUnit(at + 2 + size, end);
    const code = cutUnit(log, at + 2, size, next === 0);
    if (code < 0) return code;
    at = next;
  }
  return 0;
}

/** Address of the size of the next whole unit of an aggregate from `from` on; 0 without one. Empty units are skipped. */
function nextUnit(from: i32, end: i32): i32 {
  let at = from;
  while (at + 2 < end) {
    const size = get16(at);
    if (at + 2 + size > end) return 0;
    if (size > unitHeader()) return at;
    at += 2 + size;
  }
  return 0;
}

/** Writes a NAL unit, whole where it fits. `last`: it ends the packet, and carries its marker. */
function cutUnit(log: Log, unit: i32, size: i32, last: bool): i32 {
  if (12 + size <= log.maxPacket) return emit(log, 0, 0, unit, size, last);
  const first = fragmentHeader(unit, unitType(unit));
  const head = unitHeader();
  return cutPieces(log, first, unit + head, size - head, 3, last);
}

/** Cuts a fragment into smaller ones; its start and end bits stay where they were. */
function cutFragment(log: Log, payload: i32, length: i32): i32 {
  const head = unitHeader() + 1;
  if (length <= head) return 0;
  const bits = get8(payload + unitHeader());
  const prefix =
    kind === KIND_H264
      ? (get8(payload) << 8) | (bits & 31)
      : (get8(payload) << 16) | (get8(payload + 1) << 8) | (bits & 63);
  const ends = ((bits & 0x80) !== 0 ? 1 : 0) | ((bits & 0x40) !== 0 ? 2 : 0);
  return cutPieces(log, prefix, payload + head, length - head, ends, true);
}

/** Fragment header without start and end bits, as one number in wire order. */
function fragmentHeader(unit: i32, type: i32): i32 {
  if (kind === KIND_H264) return (((get8(unit) & 0xe0) | 28) << 8) | type;
  return (((get8(unit) & 0x81) | (49 << 1)) << 16) | (get8(unit + 1) << 8) | type;
}

/** @param ends bit 0: the first piece starts the NAL unit; bit 1: the last piece ends it */
function cutPieces(log: Log, prefix: i32, data: i32, size: i32, ends: i32, last: bool): i32 {
  const head = unitHeader() + 1;
  const most = log.maxPacket - 12 - head;
  let at = 0;
  while (at < size) {
    const piece = min(most, size - at);
    let bits = 0;
    if (at === 0 && (ends & 1) !== 0) bits |= 0x80;
    if (at + piece === size && (ends & 2) !== 0) bits |= 0x40;
    const code = emit(log, prefix | bits, head, data + at, piece, last && at + piece === size);
    if (code < 0) return code;
    at += piece;
  }
  return 0;
}

/** Writes one packet: the header of the source without extensions, `head` bytes of `prefix`, and `size` bytes. */
function emit(log: Log, prefix: i32, head: i32, data: i32, size: i32, last: bool): i32 {
  const total = 12 + head + size;
  const code = makeRoom(log, FRAMING + total, 0);
  if (code < 0) return code;
  const packet = log.write + FRAMING;
  frame(log.write, track, total);
  memory.copy(packet, source, 12);
  put8(packet, 0x80);
  if (!last) put8(packet + 1, get8(packet + 1) & 0x7f);
  stamp(trackAt(changetype<i32>(log), track), packet, written);
  for (let i = 0; i < head; i++) put8(packet + 12 + i, prefix >> (8 * (head - 1 - i)));
  memory.copy(packet + 12 + head, data, size);
  written += 1;
  return enterPacket(log, track, kind, 12, total, 0, received);
}
