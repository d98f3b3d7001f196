import { MP4_H265, UNIT_KEY } from "../abi";
import { UnitTrack } from "../units/layout";
import { unitPut, unitPutLength } from "../units/log";
import { get8 } from "../wire";
import { Mp4Reader, Mp4Track } from "./layout";

/** The sample is invalid: the rest of it is skipped. */
const PIECE_BROKEN: i32 = -1;
/** The length of a NAL unit comes next; the first byte of its header; the rest of it. */
const PIECE_LENGTH: i32 = 0;
const PIECE_TYPE: i32 = 1;
const PIECE_BODY: i32 = 2;

/** Bytes of a sample of NAL units, each behind its length (ISO/IEC 14496-15 §4.3.2), which becomes four bytes. */
export function mp4NalUnits(reader: Mp4Reader, track: Mp4Track, src: i32, size: i32): void {
  const units = changetype<UnitTrack>(track.units);
  let at = 0;
  while (at < size) {
    if (reader.piece === PIECE_LENGTH) {
      reader.pieceLeft = (reader.pieceLeft << 8) | get8(src + at);
      reader.headBytes += 1;
      at += 1;
      if (reader.headBytes === track.lengthSize) endLength(reader, reader.left - at);
    } else if (reader.piece === PIECE_TYPE) {
      beginUnit(reader, track, get8(src + at));
      reader.piece = PIECE_BODY;
    } else if (reader.piece === PIECE_BODY) {
      const n = min(size - at, reader.pieceLeft);
      if (reader.kept !== 0) unitPut(units, src + at, n);
      reader.pieceLeft -= n;
      at += n;
      if (reader.pieceLeft === 0) reader.piece = PIECE_LENGTH;
    } else {
      return;
    }
  }
}

/** @param left bytes of the sample behind the length */
function endLength(reader: Mp4Reader, left: i32): void {
  reader.headBytes = 0;
  if ((reader.pieceLeft as u32) > (left as u32)) reader.piece = PIECE_BROKEN;
  else if (reader.pieceLeft !== 0) reader.piece = PIECE_TYPE;
}

function beginUnit(reader: Mp4Reader, track: Mp4Track, header: i32): void {
  const units = changetype<UnitTrack>(track.units);
  const isH265 = track.kind === MP4_H265;
  const type = isH265 ? (header >> 1) & 63 : header & 31;
  const isKey = isH265 ? type >= 16 && type <= 21 : type === 5;
  reader.kept = isWanted(isH265, type, reader.pieceLeft) ? 1 : 0;
  if (reader.kept === 0) return;
  if (isKey) units.flags |= UNIT_KEY;
  if (reader.prefixed === 0 && (isKey || reader.sync !== 0)) {
    reader.prefixed = 1;
    unitPut(units, track.sets, track.setsSize);
  }
  if (unitPutLength(units, reader.pieceLeft) === 0) reader.kept = 0;
}

/** Delimiters, filler, and types with another meaning in RTP are dropped. */
function isWanted(isH265: bool, type: i32, size: i32): bool {
  if (isH265) return size >= 2 && type !== 35 && type !== 38 && type < 48;
  return type !== 0 && type !== 9 && type !== 12 && type < 24;
}
