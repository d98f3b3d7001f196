import {
  BATCH_CONTROL_STRIDE,
  BATCH_CONTROLS,
  BATCH_MESSAGE_STRIDE,
  BATCH_MESSAGES,
  BATCH_MESSAGES_MAX,
  BATCH_RETRY,
  BATCH_RUN_STRIDE,
  BATCH_RUNS,
  BATCH_RUNS_MAX,
  BATCH_SERVED,
  BATCH_VECTORS,
  BATCH_VECTORS_MAX,
  DESTINATION_FLAGS,
  DESTINATION_PLAIN,
  DESTINATION_STRIDE,
  FRAMING,
  RUN_BYTES_MAX,
  RUN_PACKETS_MAX,
} from "../abi";
import { Cursor, entryHere } from "../cursor";
import { entrySize, entryTrack } from "../log";

/**
 * Packets of one track that may go out as one message with segmentation offload: all of one size, but for the last,
 * which may be smaller. A layout, never constructed.
 */
class Run {
  track!: i32;
  /** Number of its first vector, and how many it has. */
  first!: i32;
  packets!: i32;
  /** Bytes of each packet but the last, and of all. */
  segment!: i32;
  bytes!: i32;
  /** 1 when nothing may follow: its last packet is a smaller one. */
  closed!: i32;
}

/** The structures of a 64-bit Linux that the batch is made of: `iovec`, `cmsghdr` with its value, `mmsghdr`. */
class Vector {
  base!: u64;
  size!: u64;
}

class Control {
  length!: u64;
  level!: i32;
  type!: i32;
  value!: u64;
}

class Message {
  name!: u64;
  nameSize!: u64;
  vectors!: u64;
  vectorCount!: u64;
  control!: u64;
  controlSize!: u64;
  flags!: u64;
  /** Bytes that were sent. */
  sent!: i32;
  /** Not read by the system: the run that it carries. */
  run!: i32;
}

export const VECTOR_STRIDE: i32 = offsetof<Vector>();
export const VECTOR_BASE: i32 = offsetof<Vector>("base");
export const VECTOR_SIZE: i32 = offsetof<Vector>("size");
/** The address of a destination has 64 bits: the lower half, and the upper one. */
export const MESSAGE_NAME: i32 = offsetof<Message>("name");
export const MESSAGE_NAME_HIGH: i32 = MESSAGE_NAME + sizeof<u32>();
export const MESSAGE_VECTORS: i32 = offsetof<Message>("vectorCount");
export const MESSAGE_RUN: i32 = offsetof<Message>("run");

export const RUN_TRACK: i32 = offsetof<Run>("track");
export const RUN_FIRST: i32 = offsetof<Run>("first");
export const RUN_PACKETS: i32 = offsetof<Run>("packets");

/** SOL_UDP and UDP_SEGMENT of Linux. */
const SOL_UDP = 17;
const UDP_SEGMENT = 103;
/** Bytes of a control message with a 16-bit value, and with its padding (CMSG_LEN, CMSG_SPACE). */
const CONTROL_LENGTH = 18;
const CONTROL_SPACE = 24;
const AF_INET = 2;
/** Bytes of the addresses of IPv4 and IPv6. */
const NAME_IPV4 = 16;
const NAME_IPV6 = 28;

function runAt(batch: i32, i: i32): Run {
  return changetype<Run>(batch + BATCH_RUNS + i * BATCH_RUN_STRIDE);
}

function vectorAt(batch: i32, i: i32): i32 {
  return batch + BATCH_VECTORS + i * VECTOR_STRIDE;
}

function controlAt(batch: i32, i: i32): i32 {
  return batch + BATCH_CONTROLS + i * BATCH_CONTROL_STRIDE;
}

/**
 * Gathers what lies between a cursor and the head of its log, as many packets as fit, and moves the cursor behind them.
 * Makes one vector (`iovec` of a 64-bit system) a packet, without its interleaved framing, and one control message a run.
 *
 * @param base where this memory begins in the process's address space; 0 when vectors are to hold addresses in it
 * @returns how many runs; 0 at the head
 */
