import { ALIGN_MASK, ERR_BUDGET, ERR_FULL, REORDER_MS, REORDER_SLOT_BYTES, REORDER_SLOTS } from "../abi";
import { blockGive, blockTake } from "../memory";
import { get16, get32 } from "../wire";

/**
 * Puts the packets of one RTP source back in order, as long as they are less than REORDER_SLOTS apart and REORDER_MS
 * late, and keeps what a receiver report says of them. A layout, never constructed.
 */
export class Reorder {
  started!: i32;
  /** Next sequence number to give out, 16 bits. */
  expected!: i32;
  /** Waiting packets, in a block of slots taken when first needed; 0 before. */
  held!: i32;
  slots!: i32;
  /** That the block is charged to; 0: none. */
  account!: i32;
  /** Duplicates and late packets dropped; how many of the latest packets in a row. */
  late!: i32;
  lateRun!: i32;
  /** Sequence number of the first packet, and the highest one, extended to 32 bits. */
  base!: i32;
  highest!: i32;
  /** Packets that came, duplicates included. */
  received!: i32;
  lastTime!: u32;
  /** Arrival of the oldest waiting packet, monotonic ms. */
  heldSince!: f64;
  /** Arrival of the last packet, ms, and interarrival jitter, RTP ticks (RFC 3550 §6.4.1). */
  lastArrival!: f64;
  jitter!: f64;
}

/** After this many late packets in a row the source has restarted at a lower sequence number. */
const LATE_MAX = 64;

/** A packet that waits: its size, 0 without one; its bytes follow. */
class ReorderSlot {
  size!: i32;
}

export const REORDER_PACKET: i32 = (offsetof<ReorderSlot>() + ALIGN_MASK) & ~ALIGN_MASK;
const SLOT_STRIDE: i32 = (REORDER_PACKET + REORDER_SLOT_BYTES + ALIGN_MASK) & ~ALIGN_MASK;

export const REORDER_SIZE: i32 = offsetof<Reorder>();
export const REORDER_LATE: i32 = offsetof<Reorder>("late");
export const REORDER_STARTED: i32 = offsetof<Reorder>("started");
export const REORDER_BASE: i32 = offsetof<Reorder>("base");
export const REORDER_HIGHEST: i32 = offsetof<Reorder>("highest");
export const REORDER_RECEIVED: i32 = offsetof<Reorder>("received");
export const REORDER_JITTER: i32 = offsetof<Reorder>("jitter");

/** @param account that what it takes is charged to */
export function reorderOpen(address: i32, account: i32): void {
  memory.fill(address, 0, REORDER_SIZE);
  changetype<Reorder>(address).account = account;
}

/** Gives back what it holds. */
export function reorderClose(address: i32): void {
  const state = changetype<Reorder>(address);
  if (state.slots !== 0) blockGive(state.slots);
  state.slots = 0;
}

/** What is to be done with a packet. */
export const REORDER_TAKE: i32 = 1;
export const REORDER_DROP: i32 = 2;
export const REORDER_HOLD: i32 = 3;
/** The packet is too far ahead: release waiting packets, then ask again. */
export const REORDER_FORCE: i32 = 4;

/** Decides what to do with the packet `seq`; only TAKE and DROP change the state. */
export function reorderJudge(state: Reorder, seq: i32): i32 {
  if (state.started === 0) {
    state.started = 1;
    state.expected = seq;
    state.base = seq;
    state.highest = seq;
    state.received = 0;
  }
  const ahead = (seq - state.expected) & 0xffff;
  if (ahead >= 0x8000) {
    state.lateRun += 1;
    if (state.lateRun >= LATE_MAX) return REORDER_FORCE;
    state.late += 1;
    return REORDER_DROP;
  }
  if (ahead >= REORDER_SLOTS) return REORDER_FORCE;
  if (ahead !== 0) return REORDER_HOLD;
  state.expected = (seq + 1) & 0xffff;
  state.lateRun = 0;
  return REORDER_TAKE;
}

/** Counts a packet for the receiver report. */
export function reorderCount(state: Reorder, packet: i32, clockRate: f64, now: f64): void {
  const step = ((get16(packet + 2) - state.highest) << 16) >> 16;
  if (step > 0) state.highest += step;
  state.received += 1;
  const time = get32(packet + 4);
  if (state.received > 1) {
    const moved = ((now - state.lastArrival) * clockRate) / 1000 - ((time - state.lastTime) as i32 as f64);
    state.jitter += (Math.abs(moved) - state.jitter) / 16;
  }
  state.lastTime = time;
  state.lastArrival = now;
}

function slotOf(state: Reorder, seq: i32): i32 {
  return state.slots + (seq & (REORDER_SLOTS - 1)) * SLOT_STRIDE;
}

/**
 * Keeps a packet that came too early.
 *
 * @returns 0; ERR_FULL when it does not fit into a slot, ERR_BUDGET when there is no block for the slots
 */
export function reorderHold(state: Reorder, packet: i32, size: i32, now: f64): i32 {
  if (size > REORDER_SLOT_BYTES) return ERR_FULL;
  if (state.slots === 0 && !takeSlots(state)) return ERR_BUDGET;
  const slot = slotOf(state, get16(packet + 2));
  if (load<i32>(slot) !== 0) {
    state.late += 1;
    return 0;
  }
  store<i32>(slot, size);
  memory.copy(slot + REORDER_PACKET, packet, size);
  if (state.held === 0) state.heldSince = now;
  state.held += 1;
  state.lateRun = 0;
  return 0;
}

function takeSlots(state: Reorder): bool {
  const block = blockTake(state.account);
  if (block === 0) return false;
  state.slots = block;
  for (let i = 0; i < REORDER_SLOTS; i++) store<i32>(block + i * SLOT_STRIDE, 0);
  return true;
}

/** Sets a packet aside while others are released; returns its address. 0: it does not fit, or there is no memory. */
export function reorderAside(state: Reorder, packet: i32, size: i32): i32 {
  if (size > REORDER_SLOT_BYTES) return 0;
  if (state.slots === 0 && !takeSlots(state)) return 0;
  const aside = state.slots + REORDER_SLOTS * SLOT_STRIDE;
  memory.copy(aside, packet, size);
  return aside;
}

/** The slot of the next packet in order, its size in the first word, the packet at REORDER_PACKET; 0 if missing. */
export function reorderNext(state: Reorder): i32 {
  if (state.held === 0) return 0;
  const slot = slotOf(state, state.expected);
  return load<i32>(slot) === 0 ? 0 : slot;
}

/** Drops the packet that `reorderNext` gave. */
export function reorderShift(state: Reorder, now: f64): void {
  store<i32>(slotOf(state, state.expected), 0);
  state.expected = (state.expected + 1) & 0xffff;
  state.held -= 1;
  state.heldSince = now;
}

/** Skips the packets missing before the first waiting one; with none waiting, restarts at the next packet. */
export function reorderForce(state: Reorder): void {
  if (state.held === 0) {
    state.started = 0;
    state.lateRun = 0;
    return;
  }
  while (load<i32>(slotOf(state, state.expected)) === 0) state.expected = (state.expected + 1) & 0xffff;
}

/** Whether what waits has waited long enough. */
export function reorderOverdue(state: Reorder, now: f64): bool {
  return state.held !== 0 && now - state.heldSince > REORDER_MS;
}
