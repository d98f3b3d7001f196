import {
  CHANNEL_IGNORED,
  CHANNEL_NONE,
  CHANNEL_RTCP,
  ERR_BUDGET,
  ERR_FULL,
  FLAG_GAP,
  FRAMING,
  KIND_AAC,
  KIND_H264,
  KIND_H265,
  KIND_PACKET,
  UNKNOWN_FRAME_MAX,
} from "../abi";
import { entryAt, LOG_CHANNELS, Log, logGrow, logNextSeq, logPublish } from "../log";
import { blockCapacity, slotGive } from "../memory";
import { Track, trackAt, trackKinds } from "../track";
import { get8, get16, get32, put8 } from "../wire";
import { holdAdd, holdBegins, holdContinues, holdForget, holdRelease } from "./au-fragments";
import { nalForget } from "./nal-access";
import { enterPacket, makeRoom, moveToNewBlock, place, rtpHeaderSize, stageOpen } from "./packet";
import { refragment } from "./refragment";
import { reportReceived } from "./rtcp";
import { changeSource, countRival, countSource, startSource } from "./source";

/** Bits of `Log.events`. */
export const EVENT_WRONG_SSRC: i32 = 1;
export const EVENT_UNKNOWN_TYPE: i32 = 2;
export const EVENT_UNKNOWN_CHANNEL: i32 = 4;
export const EVENT_MALFORMED: i32 = 8;
export const EVENT_OVERSIZED: i32 = 16;
export const EVENT_LOST: i32 = 32;
export const EVENT_REFRAGMENT: i32 = 64;
/** A unit was abandoned, as it is too large. */
export const EVENT_UNIT_OVERSIZED: i32 = 128;
/** The SSRC has changed, and is followed. */
export const EVENT_NEW_SSRC: i32 = 256;
/** Events that are no refusal of a packet. */
const EVENTS_TAKEN: i32 = EVENT_LOST | EVENT_REFRAGMENT | EVENT_UNIT_OVERSIZED | EVENT_NEW_SSRC;

/** Bytes a reserve offers at most, so that little has to move when a block is full. */
const RESERVE_MAX = 32768;
/** Of `holdAac`. */
const NOT_HELD: i32 = 1;
/** A packet further behind the previous one is not late: the source has restarted. */
const MISORDER_MAX = 100;
/** With less room than this a new block is begun. */
const RESERVE_MIN = 4096;

/**
 * Where the next received bytes go; how many is in `room`. They are received at the head of the log, so that a packet
 * is copied once on its way through the server.
 *
 * @returns an address, or ERR_BUDGET
 */
export function rtpReserve(address: i32): i32 {
  const log = changetype<Log>(address);
  if (log.stage !== 0) {
    log.room = min(RESERVE_MAX, log.stage + blockCapacity() - log.pendEnd);
    return log.pendEnd;
  }
  if (log.headBlock === 0) {
    if (!logGrow(log)) return ERR_BUDGET;
    log.pendStart = log.write;
    log.pendEnd = log.write;
  }
  let free = entryAt(log.headBlock, log.count + 1) - log.pendEnd;
  if (free < RESERVE_MIN) {
    const pending = log.pendEnd - log.pendStart;
    if (!moveToNewBlock(log, log.pendStart, pending)) return ERR_BUDGET;
    log.pendStart = log.write;
    log.pendEnd = log.write + pending;
    logPublish(log);
    free = entryAt(log.headBlock, 1) - log.pendEnd;
  }
  log.room = min(RESERVE_MAX, free - (free >> 4));
  return log.pendEnd;
}

/**
 * Scans `size` bytes that were written where `rtpReserve` said: interleaved frames (RFC 2326 §10.12) become packets of
 * the log, with the server's channel numbers.
 *
 * @param now monotonic time, ms
 * @returns how many of these bytes, at their end, are no interleaved frame (text or junk begins there); or ERR_BUDGET, ERR_FRAME, ERR_FULL
 */
