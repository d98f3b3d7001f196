import {
  ERR_BUDGET,
  ERR_FRAME,
  ERR_FULL,
  FLAG_END_OF_FRAME,
  FLAG_GAP,
  FLAG_START_OF_FRAME,
  FLAG_VIDEO,
  FRAMES_WITHOUT_KEY,
  FRAMING,
  HEAD_MAX,
  KIND_PACKET,
  MAX_FRAME_BYTES,
} from "../abi";
import { Log, logEnter, logFits, logGrow, logNextSeq } from "../log";
import { blockTake } from "../memory";
import { TRACK_HEAD, TRACK_KINDS, Track, trackAt } from "../track";
import { get8, get16, get32, put8, put16 } from "../wire";
import { isRandomAccess } from "./frames";
import { stamp } from "./source";

/** Enters the framed packet at `write` into the log and follows frames, times and counters of its track. */
export function enterPacket(
  log: Log,
  index: i32,
  kind: i32,
  header: i32,
  size: i32,
  flags: i32,
  now: f64,
): i32 {
  const track = trackAt(changetype<i32>(log), index);
  const packet = log.write + FRAMING;
  const time = get32(packet + 4);
  const marker = (get8(packet + 1) & 0x80) !== 0;
  let all = flags;
  track.packets += 1;
  track.bytes += size;
  track.octets += size - header;
  track.lastTime = time;
  track.lastArrival = now;
  if (kind === KIND_PACKET) {
    all |= FLAG_START_OF_FRAME | FLAG_END_OF_FRAME;
    anchor(track, time, now);
    log.framesEnded += 1;
  } else {
    track.video = 1;
    all |=
      FLAG_VIDEO |
      (size > header ? followFrame(log, track, time, marker) : followEmpty(log, track, time, marker));
    track.frameBytes += size;
    if (track.frameBytes > MAX_FRAME_BYTES) {
      log.eventTrack = index;
      log.eventValue = track.frameBytes;
      return ERR_FRAME;
    }
    if (size > header && (track.rapCount === 0 || track.rapSeq !== track.frameSeq)) {
      const found = isRandomAccess(track, kind, packet + header, size - header, (flags & FLAG_GAP) !== 0);
      if (found) track.keyFrames += 1;
      if (found || keyless(track)) {
        track.rapCount += 1;
        track.rapAddress = track.frameAddress;
        noteRandomAccess(track, packet + header, size - header, now);
        atomic.store<i32>(changetype<i32>(track) + offsetof<Track>("rapSeq"), track.frameSeq);
        anchor(track, time, now);
      }
    }
    if (track.rapCount === 0 && (all & FLAG_START_OF_FRAME) !== 0) anchor(track, time, now);
  }
  logEnter(log, FRAMING + size, index, all, time, now as i32);
  return 0;
}

/** Records the distance of random access points, and the first bytes of the last one. */
function noteRandomAccess(track: Track, payload: i32, size: i32, now: f64): void {
  track.gopFrames = track.rapCount > 1 ? track.frames - track.rapFrames : 0;
  track.rapFrames = track.frames;
  track.rapArrival = now;
  track.headSize = min(size, HEAD_MAX);
  memory.copy(changetype<i32>(track) + TRACK_HEAD - TRACK_KINDS, payload, track.headSize);
}

/** Finds frame boundaries: at the marker, or where the time changes. Returns the flags of this packet. */
function followFrame(log: Log, track: Track, time: u32, marker: bool): i32 {
  let flags = marker ? FLAG_END_OF_FRAME : 0;
  if (track.frameOpen === 0 || track.frameTime !== time) {
    flags |= FLAG_START_OF_FRAME;
    track.previousSeq = track.frameSeq;
    track.frameSeq = logNextSeq(log);
    track.frameAddress = log.write;
    // what comes behind the marker with the same time, such as filler, is no picture of its own
    if (track.frames === 0 || track.frameTime !== time) track.frames += 1;
    track.frameTime = time;
    track.frameBytes = 0;
  }
  track.frameOpen = marker ? 0 : 1;
  if (marker) log.framesEnded += 1;
  return flags;
}

