import { ALIGN_MASK, RTMP_HEAD_BYTES, RTMP_STREAMS_MAX } from "../abi";

/** Reads the chunks of one connection. The header in progress and the chunk streams follow it. A layout, never constructed. */
export class RtmpReader {
  /** Chunk size of the peer. */
  chunkSize!: i32;
  /** That blocks for messages in progress are charged to; 0: none. */
  account!: i32;
  /** Bytes held for messages in progress: how many there may be, and how many there are. */
  limit!: i32;
  held!: i32;
  /** Chunk streams so far. */
  streams!: i32;
  /** Bytes of the incomplete chunk header. */
  headBytes!: i32;
  /** The chunk in progress: address of its chunk stream, 0 between two chunks; payload bytes that have not come. */
  current!: i32;
  chunkLeft!: i32;
  /** Whether type 3 chunks repeat the extended timestamp: EXTENDED_*. */
  extends!: i32;
  /** Whether a message is complete, and the chunk stream whose memory has it. */
  ready!: i32;
  owner!: i32;
  /** That message. */
  type!: i32;
  streamId!: u32;
  timestamp!: u32;
  size!: i32;
  spans!: i32;
  /** Where the next message of an aggregate begins. */
  part!: i32;
  /** RTMP_ERROR_*, and the number that it is about. */
  error!: i32;
  detail!: i32;
}

/** One chunk stream: the header that later chunks refer to, and the message in progress. */
export class ChunkStream {
  id!: i32;
  type!: i32;
  length!: i32;
  streamId!: u32;
  timestamp!: u32;
  delta!: u32;
  /** Whether the last header had an extended timestamp, and its value. */
  isExtended!: i32;
  extended!: u32;
  /** Whether a message is in progress, and bytes of it that have come. */
  open!: i32;
  got!: i32;
  /** Pieces of memory that hold it: the first one, the last one, room in that and bytes in that. */
  first!: i32;
  last!: i32;
  capacity!: i32;
  fill!: i32;
}

/** Header of a piece of memory. */
export class RtmpPiece {
  next!: i32;
  size!: i32;
}

/** The peer has not sent a type 3 chunk with an extended timestamp yet; repeats it; leaves it out. */
export const EXTENDED_UNKNOWN = 0;
export const EXTENDED_REPEATED = 1;
export const EXTENDED_LEFT_OUT = 2;

/** Where what belongs to a reader lies, from its address. */
export const RTMP_HEAD: i32 = offsetof<RtmpReader>();
export const RTMP_STREAMS: i32 = (RTMP_HEAD + RTMP_HEAD_BYTES + ALIGN_MASK) & ~ALIGN_MASK;
export const RTMP_STREAM_STRIDE: i32 = offsetof<ChunkStream>();
export const RTMP_READER_SIZE: i32 = RTMP_STREAMS + RTMP_STREAMS_MAX * RTMP_STREAM_STRIDE;
export const RTMP_PIECE_DATA: i32 = (offsetof<RtmpPiece>() + ALIGN_MASK) & ~ALIGN_MASK;

export const RTMP_ACCOUNT: i32 = offsetof<RtmpReader>("account");
export const RTMP_LIMIT: i32 = offsetof<RtmpReader>("limit");
export const RTMP_READY: i32 = offsetof<RtmpReader>("ready");
export const RTMP_TYPE: i32 = offsetof<RtmpReader>("type");
export const RTMP_STREAM_ID: i32 = offsetof<RtmpReader>("streamId");
export const RTMP_TIMESTAMP: i32 = offsetof<RtmpReader>("timestamp");
export const RTMP_SIZE: i32 = offsetof<RtmpReader>("size");
export const RTMP_SPANS: i32 = offsetof<RtmpReader>("spans");
export const RTMP_ERROR: i32 = offsetof<RtmpReader>("error");
export const RTMP_DETAIL: i32 = offsetof<RtmpReader>("detail");

export function chunkStreamAt(reader: i32, i: i32): ChunkStream {
  return changetype<ChunkStream>(reader + RTMP_STREAMS + i * RTMP_STREAM_STRIDE);
}
