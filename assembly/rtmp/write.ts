import { flvRead } from "../flv/write";
import { recordEnter, recordRoom } from "../records";
import { put8, put24, put32, put32le } from "../wire";

/** A timestamp of 24 bits that says that one of 32 bits follows. */
const EXTENDED: u32 = 0xffffff;
/** Formats of the basic header, of a message's first chunk and of the others (RTMP specification §5.3.1.2). */
const TYPE_0 = 0;
const TYPE_3 = 0xc0;

/**
 * Writes a message as chunks.
 *
 * @param dst has room for it: 16 bytes more than the message, and up to 5 for each further chunk
 * @param chunkStream 2 to 63
 * @returns bytes written
 */
export function rtmpMessage(
  dst: i32,
  src: i32,
  size: i32,
  chunkStream: i32,
  type: i32,
  streamId: u32,
  time: u32,
  chunkSize: i32,
): i32 {
  let at = writeHead(dst, chunkStream, type, streamId, time, size);
  for (let done = 0; done < size; ) {
    if (done > 0) at = writeNextHead(at, chunkStream, time);
    const n = min(chunkSize, size - done);
    memory.copy(at, src + done, n);
    at += n;
    done += n;
  }
  return at - dst;
}

/**
 * Appends the message that a FLV writer has begun (`flvStart`) to a log of records, as the rest of the frame in progress. Each
 * chunk is a record: other messages can be sent between two records.
 *
 * @param size bytes of the message, at least 1
 * @param chunkSize so that a chunk has at most RECORD_MAX bytes
 * @returns 0, ERR_BUDGET, or ERR_FULL when a record would be too large
 */
export function rtmpRecords(
  log: i32,
  writer: i32,
  size: i32,
  chunkStream: i32,
  type: i32,
  streamId: u32,
  time: u32,
  chunkSize: i32,
): i32 {
  for (let done = 0; done < size; ) {
    const n = min(chunkSize, size - done);
    const head = headSize(done === 0, time);
    const at = recordRoom(log, head + n);
    if (at < 0) return at;
    if (done === 0) writeHead(at, chunkStream, type, streamId, time, size);
    else writeNextHead(at, chunkStream, time);
    flvRead(writer, at + head, n);
    done += n;
    recordEnter(log, head + n, done === size);
  }
  return 0;
}

function headSize(isFirst: bool, time: u32): i32 {
  return (isFirst ? 12 : 1) + (time >= EXTENDED ? 4 : 0);
}

function writeHead(at: i32, chunkStream: i32, type: i32, streamId: u32, time: u32, size: i32): i32 {
  put8(at, TYPE_0 | chunkStream);
  put24(at + 1, min(time, EXTENDED));
  put24(at + 4, size as u32);
  put8(at + 7, type);
  put32le(at + 8, streamId);
  if (time < EXTENDED) return at + 12;
  put32(at + 12, time);
  return at + 16;
}

function writeNextHead(at: i32, chunkStream: i32, time: u32): i32 {
  put8(at, TYPE_3 | chunkStream);
  if (time < EXTENDED) return at + 1;
  put32(at + 1, time);
  return at + 5;
}
