import {
  ALIGN_MASK,
  BLOCK_HEADER,
  BLOCK_SIZE,
  CHANNEL_NONE,
  CHANNELS_MAX,
  INDEX_STRIDE,
  MAX_WORKERS,
} from "./abi";
import { blockCapacity, blockGive, blockTake, slotGive } from "./memory";

/**
 * A log: a chain of blocks holding packets back to back, each block with an index that grows down from its end. One
 * thread writes, any thread reads: packets and index entries never change once `head` has passed them. A layout,
 * never constructed; the tracks follow it at LOG_TRACKS.
 */
export class Log {
  /** End of the last published packet; 0 before the first block. Atomic. */
  head!: i32;
  /** Number of packets published; wraps. Atomic. */
  headSeq!: i32;
  headBlock!: i32;
  /** First block that is still kept. */
  tail!: i32;
  blocks!: i32;
  trackCount!: i32;
  /** Packets a reader may lag behind at least. */
  lagPackets!: i32;
  /** Largest RTP packet readers get, bytes. */
  maxPacket!: i32;
  /** Oldest packet from which a lagging reader may continue. */
  floorSeq!: i32;
  /** Received bytes that are not scanned yet. */
  pendStart!: i32;
  pendEnd!: i32;
  /** Block that receives bytes which cannot be scanned in place; 0: they are received at the head. */
  stage!: i32;
  /** Bytes that the last reserve offered. */
  room!: i32;
  /** Address of the next packet, and the number of packets in the head block, unpublished ones included. */
  write!: i32;
  count!: i32;
  /** Events since the owner last took them: EVENT_* bits, and values for the log. */
  events!: i32;
  eventTrack!: i32;
  eventValue!: i32;
  eventExpected!: i32;
  /** Packets found missing since the owner last looked. */
  lost!: i32;
  /** Frames that ended since the owner last looked. */
  framesEnded!: i32;
  /** Packets ignored since the owner last took this. */
  refused!: i32;
  /** Workers that read this log (bits) and how far each has passed. */
  workers!: i32;
  worker0!: i32;
  worker1!: i32;
  worker2!: i32;
  worker3!: i32;
  /** 1 when it holds the records of a muxer (assembly/records.ts), whose bytes readers get as they are. */
  records!: i32;
  /** That its blocks are charged to; 0: none. */
  account!: i32;
  /** Signs of life: packets accepted; reports and parts of frames too, unless packets are being refused. Wraps. */
  heard!: i32;
  /** Packets refused in a row. */
  refusedRun!: i32;
  /** Where the bytes lie that the last receive did not take. */
  rest!: i32;
}

/** Header of a block of a log. */
export class LogBlock {
  /** The next block; 0 while this is the last. Atomic. */
  next!: i32;
  /** Sequence number of its first packet. */
  firstSeq!: i32;
  /** Packets published in it. Atomic. */
  count!: i32;
  /** End of its data; final once `next` is set. */
  end!: i32;
}

/** An entry of the index: one packet. */
class LogEntry {
  address!: i32;
  /** Bytes with the framing, in 20 bits; track, in 5; FLAG_*. */
  packed!: u32;
  /** RTP time, and arrival, ms. */
  time!: u32;
  arrival!: i32;
}

/** Channel map: a track number for each channel, with CHANNEL_RTCP for its RTCP, or CHANNEL_NONE. */
export const LOG_CHANNELS: i32 = offsetof<Log>();
export const LOG_TRACKS: i32 = (LOG_CHANNELS + CHANNELS_MAX + ALIGN_MASK) & ~ALIGN_MASK;

