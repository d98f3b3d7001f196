import { UNIT_KEY } from "../abi";
import { get8, put8 } from "../wire";
import { unitSpoil } from "./faults";
import { UnitTrack } from "./layout";
import { unitPut, unitPutLength } from "./log";

/** Values of `lengthAt` besides an address: an OBU that is dropped, and one that already has its size. */
const SKIPPED = -1;
const COMPLETE = -2;
const SEQUENCE_HEADER = 1;
const TEMPORAL_DELIMITER = 2;
const TILE_LIST = 8;
const PADDING = 15;
/** Largest size that the four bytes kept for it can say. */
const MAX_OBU = 0xfffffff;

/**
 * One packet of OBU elements (AV1 RTP §4.4). They become OBUs with a size, which is written when it is known, in four
 * bytes of leb128 (AV1 §4.10.5 allows more than it needs). Temporal delimiters are left out.
 */
export function av1Packet(track: UnitTrack, payload: i32, size: i32): i32 {
  const aggregation = get8(payload);
  const count = (aggregation >> 4) & 3;
  if ((aggregation & 0x08) !== 0) track.flags |= UNIT_KEY;
  let continues = (aggregation & 0x80) !== 0;
  if (!continues) endObu(track);
  let at = 1;
  for (let i = 1; at < size; i++) {
    let length = size - at;
    if (count === 0 || i < count) {
      length = leb128(payload + at, size - at);
      if (length < 0) return unitSpoil(track);
      at += lebSize(payload + at);
      if (length > size - at) return unitSpoil(track);
    }
    const isLast = at + length >= size || (count !== 0 && i >= count);
    if (!continues && !beginObu(track, payload + at, length)) return 0;
    const skip = continues ? 0 : headerSize(payload + at);
    if (continues && track.lengthAt === 0) return unitSpoil(track);
    const code = putObu(track, payload + at + skip, length - skip);
    if (code !== 0) return code;
    if (!isLast || (aggregation & 0x40) === 0) endObu(track);
    continues = false;
    at += length;
  }
  return 0;
}

/** The leb128 number at the start of an element; -1 if truncated or too large. */
function leb128(at: i32, left: i32): i32 {
  let value = 0;
  for (let i = 0; i < 4; i++) {
    if (i >= left) return -1;
    const byte = get8(at + i);
    value |= (byte & 0x7f) << (7 * i);
    if ((byte & 0x80) === 0) return value;
  }
  return -1;
}

function lebSize(at: i32): i32 {
  let size = 1;
  while ((get8(at + size - 1) & 0x80) !== 0) size += 1;
  return size;
}

function headerSize(obu: i32): i32 {
  return (get8(obu) & 0x04) !== 0 ? 2 : 1;
}

/** Writes the header of an OBU (AV1 §5.3.2). Returns false when the element has none. */
function beginObu(track: UnitTrack, obu: i32, size: i32): bool {
  if (size === 0 || size < headerSize(obu)) {
    unitSpoil(track);
    return false;
  }
  const header = get8(obu);
  const type = (header >> 3) & 15;
  if (type === SEQUENCE_HEADER) track.flags |= UNIT_KEY;
  if (type === TEMPORAL_DELIMITER || type === TILE_LIST || type === PADDING) {
    track.lengthAt = SKIPPED;
    return true;
  }
  if ((header & 0x02) !== 0) {
    track.lengthAt = COMPLETE;
    unitPut(track, obu, headerSize(obu));
    return true;
  }
  put8(obu, header | 0x02);
  unitPut(track, obu, headerSize(obu));
  put8(obu, header);
  track.lengthAt = unitPutLength(track, 0);
  track.lengthBytes = 0;
  return true;
}

function putObu(track: UnitTrack, at: i32, size: i32): i32 {
  if (track.lengthAt === SKIPPED) return 0;
  track.lengthBytes += size;
  return unitPut(track, at, size);
}

/** Writes the size of the OBU in progress. */
export function endObu(track: UnitTrack): void {
  const at = track.lengthAt;
  const size = track.lengthBytes;
  track.lengthAt = 0;
  if (at <= 0) return;
  if (size > MAX_OBU) track.broken = 1;
  put8(at, (size & 0x7f) | 0x80);
  put8(at + 1, ((size >> 7) & 0x7f) | 0x80);
  put8(at + 2, ((size >> 14) & 0x7f) | 0x80);
  put8(at + 3, (size >> 21) & 0x7f);
}