export function batchGather(batch: i32, address: i32, base: f64): i32 {
  const cursor = changetype<Cursor>(address);
  let runs: i32 = 0;
  let vectors: i32 = 0;
  for (let entry = entryHere(cursor); entry !== 0 && vectors < BATCH_VECTORS_MAX; entry = entryHere(cursor)) {
    const size = entrySize(entry) - FRAMING;
    const track = entryTrack(entry);
    if (runs === 0 || !continues(runAt(batch, runs - 1), track, size)) {
      if (runs === BATCH_RUNS_MAX) break;
      const run = runAt(batch, runs);
      run.track = track;
      run.first = vectors;
      run.packets = 0;
      run.segment = size;
      run.bytes = 0;
      run.closed = 0;
      control(controlAt(batch, runs), size);
      runs += 1;
    }
    const run = runAt(batch, runs - 1);
    const vector = changetype<Vector>(vectorAt(batch, vectors));
    vector.base = (base as u64) + ((load<i32>(entry) + FRAMING) as u64);
    vector.size = size as u64;
    run.packets += 1;
    run.bytes += size;
    if (size !== run.segment) run.closed = 1;
    vectors += 1;
    cursor.seq += 1;
  }
  return runs;
}

function continues(run: Run, track: i32, size: i32): bool {
  if (run.closed !== 0 || run.track !== track || size > run.segment) return false;
  return run.packets < RUN_PACKETS_MAX && run.bytes + size <= RUN_BYTES_MAX;
}

/** Writes the control message that asks for segments of `size` bytes. */
function control(at: i32, size: i32): void {
  const message = changetype<Control>(at);
  message.length = CONTROL_LENGTH;
  message.level = SOL_UDP;
  message.type = UDP_SEGMENT;
  message.value = size as u64;
}

/**
 * Adds the messages (`mmsghdr` of a 64-bit Linux) that bring a run to destinations: one message each, or one a packet
 * for those that take no segmented ones. How many destinations were served, fewer when the room is used up, is left at
 * BATCH_SERVED.
 *
 * @param at number of the first message; from BATCH_RETRY on there is room for one destination
 * @param destinations address of the first one
 * @param base as in `batchGather`
 * @returns number of the message behind the last
 */
export function batchAddress(batch: i32, i: i32, at: i32, destinations: i32, count: i32, base: f64): i32 {
  const run = runAt(batch, i);
  const limit = at >= BATCH_RETRY ? BATCH_RETRY + RUN_PACKETS_MAX : BATCH_MESSAGES_MAX;
  let next = at;
  let served: i32 = 0;
  for (; served < count; served++) {
    const destination = destinations + served * DESTINATION_STRIDE;
    const plain = (load<u8>(destination + DESTINATION_FLAGS) & DESTINATION_PLAIN) !== 0;
    const messages: i32 = plain ? run.packets : 1;
    if (next + messages > limit) break;
    for (let m: i32 = 0; m < messages; m++) {
      const place = batch + BATCH_MESSAGES + next * BATCH_MESSAGE_STRIDE;
      memory.fill(place, 0, BATCH_MESSAGE_STRIDE);
      const message = changetype<Message>(place);
      message.name = (base as u64) + (destination as u64);
      message.nameSize = load<u16>(destination) === AF_INET ? NAME_IPV4 : NAME_IPV6;
      message.vectors = (base as u64) + (vectorAt(batch, run.first + m) as u64);
      message.vectorCount = (plain ? 1 : run.packets) as u64;
      if (!plain && run.packets > 1) {
        message.control = (base as u64) + (controlAt(batch, i) as u64);
        message.controlSize = CONTROL_SPACE;
      }
      message.run = i;
      next += 1;
    }
  }
  store<i32>(batch + BATCH_SERVED, served);
  return next;
}
