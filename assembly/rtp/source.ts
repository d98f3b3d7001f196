import { KIND_H264, KIND_H265 } from "../abi";
import { Log } from "../log";
import { Track } from "../track";
import { get8, get16, get32, put16, put32 } from "../wire";
import { unitType } from "./nal-access";

/** Packets in a row after which another SSRC is followed even without a key frame. */
const RIVAL_RUN: i32 = 32;

/**
 * Counts a packet of another SSRC, and returns whether that SSRC is followed from now on: a camera that restarts its
 * encoder changes it, and begins with a key frame. Stray packets are not followed.
 */
export function countRival(track: Track, kind: i32, packet: i32, header: i32, size: i32): bool {
  const ssrc = get32(packet + 8);
  if (track.rival !== ssrc) track.rivalRun = 0;
  track.rival = ssrc;
  track.rivalRun += 1;
  return track.rivalRun >= RIVAL_RUN || beginsKey(kind, packet + header, size - header);
}

/** Whether a payload begins a key frame or has parameter sets (RFC 6184 §5, RFC 7798 §4.4). */
function beginsKey(kind: i32, payload: i32, size: i32): bool {
  if (size < 5) return false;
  if (kind === KIND_H264) {
    let type = unitType(payload, false);
    if (type === 28) type = (get8(payload + 1) & 0x80) !== 0 ? get8(payload + 1) & 31 : 0;
    else if (type === 24) type = unitType(payload + 3, false);
    return type === 5 || type === 7 || type === 8;
  }
  if (kind !== KIND_H265) return false;
  let type = unitType(payload, true);
  if (type === 49) type = (get8(payload + 2) & 0x80) !== 0 ? get8(payload + 2) & 63 : 0;
  else if (type === 48) type = unitType(payload + 4, true);
  return (type >= 16 && type <= 21) || (type >= 32 && type <= 34);
}

/** Begins with the SSRC of the first packet. */
export function startSource(track: Track, ssrc: u32): void {
  track.ssrc = ssrc;
  track.source = ssrc;
}

/** Follows the packet of another SSRC: what readers see goes on without a gap. */
export function changeSource(track: Track, packet: i32, now: f64): void {
  track.source = get32(packet + 8);
  const seq: i32 = get16(packet + 2);
  track.seqOffset += track.lastSeq + 1 - seq;
  track.lastSeq = (seq - 1) & 0xffff;
  const time: u32 = get32(packet + 4) + track.timeOffset;
  const moved = (time - track.lastTime) as i32 as f64;
  const elapsed = Math.min(((now - track.lastArrival) * track.clockRate) / 1000, 2000000000);
  if (Math.abs(moved - elapsed) > track.clockRate) {
    track.timeOffset += track.lastTime + (elapsed as i32 as u32) - time;
  }
}

/** Counts a packet of the current SSRC; those of another one are counted from zero again. */
export function countSource(log: Log, track: Track): void {
  log.heard += 1;
  log.refusedRun = 0;
  track.rivalRun = 0;
}

/** Writes what readers see into the header of a packet, whose sequence number is `ahead` of that in the header. */
export function stamp(track: Track, packet: i32, ahead: i32): void {
  const offset = track.seqOffset + ahead;
  if (offset !== 0) {
    const seq = get16(packet + 2) + offset;
    put16(packet + 2, seq);
  }
  if (track.timeOffset !== 0) put32(packet + 4, get32(packet + 4) + track.timeOffset);
  if (track.source !== track.ssrc) put32(packet + 8, track.ssrc);
}