export function rtpIngest(address: i32, size: i32, now: f64): i32 {
  const log = changetype<Log>(address);
  if (size < 0 || size > log.room) return ERR_FULL;
  log.room = 0;
  log.pendEnd += size;
  let rest = 0;
  while (log.pendStart < log.pendEnd) {
    const at = log.pendStart;
    if (get8(at) !== 0x24) {
      rest = log.pendEnd - at;
      log.pendEnd = at;
      break;
    }
    if (log.pendEnd - at < FRAMING) break;
    const length = get16(at + 2);
    const entry: i32 = get8(address + LOG_CHANNELS + get8(at + 1));
    if (entry === CHANNEL_NONE && length > UNKNOWN_FRAME_MAX) {
      rest = min(log.pendEnd - at, size);
      log.pendEnd = at;
      break;
    }
    if (log.pendEnd - at < FRAMING + length) break;
    let code = 0;
    if (entry < CHANNEL_RTCP) code = receivePacket(log, entry, length, now);
    else if (entry < CHANNEL_IGNORED) reportReceived(log, entry & 31, at + FRAMING, length, now);
    else if (entry === CHANNEL_NONE) note(log, EVENT_UNKNOWN_CHANNEL, 0, get8(at + 1), 0);
    if (code < 0) {
      logPublish(log);
      return code;
    }
    log.pendStart += FRAMING + length;
  }
  if (rest === 0 || log.stage !== 0) keepPending(log);
  else log.pendStart = log.pendEnd = log.write;
  if (log.pendStart !== log.pendEnd && log.refusedRun === 0) log.heard += 1;
  setFloor(address);
  logPublish(log);
  return rest;
}

/** Moves an incomplete frame to where its continuation will be received. */
function keepPending(log: Log): void {
  const target = log.stage !== 0 ? log.stage : log.write;
  const size = log.pendEnd - log.pendStart;
  if (size !== 0 && target !== log.pendStart) memory.copy(target, log.pendStart, size);
  log.pendStart = target;
  log.pendEnd = target + size;
}

/** Records an event for the owner of the log: a packet was ignored. */
export function note(log: Log, event: i32, track: i32, value: i32, expected: i32): void {
  log.events |= event;
  if ((event & EVENTS_TAKEN) === 0) {
    log.refused += 1;
    log.refusedRun += 1;
  }
  log.eventTrack = track;
  log.eventValue = value;
  log.eventExpected = expected;
}

/** Takes the packet at `pendStart`. */
function receivePacket(log: Log, index: i32, length: i32, now: f64): i32 {
  const address = changetype<i32>(log);
  const packet = log.pendStart + FRAMING;
  const track = trackAt(address, index);
  const header = rtpHeaderSize(packet, length);
  if (header < 0) {
    note(log, EVENT_MALFORMED, index, length, 0);
    return 0;
  }
  const type = get8(packet + 1) & 127;
  let kind: i32 = get8(trackKinds(address, index) + type);
  if (kind === 0) {
    note(log, EVENT_UNKNOWN_TYPE, index, type, 0);
    return 0;
  }
  const ssrc = get32(packet + 8);
  if (isForeign(log, index, packet, header, length)) return 0;
  let size = length;
  if ((get8(packet) & 0x20) !== 0) {
    const padding: i32 = get8(packet + length - 1);
    // a count of zero is no padding: some senders set the bit alone
    if (header + padding > length) {
      note(log, EVENT_MALFORMED, index, length, 0);
      return 0;
    }
    size -= padding;
    put8(packet, get8(packet) & 0xdf);
  }
  if (track.started === 0) {
    startSource(track, ssrc);
  } else if (track.source !== ssrc) {
    note(log, EVENT_NEW_SSRC, index, ssrc, track.source);
    nalForget(track);
    holdForget(track);
    changeSource(track, packet, now);
  }
  countSource(log, track);
  const gap = countLoss(log, track, index, packet);
  track.started = 1;
  if (kind === KIND_AAC) {
    const code = holdAac(log, index, size, gap, now);
    if (code <= 0) return code;
    kind = KIND_PACKET;
  }
  if (size > log.maxPacket) return oversized(log, index, kind, size, now);
  const code = makeRoom(log, FRAMING + size, FRAMING + length);
  if (code < 0) return code;
  place(log, index, size);
  return enterPacket(log, index, kind, header, size, gap ? FLAG_GAP : 0, now);
}

