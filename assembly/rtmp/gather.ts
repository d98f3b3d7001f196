import { ERR_BUDGET, ERR_FULL, RTMP_ERROR_SIZE, SLOT_CLASSES, SLOT_MIN } from "../abi";
import { blockCapacity, slotGive, slotTake } from "../memory";
import { UNIT_SPAN_STRIDE, UnitSpan } from "../units/layout";
import { ChunkStream, RTMP_PIECE_DATA, RtmpPiece, RtmpReader } from "./layout";

/** The next piece of a message has four times the size of the first ones; large messages have blocks. */
const GROWTH = 4;
const SLOT_MAX: i32 = SLOT_MIN << (2 * (SLOT_CLASSES - 1));

/**
 * Keeps bytes of the message in progress. The memory grows with what has come, not with the length that was announced.
 *
 * @returns 0; ERR_BUDGET, or ERR_FULL with an error in the reader when too much is in progress
 */
export function gather(reader: RtmpReader, stream: ChunkStream, src: i32, size: i32): i32 {
  if (size > reader.limit - reader.held) {
    reader.error = RTMP_ERROR_SIZE;
    reader.detail = stream.length;
    return ERR_FULL;
  }
  let done = 0;
  while (done < size) {
    const room = stream.capacity - stream.fill;
    if (room === 0) {
      if (!enlarge(reader, stream, size - done)) return ERR_BUDGET;
      continue;
    }
    const n = min(room, size - done);
    memory.copy(stream.last + RTMP_PIECE_DATA + stream.fill, src + done, n);
    stream.fill += n;
    changetype<RtmpPiece>(stream.last).size = stream.fill;
    done += n;
  }
  reader.held += size;
  return 0;
}

/** Makes room for more bytes: a larger piece instead of a slot, another block behind a block. */
function enlarge(reader: RtmpReader, stream: ChunkStream, wanted: i32): bool {
  const old = stream.last;
  const most = blockCapacity() - RTMP_PIECE_DATA;
  const isBlock = stream.capacity === most;
  const least = isBlock ? most : max(stream.fill + wanted, stream.capacity * GROWTH);
  const size = roundUp(min(least, most) + RTMP_PIECE_DATA);
  const piece = slotTake(size, reader.account);
  if (piece === 0) return false;
  const header = changetype<RtmpPiece>(piece);
  header.next = 0;
  header.size = 0;
  if (isBlock) {
    changetype<RtmpPiece>(old).next = piece;
    stream.fill = 0;
  } else {
    if (old !== 0) {
      memory.copy(piece + RTMP_PIECE_DATA, old + RTMP_PIECE_DATA, stream.fill);
      header.size = stream.fill;
      slotGive(old);
    }
    stream.first = piece;
  }
  stream.last = piece;
  stream.capacity = size - RTMP_PIECE_DATA;
  return true;
}

/** The size of a slot that has room for `size` bytes, or that of a block. */
function roundUp(size: i32): i32 {
  let slot = SLOT_MIN;
  while (slot < size && slot < SLOT_MAX) slot *= GROWTH;
  return slot < size ? blockCapacity() : slot;
}

/** Frees the memory of a message. */
export function freePieces(reader: RtmpReader, stream: ChunkStream): void {
  let piece = stream.first;
  while (piece !== 0) {
    const header = changetype<RtmpPiece>(piece);
    const next = header.next;
    reader.held -= header.size;
    slotGive(piece);
    piece = next;
  }
  stream.first = 0;
  stream.last = 0;
  stream.capacity = 0;
  stream.fill = 0;
}

/** Lists the pieces of a message. Returns how many there are. */
export function listPieces(stream: ChunkStream, out: i32): i32 {
  let count = 0;
  for (let piece = stream.first; piece !== 0; piece = changetype<RtmpPiece>(piece).next) {
    const span = changetype<UnitSpan>(out + count * UNIT_SPAN_STRIDE);
    span.start = piece + RTMP_PIECE_DATA;
    span.size = changetype<RtmpPiece>(piece).size;
    count += 1;
  }
  return count;
}
