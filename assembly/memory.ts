import {
  ALIGN_MASK,
  BLOCK_HEADER,
  BLOCK_SIZE,
  FIRST_BLOCK,
  MAX_BLOCKS,
  POOL_ADDRESS,
  RED_ZONE,
  SLOT_CLASSES,
  SLOT_MIN,
} from "./abi";

/** State of the pool at POOL_ADDRESS; a layout, never constructed. A word for each block follows: BLOCK_*. */
class Pool {
  lock!: i32;
  /** Blocks that may be taken. */
  budget!: i32;
  /** Blocks that the memory has room for as it is now. */
  backed!: i32;
  taken!: i32;
  /** Number of blocks ever used: the rest were never touched. */
  fresh!: i32;
  /** First block given back; each holds the address of the next in its first word. */
  free!: i32;
  /** First block with room for a slot, by class. */
  partial0!: i32;
  partial1!: i32;
  partial2!: i32;
  partial3!: i32;
  takes!: i32;
  gives!: i32;
}

/** Header of a block cut into slots; a bit for each slot follows, which is set while it is taken. */
class Slab {
  slotClass!: i32;
  used!: i32;
  /** First slot given back; each holds the address of the next in its first word. */
  free!: i32;
  /** Slots ever used. */
  fresh!: i32;
  next!: i32;
  previous!: i32;
}

const POOL_BLOCKS: i32 = (POOL_ADDRESS + offsetof<Pool>() + ALIGN_MASK) & ~ALIGN_MASK;
/** Where the state of the pool ends. */
export const POOL_END: i32 = POOL_BLOCKS + MAX_BLOCKS * sizeof<i32>();
const SLAB_BITS: i32 = (offsetof<Slab>() + ALIGN_MASK) & ~ALIGN_MASK;

/** State of a block: free, taken, cut into slots; any other number is the account that it is charged to. */
const BLOCK_FREE = 0;
const BLOCK_TAKEN = 1;
const BLOCK_SLOTS = 2;

/** Freed memory is filled with this in the debug and fuzz builds; its first word links to the next. */
const POISON: u32 = 0xdddddddd;

/** The account of one owner: a stream, and everything opened for it. A layout, never constructed; lies in a slot. */
class Account {
  /** Blocks that it may have, and those that it has. */
  limit!: i32;
  taken!: i32;
  /** Number of holders: at 0 it is freed with its last block. */
  users!: i32;
}

export const ACCOUNT_LIMIT: i32 = offsetof<Account>("limit");
export const ACCOUNT_TAKEN: i32 = offsetof<Account>("taken");

export const POOL_BUDGET: i32 = POOL_ADDRESS + offsetof<Pool>("budget");
export const POOL_BACKED: i32 = POOL_ADDRESS + offsetof<Pool>("backed");
export const POOL_TAKEN: i32 = POOL_ADDRESS + offsetof<Pool>("taken");
export const POOL_TAKES: i32 = POOL_ADDRESS + offsetof<Pool>("takes");
export const POOL_GIVES: i32 = POOL_ADDRESS + offsetof<Pool>("gives");

function pool(): Pool {
  return changetype<Pool>(POOL_ADDRESS);
}

function acquire(): void {
  while (atomic.cmpxchg<i32>(POOL_ADDRESS + offsetof<Pool>("lock"), 0, 1) !== 0) {}
}

function release(): void {
  atomic.store<i32>(POOL_ADDRESS + offsetof<Pool>("lock"), 0);
}

/** Sets the budget in blocks, and how many of them the memory has room for. Called before any other function. */
export function poolInit(blocks: i32, backed: i32): void {
  pool().budget = min(blocks, MAX_BLOCKS);
  poolBack(backed);
}

/** Called when the memory has grown: it has room for `blocks` blocks. */
export function poolBack(blocks: i32): void {
  pool().backed = min(blocks, pool().budget);
}

/** Usable bytes of a block: all but the guard of the fuzz build. */
export function blockCapacity(): i32 {
  return FUZZ ? BLOCK_SIZE - RED_ZONE : BLOCK_SIZE;
}

/**
 * Takes a block. Its contents are whatever was there.
 *
 * @param account that it is charged to; 0: none
 * @returns 0 when the budget or that of the account is used up, or the memory has not grown in time
 */
export function blockTake(account: i32): i32 {
  acquire();
  const block = takeLocked(account);
  release();
  return block;
}

/** Gives a block back. */
export function blockGive(block: i32): void {
  acquire();
  giveLocked(block);
  release();
}

