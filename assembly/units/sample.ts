import { ALIGN_MASK } from "../abi";

/** What the samples of a track of a container are, and where their units go. A layout, never constructed. */
export class SampleFormat {
  /** Address of its units; 0 for a track that nobody wants. */
  units!: i32;
  /** SAMPLE_* */
  kind!: i32;
  /** Bytes of the length of a NAL unit. */
  lengthSize!: i32;
  /** Parameter sets as they are put in front of random access points. */
  sets!: i32;
  setsSize!: i32;
}

/** A sample that becomes a unit as its bytes come, cut anywhere. A layout, never constructed; a scratch follows. */
export class Sample {
  /** Bytes that have not come. */
  left!: i32;
  /** Of the NAL unit or OBU in progress: PIECE_*, bytes of its head that have come, bytes left, whether they are kept. */
  piece!: i32;
  headBytes!: i32;
  pieceLeft!: i32;
  kept!: i32;
  obuHeader!: i32;
  /** Whether it may be decoded without others, and whether parameter sets are in front of it. */
  sync!: i32;
  prefixed!: i32;
}

/** Bytes written in front of a piece. */
const SCRATCH_MAX = 8;
/** Behind a Sample. */
export const SAMPLE_SCRATCH: i32 = offsetof<Sample>();
export const SAMPLE_SIZE: i32 = (SAMPLE_SCRATCH + SCRATCH_MAX + ALIGN_MASK) & ~ALIGN_MASK;
export const SAMPLE_FORMAT_SIZE: i32 = (offsetof<SampleFormat>() + ALIGN_MASK) & ~ALIGN_MASK;
export const SAMPLE_FORMAT_UNITS: i32 = offsetof<SampleFormat>("units");
export const SAMPLE_FORMAT_KIND: i32 = offsetof<SampleFormat>("kind");
export const SAMPLE_FORMAT_LENGTH_SIZE: i32 = offsetof<SampleFormat>("lengthSize");
export const SAMPLE_FORMAT_SETS: i32 = offsetof<SampleFormat>("sets");
export const SAMPLE_FORMAT_SETS_SIZE: i32 = offsetof<SampleFormat>("setsSize");
