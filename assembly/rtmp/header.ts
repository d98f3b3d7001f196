import { ERR_FULL, RTMP_ERROR_HEADER, RTMP_ERROR_STREAMS, RTMP_STREAMS_MAX } from "../abi";
import { get8, get24, get32, get32le } from "../wire";
import { freePieces } from "./gather";
import {
  ChunkStream,
  chunkStreamAt,
  EXTENDED_LEFT_OUT,
  EXTENDED_REPEATED,
  RTMP_STREAM_STRIDE,
  RtmpReader,
} from "./layout";

/** A 24-bit timestamp of this value is followed by one of 32 bits. */
const EXTENDED: u32 = 0xffffff;
const EXTENDED_BYTES = 4;

/**
 * Size of the chunk header at `at` (RTMP specification §5.3.1), as far as it can be told from its first `have` bytes: a
 * result above `have` says that so many bytes are needed to tell.
 *
 * @param isApart whether the bytes behind the header are not there to be looked at
 */
export function chunkHeaderSize(reader: RtmpReader, at: i32, have: i32, isApart: bool): i32 {
  if (have === 0) return 1;
  const basic = basicSize(at);
  if (have < basic) return basic;
  const format = get8(at) >> 6;
  const size = basic + messageHeaderSize(format);
  if (have < size) return size;
  if (format < 3) return get24(at + basic) === EXTENDED ? size + EXTENDED_BYTES : size;
  const stream = find(reader, chunkStreamId(at));
  if (changetype<i32>(stream) === 0 || stream.isExtended === 0) return size;
  if (reader.extends === EXTENDED_LEFT_OUT) return size;
  if (reader.extends === EXTENDED_REPEATED || isApart || have < size + EXTENDED_BYTES) {
    return size + EXTENDED_BYTES;
  }
  // older clients leave it out, against §5.3.1.3: then these bytes are payload
  const isRepeated = get32(at + size) === stream.extended;
  reader.extends = isRepeated ? EXTENDED_REPEATED : EXTENDED_LEFT_OUT;
  return isRepeated ? size + EXTENDED_BYTES : size;
}

function basicSize(at: i32): i32 {
  const id = get8(at) & 63;
  return id === 0 ? 2 : id === 1 ? 3 : 1;
}

function messageHeaderSize(format: i32): i32 {
  return format === 0 ? 11 : format === 1 ? 7 : format === 2 ? 3 : 0;
}

/** Of the basic header (§5.3.1.1): 2 to 65,599. */
function chunkStreamId(at: i32): i32 {
  const id = get8(at) & 63;
  if (id === 0) return get8(at + 1) + 64;
  return id === 1 ? get8(at + 2) * 256 + get8(at + 1) + 64 : id;
}

/**
 * Reads a complete chunk header; its chunk is in progress then.
 *
 * @returns 0, or ERR_FULL with an error in the reader
 */
export function chunkHeader(reader: RtmpReader, at: i32): i32 {
  const format = get8(at) >> 6;
  const id = chunkStreamId(at);
  let stream = find(reader, id);
  if (changetype<i32>(stream) === 0) {
    // a type 1 header is enough: librtmp sends its first ping so
    if (format > 1) return fail(reader, RTMP_ERROR_HEADER, id);
    if (reader.streams === RTMP_STREAMS_MAX) return fail(reader, RTMP_ERROR_STREAMS, RTMP_STREAMS_MAX);
    stream = create(reader, id);
  }
  const isContinued = format === 3 && stream.open !== 0;
  if (format < 3) readFields(stream, at + basicSize(at), format);
  if (!isContinued) begin(reader, stream, format);
  reader.current = changetype<i32>(stream);
  reader.chunkLeft = min(reader.chunkSize, stream.length - stream.got);
  return 0;
}

function fail(reader: RtmpReader, error: i32, detail: i32): i32 {
  reader.error = error;
  reader.detail = detail;
  return ERR_FULL;
}

function readFields(stream: ChunkStream, at: i32, format: i32): void {
  let time = get24(at);
  stream.isExtended = time === EXTENDED ? 1 : 0;
  if (format < 2) {
    stream.length = get24(at + 3) as i32;
    stream.type = get8(at + 6);
  }
  if (format === 0) stream.streamId = get32le(at + 7);
  if (stream.isExtended !== 0) {
    time = get32(at + messageHeaderSize(format));
    stream.extended = time;
  }
  stream.delta = time;
}

/** A message begins; one that is in progress on the same chunk stream is dropped. */
function begin(reader: RtmpReader, stream: ChunkStream, format: i32): void {
  freePieces(reader, stream);
  // after a type 0 header, a type 3 header repeats its timestamp as the delta (§5.3.1.2.4)
  stream.timestamp = format === 0 ? stream.delta : stream.timestamp + stream.delta;
  stream.open = 1;
  stream.got = 0;
}

/** The chunk stream with this number, or 0. */
export function find(reader: RtmpReader, id: i32): ChunkStream {
  const address = changetype<i32>(reader);
  for (let i = 0; i < reader.streams; i++) {
    const stream = chunkStreamAt(address, i);
    if (stream.id === id) return stream;
  }
  return changetype<ChunkStream>(0);
}

function create(reader: RtmpReader, id: i32): ChunkStream {
  const stream = chunkStreamAt(changetype<i32>(reader), reader.streams);
  memory.fill(changetype<i32>(stream), 0, RTMP_STREAM_STRIDE);
  stream.id = id;
  reader.streams += 1;
  return stream;
}
