import { ALIGN_MASK } from "../abi";

/**
 * The units of one track: access units or audio frames, back to back in a chain of blocks, each block with an index
 * that grows down from its end. A unit that does not fit the rest of a block continues in the next one: it has an entry
 * for each piece. One thread writes; units never change once `headSeq` has passed them. A layout, never constructed.
 */
export class UnitTrack {
  /** Entries published. Atomic; wraps. */
  headSeq!: i32;
  headBlock!: i32;
  /** First block that is still kept. */
  tail!: i32;
  blocks!: i32;
  /** Address of the next byte, and the number of entries in the head block, unpublished ones included. */
  write!: i32;
  count!: i32;

  /** The unit in progress: UNIT_*, the start of its present piece, its first entry once it has one. */
  open!: i32;
  piece!: i32;
  firstEntry!: i32;
  bytes!: i32;
  flags!: i32;
  /** Whether something of it is missing. */
  broken!: i32;
  /** Where it began, to go back to. */
  startBlock!: i32;
  startWrite!: i32;
  startCount!: i32;
  /** Address of the length of the NAL unit in progress, 0 without one; of the OBU, likewise. */
  lengthAt!: i32;
  lengthBytes!: i32;
  /** 1: packets without payload came, and others are missing in front of them; the next packet says so no more. */
  gap!: i32;
  /** 1: the audio frame in progress is whole unless the next packet continues it. */
  whole!: i32;

  /** UNITS_*, and parameters of the payload format: bits of AU sizes and indexes; ticks per frame, if known. */
  format!: i32;
  sizeBits!: i32;
  indexBits!: i32;
  deltaBits!: i32;
  frameTicks!: i32;

  /** RTP time and arrival of the last unit; `ticks` is the same time without wraps and jumps. */
  started!: i32;
  lastTime!: u32;
  lastArrival!: i32;
  /** How long nothing arrived on any track, ms, up to the present packet and up to the last unit. */
  stalled!: i32;
  lastStalled!: i32;
  /** Timestamp jumps. */
  jumps!: i32;
  /** Reorder depth; grows if it proves too small. */
  depth!: i32;
  recent!: i32;
  /** Incomplete or oversized units, the oversized ones among them, and malformed packets. */
  dropped!: i32;
  oversized!: i32;
  malformed!: i32;
  /** Largest unit, bytes. */
  limit!: i32;
  /** That its blocks are charged to; 0: none. */
  account!: i32;
  clockRate!: f64;
  ticks!: f64;
  lastDts!: f64;
}

/** An entry of the index of a block: a piece of a unit. */
export class UnitEntry {
  /** Where its bytes are, and how many; UNIT_START, UNIT_END. */
  start!: i32;
  size!: i32;
  flags!: i32;
  /** On the first piece: bytes of the whole unit, presentation and decoding time. UNIT_KEY is there too. */
  bytes!: i32;
  pts!: f64;
  dts!: f64;
}

/** Bytes in one place (`unitSpans`). */
export class UnitSpan {
  start!: i32;
  size!: i32;
}

export const UNIT_ENTRY_STRIDE: i32 = (offsetof<UnitEntry>() + ALIGN_MASK) & ~ALIGN_MASK;
export const UNIT_ENTRY_START: i32 = offsetof<UnitEntry>("start");
export const UNIT_ENTRY_SIZE: i32 = offsetof<UnitEntry>("size");
export const UNIT_ENTRY_FLAGS: i32 = offsetof<UnitEntry>("flags");
export const UNIT_ENTRY_BYTES: i32 = offsetof<UnitEntry>("bytes");
export const UNIT_ENTRY_PTS: i32 = offsetof<UnitEntry>("pts");
export const UNIT_ENTRY_DTS: i32 = offsetof<UnitEntry>("dts");
export const UNIT_SPAN_STRIDE: i32 = offsetof<UnitSpan>();
export const UNIT_SPAN_START: i32 = offsetof<UnitSpan>("start");
export const UNIT_SPAN_SIZE: i32 = offsetof<UnitSpan>("size");

/** Flag of a random access point after which no frame is shown before it; used by the core only. */
export const UNIT_CLOSED = 8;

/** State of the unit in progress: none, open, or abandoned, of which nothing is kept. */
export const UNIT_NONE = 0;
export const UNIT_OPEN = 1;
export const UNIT_ABANDONED = 2;

/** What the depacketizer of LATM keeps between packets. */
export class LatmState {
  /** Subframes that are left of the element. */
  left!: i32;
  /** Bits that wait for the next packet, and how many. */
  carry!: i32;
  carryBits!: i32;
}