export const LOG_HEAD: i32 = offsetof<Log>("head");
export const LOG_HEAD_SEQ: i32 = offsetof<Log>("headSeq");
export const LOG_BLOCKS: i32 = offsetof<Log>("blocks");
export const LOG_FLOOR: i32 = offsetof<Log>("floorSeq");
export const LOG_ROOM: i32 = offsetof<Log>("room");
export const LOG_EVENTS: i32 = offsetof<Log>("events");
export const LOG_EVENT_TRACK: i32 = offsetof<Log>("eventTrack");
export const LOG_EVENT_VALUE: i32 = offsetof<Log>("eventValue");
export const LOG_EVENT_EXPECTED: i32 = offsetof<Log>("eventExpected");
export const LOG_LOST: i32 = offsetof<Log>("lost");
export const LOG_PEND_START: i32 = offsetof<Log>("pendStart");
export const LOG_PEND_END: i32 = offsetof<Log>("pendEnd");
export const LOG_REFUSED: i32 = offsetof<Log>("refused");
export const LOG_HEARD: i32 = offsetof<Log>("heard");
export const LOG_REST: i32 = offsetof<Log>("rest");
export const LOG_FRAMES_ENDED: i32 = offsetof<Log>("framesEnded");

/** A record, for readers that take them one by one: its index entry and its number. A layout, never constructed. */
class RecordRow {
  at!: i32;
  /** Size, track and flags, as in an entry. */
  packed!: u32;
  time!: u32;
  seq!: i32;
}

export const RECORD_ROW: i32 = offsetof<RecordRow>();
export const RECORD_ROW_AT: i32 = offsetof<RecordRow>("at");
export const RECORD_ROW_PACKED: i32 = offsetof<RecordRow>("packed");
export const RECORD_ROW_TIME: i32 = offsetof<RecordRow>("time");
export const RECORD_ROW_SEQ: i32 = offsetof<RecordRow>("seq");

/** Writes the row of the entry number `seq`. */
export function writeRow(row: i32, entry: i32, seq: i32): void {
  const from = changetype<LogEntry>(entry);
  const to = changetype<RecordRow>(row);
  to.at = from.address;
  to.packed = from.packed;
  to.time = from.time;
  to.seq = seq;
}

/** Initializes `size` bytes at `address` as a log without blocks; blocks are charged to `account`. */
export function logOpen(
  address: i32,
  size: i32,
  tracks: i32,
  lagPackets: i32,
  maxPacket: i32,
  account: i32,
): void {
  memory.fill(address, 0, size);
  memory.fill(address + LOG_CHANNELS, CHANNEL_NONE as u8, CHANNELS_MAX);
  const log = changetype<Log>(address);
  log.trackCount = tracks;
  log.lagPackets = lagPackets;
  log.maxPacket = maxPacket;
  log.account = account;
}

/** Frees every block of a log. Nobody may read it any more. */
export function logClose(address: i32): void {
  const log = changetype<Log>(address);
  let block = log.tail;
  while (block !== 0) {
    const next = changetype<LogBlock>(block).next;
    blockGive(block);
    block = next;
  }
  if (log.stage !== 0) slotGive(log.stage);
  log.tail = 0;
  log.headBlock = 0;
  log.head = 0;
  log.stage = 0;
  log.blocks = 0;
}

/** Appends an empty block; `write` and `count` move to it. Returns false when the budget is used up. */
export function logGrow(log: Log): bool {
  const block = blockTake(log.account);
  if (block === 0) return false;
  const header = changetype<LogBlock>(block);
  header.next = 0;
  header.count = 0;
  header.end = block + BLOCK_HEADER;
  const old = log.headBlock;
  if (old === 0) {
    header.firstSeq = log.headSeq;
    log.tail = block;
  } else {
    const previous = changetype<LogBlock>(old);
    header.firstSeq = previous.firstSeq + log.count;
    previous.end = log.write;
    atomic.store<i32>(old + offsetof<LogBlock>("count"), log.count);
    atomic.store<i32>(old + offsetof<LogBlock>("next"), block);
  }
  log.headBlock = block;
  log.blocks += 1;
  log.write = block + BLOCK_HEADER;
  log.count = 0;
  return true;
}

/** Address of the index entry number `i` of a block. */
export function entryAt(block: i32, i: i32): i32 {
  return block + blockCapacity() - (i + 1) * INDEX_STRIDE;
}

