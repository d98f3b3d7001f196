import { ERR_FULL, ERR_SYNTAX, REORDER_SLOT_BYTES, REORDER_SLOTS } from "../abi";
import { get8, get16 } from "../wire";

/**
 * Puts the packets of one RTP source back in order, as long as they are less than REORDER_SLOTS apart. A layout, never
 * constructed; its slots follow, each a size and the packet.
 */
class Reorder {
  started!: i32;
  /** Next sequence number to give out, 16 bits. */
  expected!: i32;
  held!: i32;
  /** Packets given up, and duplicates or late ones dropped. */
  lost!: i32;
  late!: i32;
}

const SLOTS_AT = 64;
const SLOT_STRIDE = 8 + REORDER_SLOT_BYTES;

export const REORDER_SIZE: i32 = SLOTS_AT + REORDER_SLOTS * SLOT_STRIDE;
export const REORDER_LOST: i32 = offsetof<Reorder>("lost");
export const REORDER_LATE: i32 = offsetof<Reorder>("late");
export const REORDER_HELD: i32 = offsetof<Reorder>("held");

export function reorderOpen(address: i32): void {
  memory.fill(address, 0, REORDER_SIZE);
}

function slotOf(address: i32, seq: i32): i32 {
  return address + SLOTS_AT + (seq & (REORDER_SLOTS - 1)) * SLOT_STRIDE;
}

/**
 * Takes an RTP packet. Afterwards `reorderNext` gives out what is in order.
 *
 * @returns 1 when it is held, 0 when it was late or a duplicate, ERR_SYNTAX when it is no RTP packet, ERR_FULL when it
 *   is larger than a slot
 */
export function reorderPush(address: i32, packet: i32, size: i32): i32 {
  if (size < 12 || get8(packet) >> 6 !== 2) return ERR_SYNTAX;
  if (size > REORDER_SLOT_BYTES) return ERR_FULL;
  const state = changetype<Reorder>(address);
  const seq = get16(packet + 2);
  if (state.started === 0) {
    state.started = 1;
    state.expected = seq;
  }
  const ahead = (seq - state.expected) & 0xffff;
  if (ahead >= 0x8000 || (ahead < REORDER_SLOTS && load<i32>(slotOf(address, seq)) !== 0)) {
    state.late += 1;
    return 0;
  }
  if (ahead >= REORDER_SLOTS) return REORDER_JUMP;
  const slot = slotOf(address, seq);
  store<i32>(slot, size);
  memory.copy(slot + 8, packet, size);
  state.held += 1;
  return 1;
}

/** `reorderPush` did not take the packet: it is too far ahead. Give out with `reorderForce`, then push it again. */
export const REORDER_JUMP: i32 = 2;

/** Address of the next packet in order, its size 8 bytes before it; 0 when it has not come. */
export function reorderNext(address: i32): i32 {
  const state = changetype<Reorder>(address);
  const slot = slotOf(address, state.expected);
  if (load<i32>(slot) === 0) return 0;
  return slot + 8;
}

/** Drops the packet that `reorderNext` gave, after use. */
export function reorderShift(address: i32): void {
  const state = changetype<Reorder>(address);
  store<i32>(slotOf(address, state.expected), 0);
  state.expected = (state.expected + 1) & 0xffff;
  state.held -= 1;
}

/**
 * Gives up the missing packets before the first one held, so that `reorderNext` has one; with nothing held, starts
 * anew at the next packet.
 *
 * @returns packets given up
 */
export function reorderForce(address: i32): i32 {
  const state = changetype<Reorder>(address);
  if (state.held === 0) {
    state.started = 0;
    return 0;
  }
  let missing = 0;
  while (load<i32>(slotOf(address, state.expected)) === 0) {
    state.expected = (state.expected + 1) & 0xffff;
    missing += 1;
  }
  state.lost += missing;
  return missing;
}
