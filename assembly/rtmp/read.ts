import { ERR_FULL, RTMP_ERROR_CHUNK_SIZE } from "../abi";
import { UNIT_SPAN_STRIDE, UnitSpan } from "../units/layout";
import { get8, get24, get32 } from "../wire";
import { freePieces, gather, listPieces } from "./gather";
import { chunkHeader, chunkHeaderSize, find } from "./header";
import {
  ChunkStream,
  chunkStreamAt,
  EXTENDED_UNKNOWN,
  RTMP_HEAD,
  RTMP_READER_SIZE,
  RtmpReader,
} from "./layout";

/** Chunk size before the first Set Chunk Size message. */
const CHUNK_SIZE = 128;
/** Messages that only concern this layer (RTMP specification §5.4.1, §5.4.2). */
const SET_CHUNK_SIZE = 1;
const ABORT = 2;
/** Bytes of the header of a message in an aggregate, and of the back pointer behind it (§7.1.6). */
const PART_HEAD = 11;
const PART_TAIL = 4;

/**
 * Prepares a reader.
 *
 * @param limit most bytes held for messages in progress
 * @param account that they are charged to; 0: none
 */
export function rtmpOpen(address: i32, limit: i32, account: i32): void {
  memory.fill(address, 0, RTMP_READER_SIZE);
  const reader = changetype<RtmpReader>(address);
  reader.chunkSize = CHUNK_SIZE;
  reader.limit = limit;
  reader.account = account;
  reader.extends = EXTENDED_UNKNOWN;
}

/** Frees the memory of all messages in progress. */
export function rtmpClose(address: i32): void {
  const reader = changetype<RtmpReader>(address);
  for (let i = 0; i < reader.streams; i++) freePieces(reader, chunkStreamAt(address, i));
}

/**
 * Reads chunks, up to the end of the first message that is complete. That one is described in the reader; its bytes stay
 * valid until the next call, those at `src` included.
 *
 * @param out receives where its bytes are: a list of UnitSpan
 * @returns bytes taken; ERR_BUDGET, or ERR_FULL with an error in the reader
 */
export function rtmpRead(address: i32, src: i32, size: i32, out: i32): i32 {
  const reader = changetype<RtmpReader>(address);
  if (reader.owner !== 0) freePieces(reader, changetype<ChunkStream>(reader.owner));
  reader.owner = 0;
  reader.ready = 0;
  let at = 0;
  while (reader.ready === 0) {
    if (reader.current === 0) {
      if (at === size) break;
      const taken = readHeader(reader, src + at, size - at);
      if (taken < 0) return taken;
      at += taken;
      if (reader.current === 0) break;
    } else {
      const stream = changetype<ChunkStream>(reader.current);
      const n = min(reader.chunkLeft, size - at);
      if (n === 0 && reader.chunkLeft > 0) break;
      const code = readPayload(reader, stream, src + at, n, out);
      if (code !== 0) return code;
      at += n;
    }
  }
  return at;
}

/** Takes bytes of a chunk header. Returns how many, or an error. */
function readHeader(reader: RtmpReader, src: i32, size: i32): i32 {
  const head = changetype<i32>(reader) + RTMP_HEAD;
  if (reader.headBytes === 0) {
    const needed = chunkHeaderSize(reader, src, size, false);
    if (needed <= size) {
      const code = chunkHeader(reader, src);
      return code === 0 ? needed : code;
    }
  }
  let taken = 0;
  for (;;) {
    const missing = chunkHeaderSize(reader, head, reader.headBytes, true) - reader.headBytes;
    if (missing <= 0) break;
    if (taken === size) return taken;
    const n = min(missing, size - taken);
    memory.copy(head + reader.headBytes, src + taken, n);
    reader.headBytes += n;
    taken += n;
  }
  reader.headBytes = 0;
  const code = chunkHeader(reader, head);
  return code === 0 ? taken : code;
}

