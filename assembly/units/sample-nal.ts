import { SAMPLE_H265, UNIT_KEY } from "../abi";
import { get8 } from "../wire";
import { UnitTrack } from "./layout";
import { unitPut, unitPutLength } from "./log";
import { Sample, SampleFormat } from "./sample";

/** The sample is invalid: the rest of it is skipped. */
const PIECE_BROKEN: i32 = -1;
/** The length of a NAL unit comes next; the first byte of its header; the rest of it. */
const PIECE_LENGTH: i32 = 0;
const PIECE_TYPE: i32 = 1;
const PIECE_BODY: i32 = 2;

/** Bytes of a sample of NAL units, each behind its length (ISO/IEC 14496-15 §4.3.2), which becomes four bytes. */
export function sampleNalUnits(sample: Sample, format: SampleFormat, src: i32, size: i32): void {
  const units = changetype<UnitTrack>(format.units);
  let at = 0;
  while (at < size) {
    if (sample.piece === PIECE_LENGTH) {
      sample.pieceLeft = (sample.pieceLeft << 8) | get8(src + at);
      sample.headBytes += 1;
      at += 1;
      if (sample.headBytes === format.lengthSize) endLength(sample, sample.left - at);
    } else if (sample.piece === PIECE_TYPE) {
      beginUnit(sample, format, get8(src + at));
      sample.piece = PIECE_BODY;
    } else if (sample.piece === PIECE_BODY) {
      const n = min(size - at, sample.pieceLeft);
      if (sample.kept !== 0) unitPut(units, src + at, n);
      sample.pieceLeft -= n;
      at += n;
      if (sample.pieceLeft === 0) sample.piece = PIECE_LENGTH;
    } else {
      return;
    }
  }
}

/** @param left bytes of the sample behind the length */
function endLength(sample: Sample, left: i32): void {
  sample.headBytes = 0;
  if ((sample.pieceLeft as u32) > (left as u32)) sample.piece = PIECE_BROKEN;
  else if (sample.pieceLeft !== 0) sample.piece = PIECE_TYPE;
}

function beginUnit(sample: Sample, format: SampleFormat, header: i32): void {
  const units = changetype<UnitTrack>(format.units);
  const isH265 = format.kind === SAMPLE_H265;
  const type = isH265 ? (header >> 1) & 63 : header & 31;
  const isKey = isH265 ? type >= 16 && type <= 21 : type === 5;
  sample.kept = isWanted(isH265, type, sample.pieceLeft) ? 1 : 0;
  if (sample.kept === 0) return;
  if (isKey) units.flags |= UNIT_KEY;
  if (sample.prefixed === 0 && (isKey || sample.sync !== 0)) {
    sample.prefixed = 1;
    unitPut(units, format.sets, format.setsSize);
  }
  if (unitPutLength(units, sample.pieceLeft) === 0) sample.kept = 0;
}

/** Delimiters, filler, and types with another meaning in RTP are dropped. */
function isWanted(isH265: bool, type: i32, size: i32): bool {
  if (isH265) return size >= 2 && type !== 35 && type !== 38 && type < 48;
  return type !== 0 && type !== 9 && type !== 12 && type < 24;
}
