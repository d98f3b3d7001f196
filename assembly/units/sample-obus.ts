import { UNIT_KEY } from "../abi";
import { get8, put8 } from "../wire";
import { UnitTrack } from "./layout";
import { unitPut } from "./log";
import { SAMPLE_SCRATCH, Sample } from "./sample";

/** The sample is invalid: the rest of it is skipped. */
const PIECE_BROKEN: i32 = -1;
/** The header of an OBU comes next, its extension, its size, the rest of it (AV1 §5.3). */
const PIECE_HEADER: i32 = 0;
const PIECE_EXTENSION: i32 = 1;
const PIECE_SIZE: i32 = 2;
const PIECE_BODY: i32 = 3;

const SEQUENCE_HEADER: i32 = 1;
const TEMPORAL_DELIMITER: i32 = 2;
const TILE_LIST: i32 = 8;
const PADDING: i32 = 15;

/** Bytes of a sample of OBUs, the last of which may lack its size ("AV1 in ISOBMFF" §2.4). All get one. */
export function sampleObus(sample: Sample, units: UnitTrack, src: i32, size: i32): void {
  let at = 0;
  while (at < size) {
    const byte = get8(src + at);
    switch (sample.piece) {
      case PIECE_HEADER:
        at += 1;
        sample.obuHeader = byte;
        sample.headBytes = 1;
        sample.pieceLeft = 0;
        sample.piece = (byte & 0x80) !== 0 ? PIECE_BROKEN : (byte & 4) !== 0 ? PIECE_EXTENSION : PIECE_SIZE;
        if (sample.piece === PIECE_SIZE) endHead(sample, units, 0, sample.left - at);
        break;
      case PIECE_EXTENSION:
        at += 1;
        sample.piece = PIECE_SIZE;
        endHead(sample, units, byte, sample.left - at);
        break;
      case PIECE_SIZE:
        at += 1;
        takeSize(sample, units, byte, sample.left - at);
        break;
      case PIECE_BODY:
        at += takeBody(sample, units, src + at, size - at);
        break;
      default:
        return;
    }
  }
}

function takeBody(sample: Sample, units: UnitTrack, src: i32, size: i32): i32 {
  const n = min(size, sample.pieceLeft);
  if (sample.kept !== 0) unitPut(units, src, n);
  sample.pieceLeft -= n;
  if (sample.pieceLeft === 0) sample.piece = PIECE_HEADER;
  return n;
}

/** The header is complete: an OBU without a size extends to the end of the sample. */
function endHead(sample: Sample, units: UnitTrack, extension: i32, left: i32): void {
  const header = sample.obuHeader;
  const type = (header >> 3) & 15;
  sample.kept = type !== TEMPORAL_DELIMITER && type !== TILE_LIST && type !== PADDING ? 1 : 0;
  if (type === SEQUENCE_HEADER) units.flags |= UNIT_KEY;
  if (sample.kept !== 0) {
    const scratch = changetype<i32>(sample) + SAMPLE_SCRATCH;
    put8(scratch, header | 2);
    put8(scratch + 1, extension);
    unitPut(units, scratch, (header & 4) !== 0 ? 2 : 1);
  }
  if ((header & 2) === 0) begin(sample, units, left);
}

/** A byte of leb128 (AV1 §4.10.5); at most four count. */
function takeSize(sample: Sample, units: UnitTrack, byte: i32, left: i32): void {
  const i = sample.headBytes - 1;
  if (i < 4) sample.pieceLeft |= (byte & 0x7f) << (7 * i);
  else if ((byte & 0x7f) !== 0) sample.piece = PIECE_BROKEN;
  sample.headBytes += 1;
  if ((byte & 0x80) === 0) begin(sample, units, left);
  else if (i >= 7) sample.piece = PIECE_BROKEN;
}

/** Writes the size of an OBU; its payload follows. */
function begin(sample: Sample, units: UnitTrack, left: i32): void {
  if (sample.piece === PIECE_BROKEN) return;
  const size = (sample.obuHeader & 2) === 0 ? left : sample.pieceLeft;
  sample.headBytes = 0;
  sample.pieceLeft = size;
  if (size > left) {
    sample.piece = PIECE_BROKEN;
    return;
  }
  if (sample.kept !== 0) putSize(sample, units, size);
  sample.piece = size === 0 ? PIECE_HEADER : PIECE_BODY;
}

function putSize(sample: Sample, units: UnitTrack, size: i32): void {
  const scratch = changetype<i32>(sample) + SAMPLE_SCRATCH;
  let rest = size;
  let bytes = 0;
  do {
    put8(scratch + bytes, (rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>= 7;
    bytes += 1;
  } while (rest > 0);
  unitPut(units, scratch, bytes);
}