/** Whether a packet has an SSRC that is not followed. */
export function isForeign(log: Log, index: i32, packet: i32, header: i32, size: i32): bool {
  const track = trackAt(changetype<i32>(log), index);
  const ssrc = get32(packet + 8);
  if (track.started === 0 || track.source === ssrc) return false;
  const kind: i32 = get8(trackKinds(changetype<i32>(log), index) + (get8(packet + 1) & 127));
  if (countRival(track, kind, packet, header, size)) return false;
  note(log, EVENT_WRONG_SSRC, index, ssrc, track.source);
  return true;
}

/**
 * Fragments of AAC that have their own size are held until that of the AU is known.
 *
 * @returns NOT_HELD if the packet is entered as any other, behind those that were held; else 0 or ERR_*
 */
function holdAac(log: Log, index: i32, size: i32, gap: bool, now: f64): i32 {
  const track = trackAt(changetype<i32>(log), index);
  const fits = size <= log.maxPacket;
  if (!fits || !holdContinues(track, log.pendStart + FRAMING, size)) {
    const code = holdRelease(log, index, now, gap);
    if (code < 0) return code;
    if (!fits || !holdBegins(track, log.pendStart + FRAMING, size)) return NOT_HELD;
  }
  const isLast = holdAdd(track, log.pendStart + FRAMING, size, gap ? FLAG_GAP : 0);
  return isLast ? holdRelease(log, index, now, false) : 0;
}

/** Follows the sequence numbers; returns whether packets are missing before this one. */
function countLoss(log: Log, track: Track, index: i32, packet: i32): bool {
  const seq: i32 = get16(packet + 2);
  const missing = track.started === 0 ? 0 : (seq - track.lastSeq - 1) & 0xffff;
  if (missing >= 0x8000) {
    // too far back for a late packet: the source has restarted (RFC 3550 §A.1)
    if (0x10000 - missing > MISORDER_MAX) track.lastSeq = seq;
    return false;
  }
  track.lastSeq = seq;
  if (missing === 0) return false;
  track.lost += missing;
  log.lost += missing;
  note(log, EVENT_LOST, index, missing, 0);
  return true;
}

/** A packet larger than readers may get: refragmented if the codec allows it, else dropped. */
function oversized(log: Log, index: i32, kind: i32, size: i32, now: f64): i32 {
  const track = trackAt(changetype<i32>(log), index);
  if (kind !== KIND_H264 && kind !== KIND_H265) {
    note(log, EVENT_OVERSIZED, index, size, log.maxPacket);
    log.heard -= 1;
    return 0;
  }
  if (track.refragment === 0) {
    track.refragment = 1;
    note(log, EVENT_REFRAGMENT, index, size, log.maxPacket);
  }
  if (!stageOpen(log)) return ERR_BUDGET;
  return refragment(log, index, kind, log.pendStart + FRAMING, size, now);
}

/** Sets how far a reader may fall behind: the larger of `lagPackets` and the frame in progress plus one. */
export function setFloor(address: i32): void {
  const log = changetype<Log>(address);
  let floor = logNextSeq(log) - log.lagPackets;
  for (let i = 0; i < log.trackCount; i++) {
    const track = trackAt(address, i);
    if (track.video !== 0 && track.previousSeq - floor < 0) floor = track.previousSeq;
  }
  log.floorSeq = floor;
}

/** Frees what the tracks of a log hold besides its blocks. */
export function rtpClose(address: i32): void {
  const log = changetype<Log>(address);
  for (let i = 0; i < log.trackCount; i++) {
    const track = trackAt(address, i);
    if (track.params !== 0) slotGive(track.params);
    track.params = 0;
    nalForget(track);
    holdForget(track);
  }
}