/** Takes payload of the chunk in progress, to its end or as far as it has come. */
function readPayload(reader: RtmpReader, stream: ChunkStream, src: i32, size: i32, out: i32): i32 {
  const isWhole = stream.got === 0 && size === stream.length;
  if (!isWhole) {
    const code = gather(reader, stream, src, size);
    if (code !== 0) return code;
  }
  stream.got += size;
  reader.chunkLeft -= size;
  if (reader.chunkLeft === 0) reader.current = 0;
  if (stream.got < stream.length) return 0;
  stream.open = 0;
  reader.owner = changetype<i32>(stream);
  if (isWhole) {
    const span = changetype<UnitSpan>(out);
    span.start = src;
    span.size = size;
    reader.spans = size === 0 ? 0 : 1;
  } else {
    reader.spans = listPieces(stream, out);
  }
  return complete(reader, stream, out);
}

function complete(reader: RtmpReader, stream: ChunkStream, out: i32): i32 {
  const type = stream.type;
  if (type === SET_CHUNK_SIZE || type === ABORT) return control(reader, stream, out);
  reader.ready = 1;
  reader.type = type;
  reader.streamId = stream.streamId;
  reader.timestamp = stream.timestamp;
  reader.size = stream.length;
  reader.part = 0;
  return 0;
}

function control(reader: RtmpReader, stream: ChunkStream, out: i32): i32 {
  const isLong = stream.length >= 4;
  const value = isLong ? get32(changetype<UnitSpan>(out).start) : 0;
  freePieces(reader, stream);
  reader.owner = 0;
  if (stream.type === ABORT) {
    const aborted = find(reader, value as i32);
    if (changetype<i32>(aborted) === 0) return 0;
    freePieces(reader, aborted);
    aborted.open = 0;
    aborted.got = 0;
    return 0;
  }
  const size = (value & 0x7fffffff) as i32;
  if (size === 0) {
    reader.error = RTMP_ERROR_CHUNK_SIZE;
    reader.detail = size;
    return ERR_FULL;
  }
  reader.chunkSize = size;
  return 0;
}

/**
 * The next message of the aggregate that is complete (§7.1.6); its type, timestamp and size are put into the reader.
 * Timestamps are those of the messages, not yet those of the aggregate.
 *
 * @param spans where the bytes of the aggregate are
 * @param out receives where the bytes of the message are
 * @returns the number of spans; -1 if there is none left, or the rest is invalid
 */
export function rtmpPart(address: i32, spans: i32, count: i32, size: i32, out: i32): i32 {
  const reader = changetype<RtmpReader>(address);
  const head = address + RTMP_HEAD;
  if (size - reader.part < PART_HEAD) return -1;
  copyOut(spans, count, reader.part, PART_HEAD, head);
  const length = get24(head + 1) as i32;
  const from = reader.part + PART_HEAD;
  if (length > size - from) return -1;
  reader.type = get8(head);
  reader.size = length;
  reader.timestamp = get24(head + 4) | ((get8(head + 7) as u32) << 24);
  reader.part = from + length + PART_TAIL;
  reader.spans = slice(spans, count, from, length, out);
  return reader.spans;
}

/** Lists where a range of the bytes of a list of spans is. */
function slice(spans: i32, count: i32, from: i32, size: i32, out: i32): i32 {
  let skip = from;
  let left = size;
  let listed = 0;
  for (let i = 0; i < count && left > 0; i++) {
    const span = changetype<UnitSpan>(spans + i * UNIT_SPAN_STRIDE);
    if (skip >= span.size) {
      skip -= span.size;
      continue;
    }
    const part = changetype<UnitSpan>(out + listed * UNIT_SPAN_STRIDE);
    part.start = span.start + skip;
    part.size = min(span.size - skip, left);
    left -= part.size;
    skip = 0;
    listed += 1;
  }
  return listed;
}

function copyOut(spans: i32, count: i32, from: i32, size: i32, dst: i32): void {
  let skip = from;
  let done = 0;
  for (let i = 0; i < count && done < size; i++) {
    const span = changetype<UnitSpan>(spans + i * UNIT_SPAN_STRIDE);
    if (skip >= span.size) {
      skip -= span.size;
      continue;
    }
    const n = min(span.size - skip, size - done);
    memory.copy(dst + done, span.start + skip, n);
    done += n;
    skip = 0;
  }
}
