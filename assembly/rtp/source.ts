import { Log } from "../log";
import { Track } from "../track";
import { get16, get32, put16, put32 } from "../wire";

/** Packets in a row after which an SSRC that was left is followed again. */
const RIVAL_RUN: i32 = 8;

/**
 * Whether packets of another SSRC than that of a track are followed: a camera that restarts its encoder changes it. Of
 * two that alternate, the first one is kept.
 */
export function mayFollow(track: Track, ssrc: u32): bool {
  if (ssrc !== track.rival || track.rivalRun < 0) return true;
  track.rivalRun += 1;
  return track.rivalRun >= RIVAL_RUN;
}

/** Begins with the SSRC of the first packet. */
export function startSource(track: Track, ssrc: u32): void {
  track.ssrc = ssrc;
  track.source = ssrc;
  track.sourceBefore = ssrc;
  track.rivalRun = -1;
}

/** Follows the packet of another SSRC: what readers see goes on without a gap. */
export function changeSource(track: Track, packet: i32, now: f64): void {
  const ssrc = get32(packet + 8);
  if (ssrc === track.sourceBefore && track.sourceRun < RIVAL_RUN) {
    track.rival = track.source;
    track.rivalRun = 0;
  } else {
    track.rivalRun = -1;
  }
  track.sourceBefore = track.source;
  track.source = ssrc;
  track.sourceRun = 0;
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

/** Counts a packet of the current SSRC. */
export function countSource(log: Log, track: Track): void {
  log.heard += 1;
  log.refusedRun = 0;
  track.sourceRun += 1;
  if (track.rivalRun > 0) track.rivalRun = 0;
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