/** What the depacketizers of H264 and H265 know of the NAL unit in progress; its first bytes and a scratch follow. */
export class NalState {
  /** NAL_*. */
  phase!: i32;
  /** Zero bytes that are held back: they may begin a start code. */
  zeros!: i32;
  /** Bytes of its header so far. */
  headBytes!: i32;
}

/** Phases of a NAL unit: none in progress; the header is incomplete; kept; skipped. */
export const NAL_NONE = 0;
export const NAL_HEAD = 1;
export const NAL_KEPT = 2;
export const NAL_SKIPPED = 3;
/** Bytes of the header of a NAL unit at most. */
const NAL_HEAD_MAX = 2;
/** Behind a NalState: its header, and a scratch of the same size. */
export const NAL_FIRST: i32 = offsetof<NalState>();
export const NAL_SCRATCH: i32 = NAL_FIRST + NAL_HEAD_MAX;

/** Bytes that the depacketizer of LATM shifts at a time. */
export const UNIT_SHIFT_BYTES = 32;
/** Most presentation times that are kept, and bytes of a configuration that came in band. */
export const UNIT_RECENT_MAX = 17;
export const UNIT_CONFIG_MAX = 60;

/** Presentation times of the last frames in ascending order, f64 each, and room for one more. */
export const UNIT_RECENT: i32 = (offsetof<UnitTrack>() + ALIGN_MASK) & ~ALIGN_MASK;
/** State of the track's depacketizer: a LatmState and bytes being shifted, or a NalState. */
export const UNIT_STATE: i32 = UNIT_RECENT + UNIT_RECENT_MAX * sizeof<f64>() + sizeof<f64>();
export const UNIT_SHIFT: i32 = UNIT_STATE + offsetof<LatmState>();
/** The in-band AudioSpecificConfig: its size, an i32, and its bytes. */
export const UNIT_CONFIG: i32 = (UNIT_SHIFT + UNIT_SHIFT_BYTES + ALIGN_MASK) & ~ALIGN_MASK;
export const UNIT_CONFIG_DATA: i32 = UNIT_CONFIG + sizeof<i32>();
/** Entry that the owner of the track has looked up last, an i32. */
export const UNIT_RESULT: i32 = (UNIT_CONFIG_DATA + UNIT_CONFIG_MAX + ALIGN_MASK) & ~ALIGN_MASK;
/** Scratch of the track's reader for one call: an i32. */
export const UNIT_SCRATCH: i32 = UNIT_RESULT + sizeof<i32>();
export const UNIT_TRACK_SIZE: i32 = (UNIT_SCRATCH + sizeof<i32>() + ALIGN_MASK) & ~ALIGN_MASK;

export const UNIT_HEAD_SEQ: i32 = offsetof<UnitTrack>("headSeq");
export const UNIT_BLOCKS: i32 = offsetof<UnitTrack>("blocks");
export const UNIT_FORMAT: i32 = offsetof<UnitTrack>("format");
export const UNIT_SIZE_BITS: i32 = offsetof<UnitTrack>("sizeBits");
export const UNIT_INDEX_BITS: i32 = offsetof<UnitTrack>("indexBits");
export const UNIT_DELTA_BITS: i32 = offsetof<UnitTrack>("deltaBits");
export const UNIT_FRAME_TICKS: i32 = offsetof<UnitTrack>("frameTicks");
export const UNIT_DEPTH: i32 = offsetof<UnitTrack>("depth");
export const UNIT_CLOCK_RATE: i32 = offsetof<UnitTrack>("clockRate");
export const UNIT_LAST_TIME: i32 = offsetof<UnitTrack>("lastTime");
export const UNIT_TICKS: i32 = offsetof<UnitTrack>("ticks");
export const UNIT_JUMPS: i32 = offsetof<UnitTrack>("jumps");
export const UNIT_DROPPED: i32 = offsetof<UnitTrack>("dropped");
export const UNIT_OVERSIZED: i32 = offsetof<UnitTrack>("oversized");
export const UNIT_MALFORMED: i32 = offsetof<UnitTrack>("malformed");

/** The state of the depacketizer of LATM. */
export function latmState(track: UnitTrack): LatmState {
  return changetype<LatmState>(changetype<i32>(track) + UNIT_STATE);
}

/** The state of the depacketizers of H264 and H265. */
export function nalState(track: UnitTrack): NalState {
  return changetype<NalState>(changetype<i32>(track) + UNIT_STATE);
}
