import { TS_TARGETS_MAX } from "../abi";
import { get8, get16 } from "../wire";
import {
  TS_PIDS,
  TsDemux,
  TsSection,
  TsStream,
  TsTarget,
  tsTarget,
  tsTimeline,
  tsTimes,
} from "./demux-layout";
import { TS_PACKET_BYTES } from "./layout";
import { pesFlush, pesLose, pesPayload, pesRest } from "./pes";
import { sectionLose, sectionPayload } from "./section";

const SYNC = 0x47;

/**
 * Takes transport packets, and makes units of what their streams carry.
 *
 * @param src any bytes of the stream, in the order in which they came
 * @param isLast whether no more will come: the last packet is taken although nothing proves it
 * @returns bytes that were taken. Where it stopped early, `events` says why, and it goes on when called again with the
 *   bytes behind those; the bytes before must stay where they are until then. Otherwise what was not taken (less than
 *   two packets) goes in front of what comes next.
 */
export function tsDemux(address: i32, src: i32, size: i32, isLast: i32): i32 {
  const demux = changetype<TsDemux>(address);
  demux.events = 0;
  if (demux.rest !== 0 && pesRest(demux)) return 0;
  let at = 0;
  while (size - at >= TS_PACKET_BYTES) {
    if (get8(src + at) !== SYNC || (demux.synced === 0 && !proven(src + at, size - at, isLast))) {
      const next = resync(demux, src, at, size, isLast);
      if (next < 0) return ~next;
      at = next;
      continue;
    }
    demux.synced = 1;
    takePacket(demux, src + at);
    at += TS_PACKET_BYTES;
    if (demux.events !== 0) return at;
  }
  return at;
}

/** Whether a packet is followed by another one, or by nothing. */
function proven(at: i32, left: i32, isLast: i32): bool {
  if (left <= TS_PACKET_BYTES) return isLast !== 0;
  return (
    get8(at + TS_PACKET_BYTES) === SYNC &&
    (left <= 2 * TS_PACKET_BYTES || get8(at + 2 * TS_PACKET_BYTES) === SYNC)
  );
}

/**
 * Looks for the next packet.
 *
 * @returns where it begins; or, inverted, where it may begin, when that cannot be told yet
 */
function resync(demux: TsDemux, src: i32, from: i32, size: i32, isLast: i32): i32 {
  if (demux.synced !== 0) {
    // one byte may be bad where the next packet is in its place
    if (size - from <= TS_PACKET_BYTES && isLast === 0) return ~from;
    demux.syncLosses += 1;
    if (size - from > TS_PACKET_BYTES && get8(src + from + TS_PACKET_BYTES) === SYNC)
      return from + TS_PACKET_BYTES;
    demux.synced = 0;
  }
  for (let at = from; at < size; at++) {
    if (get8(src + at) !== SYNC) continue;
    if (size - at <= TS_PACKET_BYTES && isLast === 0) return ~at;
    if (proven(src + at, size - at, isLast)) return at;
  }
  return ~size;
}

/** One packet (ISO/IEC 13818-1 §2.4.3.2). */
function takePacket(demux: TsDemux, packet: i32): void {
  demux.packets += 1;
  const field = get16(packet + 1);
  const flags = get8(packet + 3);
  const index = get8(changetype<i32>(demux) + TS_PIDS + (field & 0x1fff));
  if (index === 0 || index >= TS_TARGETS_MAX) return;
  const address = tsTarget(changetype<i32>(demux), index);
  // a packet that is known to be damaged is as good as missing
  if (address === 0 || (field & 0x8000) !== 0) return;
  if ((flags & 0xc0) !== 0) {
    demux.scrambled += 1;
    return;
  }
  let header = 4;
  let isBreak = false;
  if ((flags & 0x20) !== 0) {
    const length = get8(packet + 4);
    if (length > ((flags & 0x10) !== 0 ? 182 : 183)) {
      demux.malformed += 1;
      return;
    }
    isBreak = length > 0 && (get8(packet + 5) & 0x80) !== 0;
    header += 1 + length;
  }
  const target = changetype<TsTarget>(address);
  if (isBreak) target.counter = -1;
  if ((flags & 0x10) === 0) return;
  if (!goesOn(demux, target, packet, flags & 15)) return;
  const isStart = (field & 0x4000) !== 0;
  if (target.kind === 0) {
    sectionPayload(demux, changetype<TsSection>(address), packet + header, TS_PACKET_BYTES - header, isStart);
  } else {
    pesPayload(demux, changetype<TsStream>(address), packet + header, TS_PACKET_BYTES - header, isStart);
  }
}

/** Whether a packet is new; drops the unit in progress if packets before it are missing (§2.4.3.3). */
function goesOn(demux: TsDemux, target: TsTarget, packet: i32, counter: i32): bool {
  const last = target.counter;
  const tail = packet + TS_PACKET_BYTES - sizeof<u64>();
  const mark = load<u64>(tail - sizeof<u64>()) ^ (load<u64>(tail) << 1);
  if (counter === last && mark === target.mark) {
    demux.duplicates += 1;
    return false;
  }
  target.counter = counter;
  target.mark = mark;
  if (last < 0 || counter === ((last + 1) & 15)) return true;
  demux.continuityErrors += 1;
  if (target.kind === 0) sectionLose(changetype<TsSection>(changetype<i32>(target)));
  else pesLose(changetype<TsStream>(changetype<i32>(target)));
  return true;
}

/** Ends all units: no more packets will come. What is left of the last call is taken by a call of `tsDemux` before. */
export function tsFlush(address: i32): void {
  const demux = changetype<TsDemux>(address);
  for (let i = 1; i < TS_TARGETS_MAX; i++) {
    const target = tsTarget(address, i);
    if (target === 0) continue;
    // what follows may count anew: a table with the same number is no duplicate
    changetype<TsTarget>(target).counter = -1;
    if (changetype<TsTarget>(target).kind !== 0) pesFlush(demux, changetype<TsStream>(target));
  }
}

/** Drops the unit in progress of a stream, because its PID changes. */
export function tsLose(address: i32): void {
  changetype<TsTarget>(address).counter = -1;
  pesLose(changetype<TsStream>(address));
}

/** Marks a discontinuity: the timestamps that follow continue after the latest one. */
export function tsRestart(address: i32): void {
  tsFlush(address);
  const line = tsTimeline(changetype<TsDemux>(address));
  if (line.started !== 0) line.started = 2;
  for (let i = 1; i < TS_TARGETS_MAX; i++) {
    const target = tsTarget(address, i);
    if (target === 0) continue;
    changetype<TsTarget>(target).counter = -1;
    if (changetype<TsTarget>(target).kind !== 0) tsTimes(changetype<TsStream>(target)).timed = 0;
  }
}

/** Initializes the context of a table (`kind` 0) or a stream. */
export function tsTargetOpen(address: i32, kind: i32, size: i32): void {
  memory.fill(address, 0, size);
  const target = changetype<TsTarget>(address);
  target.kind = kind;
  target.counter = -1;
  if (kind === 0) changetype<TsSection>(address).fill = -1;
  else changetype<TsStream>(address).param = -1;
}
