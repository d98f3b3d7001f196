import { ERR_BUDGET, FRAMING } from "../abi";
import { entryAt, Log, logPublish } from "../log";
import { blockCapacity } from "../memory";
import { trackAt, trackKinds } from "../track";
import { get8, get16, get32 } from "../wire";
import { EVENT_MALFORMED, EVENT_UNKNOWN_TYPE, isForeign, note, rtpIngest, rtpReserve } from "./ingest";
import { frame, moveToNewBlock, rtpHeaderSize } from "./packet";
import {
  REORDER_DROP,
  REORDER_FORCE,
  REORDER_HOLD,
  REORDER_PACKET,
  Reorder,
  reorderAside,
  reorderCount,
  reorderForce,
  reorderHold,
  reorderJudge,
  reorderNext,
  reorderOverdue,
  reorderShift,
} from "./reorder";
import { reportReceived } from "./rtcp";

/**
 * Where the next RTP packet of a datagram goes: at the head of the log, behind room for its framing. Channel 2n of the
 * log must be mapped to track n.
 *
 * @returns an address, or ERR_BUDGET
 */
export function rtpReserveDatagram(address: i32, size: i32): i32 {
  const log = changetype<Log>(address);
  const code = rtpReserve(address);
  if (code < 0) return code;
  const end = log.pendEnd + FRAMING + size;
  const fits =
    log.stage !== 0 ? end <= log.stage + blockCapacity() : end <= entryAt(log.headBlock, log.count + 1);
  if (!fits) {
    if (log.stage !== 0 || !moveToNewBlock(log, log.pendStart, 0)) return ERR_BUDGET;
    log.pendStart = log.pendEnd = log.write;
    logPublish(log);
  }
  log.room = FRAMING + size;
  return log.pendEnd + FRAMING;
}

/**
 * Receives the RTP packet of a datagram, `size` bytes written where `rtpReserveDatagram` said. Packets that arrive
 * too early wait in the reorder buffer; packets of other sources never get there.
 *
 * @param reorder address of the track's reorder buffer
 * @param now monotonic time, ms
 * @returns 0, or ERR_BUDGET, ERR_FRAME
 */
export function rtpDatagram(address: i32, reorder: i32, index: i32, size: i32, now: f64): i32 {
  const log = changetype<Log>(address);
  const state = changetype<Reorder>(reorder);
  let packet = log.pendEnd + FRAMING;
  log.room = 0;
  if (!isOfTrack(log, index, packet, size)) return 0;
  const track = trackAt(address, index);
  if (track.started !== 0 && track.source !== get32(packet + 8)) {
    const aside = state.held === 0 ? packet : reorderAside(state, packet, size);
    const code = release(log, state, index, now);
    if (code < 0) return code;
    reorderForce(state);
    if (aside === 0) return 0;
    packet = aside;
  }
  const seq = get16(packet + 2);
  let verdict = reorderJudge(state, seq);
  reorderCount(state, packet, trackAt(address, index).clockRate, now);
  if (verdict === REORDER_FORCE) {
    const aside = reorderAside(state, packet, size);
    while (verdict === REORDER_FORCE) {
      reorderForce(state);
      const code = giveOut(log, state, index, now);
      if (code < 0) return code;
      verdict = reorderJudge(state, seq);
    }
    if (aside !== 0) packet = aside;
    else if (state.slots !== 0) verdict = REORDER_DROP;
  }
  if (verdict === REORDER_DROP) return 0;
  if (verdict === REORDER_HOLD) {
    reorderHold(state, packet, size, now);
    if (!reorderOverdue(state, now)) return 0;
    reorderForce(state);
    return giveOut(log, state, index, now);
  }
  const code = take(log, index, packet, size, now);
  return code < 0 ? code : giveOut(log, state, index, now);
}

/** Whether a packet belongs to its track; anything else must not disturb the order. */
function isOfTrack(log: Log, index: i32, packet: i32, size: i32): bool {
  const header = rtpHeaderSize(packet, size);
  if (header < 0) {
    note(log, EVENT_MALFORMED, index, size, 0);
    return false;
  }
  const type = get8(packet + 1) & 127;
  if (get8(trackKinds(changetype<i32>(log), index) + type) === 0) {
    note(log, EVENT_UNKNOWN_TYPE, index, type, 0);
    return false;
  }
  return !isForeign(log, index, packet, header, size);
}

/** Gives out everything that waits. */
function release(log: Log, state: Reorder, index: i32, now: f64): i32 {
  while (state.held !== 0) {
    reorderForce(state);
    const code = giveOut(log, state, index, now);
    if (code < 0) return code;
  }
  return 0;
}

/** Gives out what is in order now. */
function giveOut(log: Log, state: Reorder, index: i32, now: f64): i32 {
  for (let slot = reorderNext(state); slot !== 0; slot = reorderNext(state)) {
    const code = take(log, index, slot + REORDER_PACKET, load<i32>(slot), now);
    reorderShift(state, now);
    if (code < 0) return code;
  }
  return 0;
}

/** Writes a packet into the log, from where it was received or from a slot. */
function take(log: Log, index: i32, packet: i32, size: i32, now: f64): i32 {
  const address = changetype<i32>(log);
  if (packet !== log.pendEnd + FRAMING) {
    const target = rtpReserveDatagram(address, size);
    if (target < 0) return target;
    memory.copy(target, packet, size);
  }
  frame(log.pendEnd, index, size);
  log.room = FRAMING + size;
  const rest = rtpIngest(address, FRAMING + size, now);
  return rest < 0 ? rest : 0;
}

/** Takes a datagram of RTCP, at any address. */
export function rtcpDatagram(address: i32, index: i32, packet: i32, size: i32, now: f64): void {
  reportReceived(changetype<Log>(address), index, packet, size, now);
}
