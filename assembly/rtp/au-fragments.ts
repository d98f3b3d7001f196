import { ALIGN_MASK, ERR_BUDGET, FLAG_GAP, FRAMING, KIND_PACKET } from "../abi";
import { Log } from "../log";
import { slotGive, slotTake } from "../memory";
import { Track, trackAt } from "../track";
import { get8, get16, get32, put8, put16 } from "../wire";
import { enterPacket, frame, makeRoom, rtpHeaderSize, stageOpen } from "./packet";
import { stamp } from "./source";

/**
 * Fragments of an AAC access unit whose headers say their own size, as MediaMTX wrote them up to August 2026, in a slot
 * of their own. Readers get them with the size of the AU (RFC 3640 §3.2.3.1), which is known with the last one. A
 * layout, never constructed; the packets follow, each behind a HeldPacket.
 */
class HeldFragments {
  /** Bytes taken behind it, and packets. */
  bytes!: i32;
  packets!: i32;
  /** Bytes of the AU so far. */
  total!: i32;
  /** 1 when some of it is missing. */
  broken!: i32;
  time!: u32;
}

class HeldPacket {
  size!: i32;
  flags!: i32;
}

const HELD_PACKETS: i32 = (offsetof<HeldFragments>() + ALIGN_MASK) & ~ALIGN_MASK;
const HELD_PACKET_DATA: i32 = offsetof<HeldPacket>();
const HELD_SLOT: i32 = 16384;
/** Bytes of the AU header section of a packet with one AU; largest AU size that its 13 bits can hold. */
const AU_HEAD = 4;
const AU_MAX = 8191;

/** Whether a packet has one AU header, whose size is that of the data in this packet. */
function isOwnSize(packet: i32, size: i32): bool {
  const header = rtpHeaderSize(packet, size);
  const payload = packet + header;
  const left = size - header - AU_HEAD;
  return left > 0 && get16(payload) === 16 && get16(payload + 2) >> 3 === left;
}

function hasMarker(packet: i32): bool {
  return (get8(packet + 1) & 0x80) !== 0;
}

/** Whether a packet continues the AU that is held; one of the same time that does not breaks it. */
export function holdContinues(track: Track, packet: i32, size: i32): bool {
  if (track.held === 0) return false;
  const held = changetype<HeldFragments>(track.held);
  const most = HELD_SLOT - HELD_PACKETS - held.bytes - HELD_PACKET_DATA - ALIGN_MASK;
  if (get32(packet + 4) !== held.time) return false;
  if (isOwnSize(packet, size) && size <= most) return true;
  held.broken = 1;
  return false;
}

/** Begins to hold an AU if a packet may be its first fragment; returns whether it does. */
export function holdBegins(track: Track, packet: i32, size: i32): bool {
  if (track.unmarked !== 0 || hasMarker(packet) || !isOwnSize(packet, size)) return false;
  if (size > HELD_SLOT / 2) return false;
  track.held = slotTake(HELD_SLOT, 0);
  if (track.held === 0) return false;
  memory.fill(track.held, 0, HELD_PACKETS);
  changetype<HeldFragments>(track.held).time = get32(packet + 4);
  return true;
}

/** Adds a packet to those held; returns whether it is the last one. */
export function holdAdd(track: Track, packet: i32, size: i32, flags: i32): bool {
  const held = changetype<HeldFragments>(track.held);
  const place = track.held + HELD_PACKETS + held.bytes;
  changetype<HeldPacket>(place).size = size;
  changetype<HeldPacket>(place).flags = flags;
  memory.copy(place + HELD_PACKET_DATA, packet, size);
  if (held.packets > 0 && (flags & FLAG_GAP) !== 0) held.broken = 1;
  held.bytes = (held.bytes + HELD_PACKET_DATA + size + ALIGN_MASK) & ~ALIGN_MASK;
  held.packets += 1;
  held.total += size - rtpHeaderSize(packet, size) - AU_HEAD;
  return hasMarker(packet);
}

/** Forgets what is held. */
export function holdForget(track: Track): void {
  if (track.held !== 0) slotGive(track.held);
  track.held = 0;
}

/**
 * Enters what is held into the log, if anything is.
 *
 * @param isCut whether packets are missing behind it
 * @returns 0 or ERR_*
 */
export function holdRelease(log: Log, index: i32, now: f64, isCut: bool): i32 {
  const track = trackAt(changetype<i32>(log), index);
  if (track.held === 0) return 0;
  const held = changetype<HeldFragments>(track.held);
  if (isCut) held.broken = 1;
  if (held.packets === 1 && held.broken === 0) track.unmarked = 1;
  const isWhole = held.packets > 1 && held.broken === 0 && held.total <= AU_MAX;
  let code = stageOpen(log) ? 0 : ERR_BUDGET;
  let at = track.held + HELD_PACKETS;
  for (let left = held.packets; left > 0 && code >= 0; left--) {
    const packet = changetype<HeldPacket>(at);
    const bytes = at + HELD_PACKET_DATA;
    if (isWhole) {
      put16(bytes + rtpHeaderSize(bytes, packet.size) + 2, held.total << 3);
      if (left === 1) put8(bytes + 1, get8(bytes + 1) | 0x80);
    }
    code = enterHeld(log, index, bytes, packet.size, packet.flags, now);
    at += (HELD_PACKET_DATA + packet.size + ALIGN_MASK) & ~ALIGN_MASK;
  }
  holdForget(track);
  return code;
}

function enterHeld(log: Log, index: i32, packet: i32, size: i32, flags: i32, now: f64): i32 {
  const code = makeRoom(log, FRAMING + size, 0);
  if (code < 0) return code;
  const target = log.write + FRAMING;
  memory.copy(target, packet, size);
  frame(log.write, index, size);
  stamp(trackAt(changetype<i32>(log), index), target, 0);
  return enterPacket(log, index, KIND_PACKET, rtpHeaderSize(target, size), size, flags, now);
}