/** Opens an account of `limit` blocks; 0 when the budget is used up. */
export function accountOpen(limit: i32): i32 {
  const address = slotTake(offsetof<Account>(), 0);
  if (address === 0) return 0;
  const account = changetype<Account>(address);
  account.limit = limit;
  account.taken = 0;
  account.users = 1;
  return address;
}

/** Lets one more user open an account. */
export function accountJoin(address: i32): void {
  acquire();
  changetype<Account>(address).users += 1;
  release();
}

/** Closes an account; blocks that are charged to it may be given back later. */
export function accountClose(address: i32): void {
  acquire();
  if (!isSlotTaken(address)) fail();
  changetype<Account>(address).users -= 1;
  settle(address);
  release();
}

/** Gives an account back that nobody uses any more. */
function settle(address: i32): void {
  const account = changetype<Account>(address);
  if (account.users === 0 && account.taken === 0) giveSlotLocked(address);
}

/** The word that says what a block is. */
function stateAt(block: i32): i32 {
  return POOL_BLOCKS + ((block - FIRST_BLOCK) / BLOCK_SIZE) * sizeof<i32>();
}

/** State of the block at an address, BLOCK_FREE where no block starts. */
function stateOf(block: i32): i32 {
  const end = FIRST_BLOCK + pool().fresh * BLOCK_SIZE;
  if (block < FIRST_BLOCK || block >= end || (block & (BLOCK_SIZE - 1)) !== 0) return BLOCK_FREE;
  return load<i32>(stateAt(block));
}

function takeLocked(account: i32): i32 {
  const state = pool();
  if (state.taken >= state.backed) return 0;
  if (account !== 0) {
    const owner = changetype<Account>(account);
    if (owner.taken >= owner.limit) return 0;
    owner.taken += 1;
  }
  let block = state.free;
  if (block !== 0) {
    checkPoison(block);
    state.free = load<i32>(block);
  } else {
    block = FIRST_BLOCK + state.fresh * BLOCK_SIZE;
    state.fresh += 1;
  }
  store<i32>(stateAt(block), account === 0 ? BLOCK_TAKEN : account);
  state.taken += 1;
  state.takes += 1;
  if (FUZZ) memory.fill(block + BLOCK_SIZE - RED_ZONE, 0xa5, RED_ZONE);
  return block;
}

function giveLocked(block: i32): void {
  if (!isBlockTaken(block)) fail();
  const account = stateOf(block);
  putBack(block);
  if (account === BLOCK_TAKEN) return;
  changetype<Account>(account).taken -= 1;
  settle(account);
}

function isBlockTaken(block: i32): bool {
  const state = stateOf(block);
  return state !== BLOCK_FREE && state !== BLOCK_SLOTS;
}

function putBack(block: i32): void {
  const state = pool();
  checkGuard(block);
  poison(block, BLOCK_SIZE);
  store<i32>(block, state.free);
  store<i32>(stateAt(block), BLOCK_FREE);
  state.free = block;
  state.taken -= 1;
  state.gives += 1;
}

/** Fills freed memory, so that a use after free shows. */
function poison(address: i32, size: i32): void {
  if (!ASC_NO_ASSERT) memory.fill(address, POISON as u8, size);
}

/** Traps if freed memory was written to: checks its first bytes, where headers are. */
function checkPoison(address: i32): void {
  if (ASC_NO_ASSERT) return;
  for (let i: i32 = sizeof<i32>(); i < BLOCK_HEADER; i += sizeof<i32>()) {
    if (load<u32>(address + i) !== POISON) fail();
  }
}

/** Traps if the guard of a block was overwritten (fuzz build). */
function checkGuard(block: i32): void {
  if (!FUZZ) return;
  for (let i: i32 = BLOCK_SIZE - RED_ZONE; i < BLOCK_SIZE; i += sizeof<u32>()) {
    if (load<u32>(block + i) !== 0xa5a5a5a5) fail();
  }
}

/** Traps. The pool stays usable: a trap ends one session, not the server. */
function fail(): void {
  release();
  unreachable();
}

function slotSize(slotClass: i32): i32 {
  return SLOT_MIN << (2 * slotClass);
}

/** Start of the slots of a block: after its header, aligned. */
function firstSlot(block: i32): i32 {
  return block + SLOT_MIN;
}

function slotsPerBlock(slotClass: i32): i32 {
  return (blockCapacity() - SLOT_MIN) / slotSize(slotClass);
}

function partialAt(slotClass: i32): i32 {
  return POOL_ADDRESS + offsetof<Pool>("partial0") + slotClass * sizeof<i32>();
}

