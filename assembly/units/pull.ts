import {
  ERR_BUDGET,
  FLAG_END_OF_FRAME,
  FLAG_GAP,
  FLAG_START_OF_FRAME,
  FLAG_VIDEO,
  FRAMING,
  UNITS_AC3,
  UNITS_AV1,
  UNITS_FRAMES,
  UNITS_GENERIC,
  UNITS_H264,
  UNITS_H265,
  UNITS_LATM,
  UNITS_MPEG4_VIDEO,
  UNITS_MPEG12_AUDIO,
  UNITS_MPEG12_VIDEO,
  UNITS_SAMPLES,
  UNITS_VP8,
  UNITS_VP9,
} from "../abi";
import { Cursor, entryHere } from "../cursor";
import { entryArrival, entryFlags, entrySize, entryTrack, Log } from "../log";
import { EVENT_UNIT_OVERSIZED, note } from "../rtp/ingest";
import { rtpHeaderSize } from "../rtp/packet";
import { get8, get32 } from "../wire";
import { genericFrames, plainFrame } from "./audio";
import { av1Packet, endObu } from "./av1";
import { ac3Frames, mpaFrames } from "./framed-audio";
import { latmFrames } from "./latm";
import { UNIT_ABANDONED, UNIT_NONE, UnitTrack } from "./layout";
import { unitBegin, unitFinish } from "./log";
import { mpeg4Packet, mpeg12Packet } from "./mpeg-video";
import { h264Packet, h265Packet, nalReset } from "./nal";
import { vp8Packet, vp9Packet } from "./vp";

/**
 * Depacketizes the packets of a log that a cursor has not seen, and advances the cursor, until about
 * PULL_BYTES are done: the memory may have to grow for more.
 *
 * @param cursor of the RTP log
 * @param tracks addresses of the unit tracks, an i32 for each track of the log; 0 for tracks without units
 * @returns 1 when packets are left, else 0; what has no room in memory is dropped with its unit
 */
export function unitPull(cursor: i32, tracks: i32): i32 {
  const at = changetype<Cursor>(cursor);
  let bytes = 0;
  for (let entry = entryHere(at); entry !== 0; entry = entryHere(at)) {
    if (bytes > PULL_BYTES) return 1;
    at.seq += 1;
    countStall(at, entryArrival(entry));
    const address = load<i32>(tracks + entryTrack(entry) * sizeof<i32>());
    if (address === 0) continue;
    const size = entrySize(entry);
    const track = changetype<UnitTrack>(address);
    const oversized = track.oversized;
    track.stalled = at.stalled;
    takePacket(track, load<i32>(entry) + FRAMING, size - FRAMING, entryFlags(entry), entryArrival(entry));
    if (track.oversized !== oversized) {
      note(changetype<Log>(at.log), EVENT_UNIT_OVERSIZED, entryTrack(entry), size, track.limit);
    }
    bytes += size;
  }
  return 0;
}

const PULL_BYTES = 524288;
/** A longer time without packets is a stall, ms. */
const STALL_MS: i32 = 1000;

/** Adds up how long nothing arrived. */
function countStall(at: Cursor, arrival: i32): void {
  const silence = arrival - at.arrival;
  if (at.arrival !== 0 && silence > STALL_MS) at.stalled += silence;
  at.arrival = arrival;
}

/** Depacketizes one RTP packet of a track; it was validated when it entered the log. */
function takePacket(track: UnitTrack, packet: i32, size: i32, flags: i32, arrival: i32): i32 {
  const header = rtpHeaderSize(packet, size);
  const time = get32(packet + 4);
  const payload = packet + header;
  const left = size - header;
  if (left <= 0) return takeEmpty(track, flags);
  const marker = (get8(packet + 1) & 0x80) !== 0;
  switch (track.format) {
    case UNITS_FRAMES:
    case UNITS_SAMPLES:
      return plainFrame(track, payload, left, time, arrival);
    case UNITS_GENERIC:
      return genericFrames(track, payload, left, time, arrival, flags, marker);
    case UNITS_LATM:
      return latmFrames(track, payload, left, time, arrival, flags);
    case UNITS_MPEG12_AUDIO:
      return mpaFrames(track, payload, left, time, arrival, flags);
    case UNITS_AC3:
      return ac3Frames(track, payload, left, time, arrival, flags, marker);
    default:
      return takePiece(track, payload, left, time, arrival, flags);
  }
}

/** A packet without payload: it may end a frame, or be the first one after a gap. */
function takeEmpty(track: UnitTrack, flags: i32): i32 {
  if ((flags & FLAG_VIDEO) === 0) return 0;
  if ((flags & FLAG_GAP) !== 0) track.gap = 1;
  if ((flags & FLAG_END_OF_FRAME) === 0) return 0;
  if (track.gap !== 0) track.broken = 1;
  track.gap = 0;
  finishPieces(track);
  return 0;
}

/** A packet of a codec whose frames span packets. */
function takePiece(track: UnitTrack, payload: i32, size: i32, time: u32, arrival: i32, flags: i32): i32 {
  if ((flags & FLAG_START_OF_FRAME) !== 0) {
    finishPieces(track);
    if (unitBegin(track, time, arrival) !== 0) return ERR_BUDGET;
    nalReset(track);
  }
  if (track.open === UNIT_NONE) return 0; // the rest of a frame whose start is missing
  if ((flags & FLAG_GAP) !== 0 || track.gap !== 0) track.broken = 1;
  track.gap = 0;
  let code = 0;
  if (track.open === UNIT_ABANDONED) code = 0;
  else if (track.format === UNITS_H264) code = h264Packet(track, payload, size);
  else if (track.format === UNITS_H265) code = h265Packet(track, payload, size);
  else if (track.format === UNITS_AV1) code = av1Packet(track, payload, size);
  else if (track.format === UNITS_VP9) code = vp9Packet(track, payload, size);
  else if (track.format === UNITS_VP8) code = vp8Packet(track, payload, size);
  else if (track.format === UNITS_MPEG12_VIDEO) code = mpeg12Packet(track, payload, size);
  else if (track.format === UNITS_MPEG4_VIDEO) code = mpeg4Packet(track, payload, size);
  if ((flags & FLAG_END_OF_FRAME) !== 0) finishPieces(track);
  return code;
}

function finishPieces(track: UnitTrack): void {
  if (track.open === UNIT_NONE) return;
  if (track.format === UNITS_AV1) endObu(track);
  // a NAL unit whose last fragment is missing
  else if (track.lengthAt !== 0) track.broken = 1;
  unitFinish(track, 0);
}