/** Size of the packet of an index entry with its framing, bytes. */
export function entrySize(entry: i32): i32 {
  return changetype<LogEntry>(entry).packed & 0xfffff;
}

export function entryTrack(entry: i32): i32 {
  return (changetype<LogEntry>(entry).packed >> 20) & 31;
}

export function entryFlags(entry: i32): i32 {
  return changetype<LogEntry>(entry).packed >> 25;
}

export function entryArrival(entry: i32): i32 {
  return changetype<LogEntry>(entry).arrival;
}

/** Whether the head block has room for a packet of `size` bytes and its index entry, all data ending at `end`. */
export function logFits(log: Log, end: i32): bool {
  return log.headBlock !== 0 && end <= entryAt(log.headBlock, log.count);
}

/** Adds the packet at `write` to the index and moves past it; readers see it after `logPublish`. */
export function logEnter(log: Log, size: i32, track: i32, flags: i32, time: u32, now: i32): void {
  const entry = changetype<LogEntry>(entryAt(log.headBlock, log.count));
  entry.address = log.write;
  entry.packed = size | (track << 20) | (flags << 25);
  entry.time = time;
  entry.arrival = now;
  log.count += 1;
  log.write += size;
}

/** Sequence number the next packet gets. */
export function logNextSeq(log: Log): i32 {
  return log.headBlock === 0 ? log.headSeq : changetype<LogBlock>(log.headBlock).firstSeq + log.count;
}

/** Shows readers everything entered so far. */
export function logPublish(log: Log): void {
  const block = log.headBlock;
  if (block === 0) return;
  const header = changetype<LogBlock>(block);
  header.end = log.write;
  const address = changetype<i32>(log);
  atomic.store<i32>(block + offsetof<LogBlock>("count"), log.count);
  atomic.store<i32>(address + LOG_HEAD_SEQ, header.firstSeq + log.count);
  atomic.store<i32>(address + LOG_HEAD, log.write);
}

/** Frees the blocks whose packets all precede `keepSeq` and the position of every worker. */
export function logTrim(address: i32, keepSeq: i32): void {
  const log = changetype<Log>(address);
  let keep = keepSeq;
  for (let i = 0; i < MAX_WORKERS; i++) {
    if ((log.workers & (1 << i)) === 0) continue;
    const passed = atomic.load<i32>(address + offsetof<Log>("worker0") + i * sizeof<i32>());
    if (passed - keep < 0) keep = passed;
  }
  while (log.tail !== log.headBlock) {
    const next = changetype<LogBlock>(log.tail).next;
    if (keep - changetype<LogBlock>(next).firstSeq <= 0) return;
    blockGive(log.tail);
    log.tail = next;
    log.blocks -= 1;
  }
}

/** Adds a worker at the head. Returns its number, or -1 if there are MAX_WORKERS already. */
export function logJoin(address: i32): i32 {
  const log = changetype<Log>(address);
  for (let i = 0; i < MAX_WORKERS; i++) {
    if ((log.workers & (1 << i)) !== 0) continue;
    log.workers |= 1 << i;
    atomic.store<i32>(address + offsetof<Log>("worker0") + i * sizeof<i32>(), log.headSeq);
    return i;
  }
  return -1;
}

/** Called by a worker that needs nothing before `seq` any more. */
export function logPass(address: i32, worker: i32, seq: i32): void {
  if (worker < 0 || worker >= MAX_WORKERS) unreachable();
  atomic.store<i32>(address + offsetof<Log>("worker0") + worker * sizeof<i32>(), seq);
}

/** Removes a worker. */
export function logLeave(address: i32, worker: i32): void {
  changetype<Log>(address).workers &= ~(1 << worker);
}

/** Block of an address inside it; an address at the very end of a block does not occur. */
export function blockOf(address: i32): i32 {
  return address & ~(BLOCK_SIZE - 1);
}
