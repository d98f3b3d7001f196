import { PARAM_MAX, TS_MPEG12_VIDEO } from "../abi";
import { UnitTrack } from "../units/layout";
import { unitPut } from "../units/log";
import { get8 } from "../wire";
import { TS_STREAM_HEAD, TS_STREAM_SCRATCH, TsDemux, TsStream } from "./demux-layout";
import { videoBegin, videoHead, videoNalEnd } from "./video";

/** More zeros in a row than this are no part of anything. */
const ZEROS_MAX = 65536;
/** Zeros in the scratch of a stream of video, which uses the first bytes of it alone. */
const VIDEO_HEAD_MAX = 16;
const ZEROS: i32 = TS_STREAM_HEAD + VIDEO_HEAD_MAX;
const ZEROS_SIZE = 64;

/**
 * Goes through a piece of an elementary stream with start codes (ITU-T H.264 §B.2, ISO/IEC 13818-2 §6.2.1): 00 00 01
 * starts a NAL unit, wherever the pieces are cut; zeros before it are ignored.
 */
export function scanBytes(demux: TsDemux, stream: TsStream, from: i32, size: i32): void {
  const end = from + size;
  let start = from;
  let at = from;
  while (at < end) {
    if (stream.zeros === 0) {
      at = nextZero(at, end);
      if (at === end) break;
    }
    let run = at;
    while (run < end && get8(run) === 0) run += 1;
    const zeros = min(stream.zeros + run - at, ZEROS_MAX);
    if (run === end) {
      put(demux, stream, start, at - start);
      stream.zeros = zeros;
      return;
    }
    if (zeros >= 2 && get8(run) === 1) {
      put(demux, stream, start, at - start);
      endNal(demux, stream, zeros - 2);
      stream.state = 1;
      start = run + 1;
      at = start;
      continue;
    }
    putZeros(demux, stream);
    at = run;
  }
  put(demux, stream, start, end - start);
}

/** The next byte that is 0, or `end`. */
function nextZero(from: i32, end: i32): i32 {
  let at = from;
  while (end - at >= 16) {
    if (v128.any_true(i8x16.eq(v128.load(at), i8x16.splat(0)))) {
      return at + ctz(i8x16.bitmask(i8x16.eq(v128.load(at), i8x16.splat(0))));
    }
    at += 16;
  }
  while (at < end && get8(at) !== 0) at += 1;
  return at;
}

/** Zeros held back from the piece before, which are no start code. */
function putZeros(demux: TsDemux, stream: TsStream): void {
  let left = stream.zeros;
  stream.zeros = 0;
  while (left > 0) {
    const n = min(left, ZEROS_SIZE);
    put(demux, stream, changetype<i32>(stream) + ZEROS, n);
    left -= n;
  }
}

function isKept(stream: TsStream): bool {
  return stream.state === 2;
}

/** Bytes of the NAL unit in progress. */
function put(demux: TsDemux, stream: TsStream, from: i32, size: i32): void {
  if (size === 0 || stream.state === 0 || stream.state === 3) return;
  let at = 0;
  if (stream.state === 1) {
    const head = changetype<i32>(stream) + TS_STREAM_HEAD;
    const need = videoHead(stream.kind);
    at = min(need - stream.nalSize, size);
    memory.copy(head + stream.nalSize, from, at);
    stream.nalSize += at;
    if (stream.nalSize < need) return;
    videoBegin(demux, stream);
    if (!isKept(stream)) return;
  }
  const left = size - at;
  if (left === 0) return;
  if (stream.param >= 0 && stream.nalSize + left <= PARAM_MAX) {
    memory.copy(changetype<i32>(stream) + TS_STREAM_SCRATCH + stream.nalSize, from + at, left);
  }
  unitPut(changetype<UnitTrack>(stream.units), from + at, left);
  stream.nalSize += left;
}

/** @param more zeros behind the NAL unit, those of the next start code not counted */
function endNal(demux: TsDemux, stream: TsStream, more: i32): void {
  stream.zeros = 0;
  if (stream.state === 1 && stream.nalSize > 0) videoBegin(demux, stream);
  if (stream.state === 2) {
    if (stream.kind === TS_MPEG12_VIDEO) {
      stream.zeros = more;
      putZeros(demux, stream);
    }
    videoNalEnd(stream);
  }
  stream.state = 0;
  stream.nalSize = 0;
}

/** Ends the NAL unit in progress: what follows does not belong to it. */
export function scanEnd(demux: TsDemux, stream: TsStream): void {
  const more = stream.state === 2 ? stream.zeros : 0;
  endNal(demux, stream, more);
}

/** Forgets the NAL unit in progress. */
export function scanLose(stream: TsStream): void {
  stream.state = 0;
  stream.zeros = 0;
  stream.nalSize = 0;
  stream.param = -1;
}