/** A packet without payload (padding alone) is no picture, but may end the one that it belongs to. */
function followEmpty(log: Log, track: Track, time: u32, marker: bool): i32 {
  if (!marker || track.frameOpen === 0 || track.frameTime !== time) return 0;
  track.frameOpen = 0;
  log.framesEnded += 1;
  return FLAG_END_OF_FRAME;
}

/** Whether so many frames came without any random access point that each counts as one. */
function keyless(track: Track): bool {
  return track.keyFrames === 0 && track.frames > FRAMES_WITHOUT_KEY;
}

/** Updates the anchor of RTP time and arrival: the earliest arrival counts, drift is followed slowly. */
function anchor(track: Track, time: u32, now: f64): void {
  const elapsed = (((time - track.anchorTime) as i32 as f64) * 1000) / track.clockRate;
  const late = now - track.anchorArrival - elapsed;
  if (track.anchorArrival === 0 || late < 0 || late > 1000) track.anchorArrival = now;
  else track.anchorArrival += elapsed + late * 0.01;
  track.anchorTime = time;
}

/** Makes sure that a packet of `size` bytes fits at `write`; what is received but not scanned moves along. */
export function makeRoom(log: Log, size: i32, scanned: i32): i32 {
  if (log.stage !== 0) return logFits(log, log.write + size) || logGrow(log) ? 0 : ERR_BUDGET;
  const end = max(log.write + size, log.pendEnd);
  if (logFits(log, end)) return 0;
  const rest = log.pendEnd - log.pendStart;
  if (rest < scanned) unreachable();
  if (!moveToNewBlock(log, log.pendStart, rest)) return ERR_BUDGET;
  log.pendStart = log.write;
  log.pendEnd = log.write + rest;
  return logFits(log, log.pendEnd) ? 0 : ERR_FULL;
}

/**
 * From now on, bytes are received in a block of their own and copied to the log: more is written than was received.
 * Returns false when the budget is used up.
 */
export function stageOpen(log: Log): bool {
  if (log.stage !== 0) return true;
  const stage = blockTake(log.account);
  if (stage === 0) return false;
  const rest = log.pendEnd - log.pendStart;
  memory.copy(stage, log.pendStart, rest);
  log.stage = stage;
  log.pendStart = stage;
  log.pendEnd = stage + rest;
  return true;
}

/** Begins a block with `size` bytes from `from`. */
export function moveToNewBlock(log: Log, from: i32, size: i32): bool {
  if (!logGrow(log)) return false;
  memory.copy(log.write, from, size);
  return true;
}

/** Copies the packet at `pendStart` to `write`, framed with our channel and with the header that readers see. */
export function place(log: Log, index: i32, size: i32): void {
  const target = log.write;
  const packet = target + FRAMING;
  if (target !== log.pendStart) memory.copy(packet, log.pendStart + FRAMING, size);
  frame(target, index, size);
  stamp(trackAt(changetype<i32>(log), index), packet, 0);
}

/** Writes the interleaved framing of a packet. */
export function frame(at: i32, index: i32, size: i32): void {
  put8(at, 0x24);
  put8(at + 1, 2 * index);
  put16(at + 2, size);
}

/** Length of the header of an RTP packet (RFC 3550 §5.1) with its extension; -1 when malformed. */
export function rtpHeaderSize(packet: i32, size: i32): i32 {
  if (size < 12 || get8(packet) >> 6 !== 2) return -1;
  let header = 12 + 4 * (get8(packet) & 15);
  if ((get8(packet) & 0x10) !== 0) {
    if (header + 4 > size) return -1;
    header += 4 + 4 * get16(packet + header + 2);
  }
  return header > size ? -1 : header;
}