/**
 * Takes room for `size` bytes: a slot, or a whole block when it is larger than any slot.
 *
 * @param account that a whole block is charged to; 0: none
 * @returns its address; 0 when the budget or that of the account is used up, or `size` exceeds a block
 */
export function slotTake(size: i32, account: i32): i32 {
  if (size > blockCapacity()) return 0;
  let slotClass: i32 = 0;
  while (slotClass < SLOT_CLASSES && slotSize(slotClass) < size) slotClass += 1;
  acquire();
  const address = slotClass === SLOT_CLASSES ? takeLocked(account) : slotLocked(slotClass);
  release();
  return address;
}

function slotLocked(slotClass: i32): i32 {
  let block = load<i32>(partialAt(slotClass));
  if (block === 0) {
    block = takeLocked(0);
    if (block === 0) return 0;
    memory.fill(block, 0, SLOT_MIN);
    store<i32>(stateAt(block), BLOCK_SLOTS);
    changetype<Slab>(block).slotClass = slotClass;
    store<i32>(partialAt(slotClass), block);
  }
  const slab = changetype<Slab>(block);
  let slot = slab.free;
  if (slot !== 0) {
    checkPoison(slot);
    slab.free = load<i32>(slot);
  } else {
    slot = firstSlot(block) + slab.fresh * slotSize(slotClass);
    slab.fresh += 1;
  }
  slab.used += 1;
  flipBit(slot);
  if (slab.used === slotsPerBlock(slotClass)) unlink(block);
  return slot;
}

/** Gives back what `slotTake` gave. */
export function slotGive(address: i32): void {
  acquire();
  if ((address & (BLOCK_SIZE - 1)) === 0) giveLocked(address);
  else giveSlotLocked(address);
  release();
}

/** Whether an address is that of a taken block or slot. */
export function slotIsTaken(address: i32): bool {
  acquire();
  const isTaken = (address & (BLOCK_SIZE - 1)) === 0 ? isBlockTaken(address) : isSlotTaken(address);
  release();
  return isTaken;
}

function isSlotTaken(slot: i32): bool {
  const block = slot & ~(BLOCK_SIZE - 1);
  if (stateOf(block) !== BLOCK_SLOTS) return false;
  const place = slot - firstSlot(block);
  const size = slotSize(changetype<Slab>(block).slotClass);
  if (place < 0 || place % size !== 0 || place / size >= changetype<Slab>(block).fresh) return false;
  return (load<u8>(bitsOf(slot)) & bitOf(slot)) !== 0;
}

/** The byte with the bit of a slot, and the bit. */
function bitsOf(slot: i32): i32 {
  return (slot & ~(BLOCK_SIZE - 1)) + SLAB_BITS + (numberOf(slot) >> 3);
}

function bitOf(slot: i32): i32 {
  return 1 << (numberOf(slot) & 7);
}

function numberOf(slot: i32): i32 {
  const block = slot & ~(BLOCK_SIZE - 1);
  return (slot - firstSlot(block)) / slotSize(changetype<Slab>(block).slotClass);
}

function flipBit(slot: i32): void {
  store<u8>(bitsOf(slot), (load<u8>(bitsOf(slot)) ^ bitOf(slot)) as u8);
}

function giveSlotLocked(slot: i32): void {
  if (!isSlotTaken(slot)) fail();
  const block = slot & ~(BLOCK_SIZE - 1);
  const slab = changetype<Slab>(block);
  flipBit(slot);
  if (slab.used === slotsPerBlock(slab.slotClass)) link(block);
  poison(slot, slotSize(slab.slotClass));
  store<i32>(slot, slab.free);
  slab.free = slot;
  slab.used -= 1;
  if (slab.used !== 0) return;
  unlink(block);
  putBack(block);
}

function link(block: i32): void {
  const slab = changetype<Slab>(block);
  const head = load<i32>(partialAt(slab.slotClass));
  slab.next = head;
  slab.previous = 0;
  if (head !== 0) changetype<Slab>(head).previous = block;
  store<i32>(partialAt(slab.slotClass), block);
}

function unlink(block: i32): void {
  const slab = changetype<Slab>(block);
  if (slab.next !== 0) changetype<Slab>(slab.next).previous = slab.previous;
  if (slab.previous !== 0) changetype<Slab>(slab.previous).next = slab.next;
  else store<i32>(partialAt(slab.slotClass), slab.next);
  slab.next = 0;
  slab.previous = 0;
}

/** Traps when a guard of any block that is in use was overwritten (fuzz build): `block` is one of them. */
export function poolCheck(block: i32): void {
  acquire();
  checkGuard(block & ~(BLOCK_SIZE - 1));
  release();
}
